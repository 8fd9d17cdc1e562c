import {
  findJob,
  InProcessScheduler,
  type JobFlow,
  type JobResult,
  type JobScheduler,
  jobNames,
  RedisScheduler,
} from '../../../jobs/index.ts';
import { BadInputError, createLogger } from '../../shared/index.ts';
import { readConfig, type SluiceConfig } from '../config.ts';
import { exitCodes, formatDuration, printJson, progressBar } from '../output.ts';
import { stopSignal } from '../signals.ts';
import {
  findSchedule,
  inputFromSettings,
  type JobsOptions,
  redisOf,
  schedulesOf,
  warehouseUrlOf,
} from './open-jobs.ts';

export interface RunJobOptions extends JobsOptions {
  jobId?: string;
  workers: number;
  input?: string;
  warehouse?: string;
  brokers?: string[];
  topics?: string[];
  tables?: string[];
}

/** `sluice jobs run NAME`: a schedule's job now, or a job by its name. Ends with its outcome as exit code. */
export async function runJob(name: string, flags: RunJobOptions): Promise<number> {
  const config = readConfig(flags.config ?? null);
  const isJob = jobNames.includes(name);
  const schedule = isJob ? null : findSchedule(schedulesOf(config), name);
  const job = findJob(schedule?.job ?? name);
  const given = schedule ? (schedule.input as Record<string, unknown>) : inputFromSettings(name, config);
  const input = job.parseInput({ ...given, ...saidByOptions(flags), ...jsonInput(flags.input) });
  return await runToEnd(job, input, {
    config,
    flags,
    label: name,
    print: (result, elapsedMs, asJson) => print(job.name, result, elapsedMs, asJson),
  });
}

/** Runs a job on the Redis of flags or settings, or in this process, and prints what it did. */
export async function runToEnd<I, C, R, T extends JobResult>(
  job: JobFlow<I, C, R, T>,
  input: I,
  { config, flags, label = job.name, print }: RunToEnd<T>,
): Promise<number> {
  const { signal } = stopSignal();
  const logger = createLogger('warn');
  const redisUrl = redisOf(flags, config);
  if (redisUrl === undefined && flags.workers === 0) {
    throw new BadInputError('expected --workers of at least 1 without --redis: nobody else would do the work');
  }
  const scheduler: JobScheduler =
    redisUrl === undefined
      ? new InProcessScheduler({ concurrency: flags.workers, logger })
      : await RedisScheduler.connect({ redisUrl, concurrency: flags.workers, logger });
  const startedMs = Date.now();
  const bar = progressBar(label, 0, 'rows');
  let rows = 0;
  try {
    const result = await scheduler.run(job, input, {
      ...(flags.jobId === undefined ? {} : { jobId: flags.jobId }),
      signal,
      onProgress: (progress) => bar.update((rows += Number(progress.rows)), progress.step),
    });
    bar.stop();
    print(result, Date.now() - startedMs, flags.json === true);
    return { complete: exitCodes.complete, partial: exitCodes.partial, failed: exitCodes.failed }[result.outcome];
  } finally {
    bar.stop();
    await scheduler.close();
  }
}

interface RunToEnd<Result> {
  config: SluiceConfig;
  flags: RunJobOptions;
  /** Before the progress; default: the job's name. */
  label?: string;
  print: (result: Result, elapsedMs: number, asJson: boolean) => void;
}

/** What the options that all jobs have say of the input. */
export function saidByOptions({ warehouse, brokers, topics, tables }: RunJobOptions): Record<string, unknown> {
  return {
    ...(warehouse === undefined ? {} : { warehouseUrl: warehouseUrlOf(warehouse) }),
    ...(brokers === undefined ? {} : { brokers }),
    ...(topics === undefined ? {} : { topics }),
    ...(tables === undefined ? {} : { tables }),
  };
}

export function jsonInput(text: string | undefined): Record<string, unknown> {
  if (text === undefined) return {};
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
      return parsed as Record<string, unknown>;
  } catch {
    // said below
  }
  throw new BadInputError(`expected --input to be a JSON object, got ${text}`);
}

function print(job: string, result: JobResult, elapsedMs: number, asJson: boolean): void {
  if (asJson) {
    printJson({ ...result, elapsedMs });
    return;
  }
  for (const { step, error } of result.failures) process.stderr.write(`${step}: ${error}\n`);
  const counts = Object.entries(result).flatMap(([name, value]) => {
    if (name === 'failures' || name === 'outcome' || typeof value === 'object') return [];
    return [`${name} ${String(value)}`];
  });
  const facts = [...counts, formatDuration(elapsedMs)].join(', ');
  process.stdout.write(`${job} ${result.outcome}: ${facts}\n`);
}
