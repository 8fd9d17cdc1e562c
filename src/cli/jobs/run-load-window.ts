import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  InProcessScheduler,
  type JobScheduler,
  type LoadWindowResult,
  loadWindow,
  RedisScheduler,
} from '../../../jobs/index.ts';
import { contractOptions } from '../../loader/index.ts';
import { BadInputError, createLogger } from '../../shared/index.ts';
import { clientConfigOf } from '../kafka/client-config.ts';
import type { FormatFlags } from '../load/format-options.ts';
import { exitCodes, formatBytes, formatCount, formatDuration, printJson, progressBar } from '../output.ts';
import { stopSignal } from '../signals.ts';

/** Options of `sluice jobs run load-window` as commander hands them over. */
export interface JobsRunOptions extends FormatFlags {
  brokers: string[];
  commandConfig?: string;
  topics: string[];
  warehouse: string;
  user?: string;
  redis?: string;
  jobId?: string;
  workers: number;
  timeField?: string;
  columns?: string;
  rollBytes?: number;
  maxDeadLetters: number;
  engine?: 'duckdb' | 'parquetjs';
  codec?: 'zstd' | 'snappy' | 'gzip' | 'none';
  json?: boolean;
}

/** Runs the job and prints its result; the exit code says complete, partial or failed. */
export async function runLoadWindow(options: JobsRunOptions): Promise<number> {
  const { signal } = stopSignal();
  const logger = createLogger('warn');
  await checkContract(options);
  const input = loadWindow.parseInput({
    brokers: options.brokers,
    clientConfig: clientConfigOf(options) ?? undefined,
    topics: options.topics,
    warehouseUrl: options.warehouse,
    user: options.user,
    timeField: options.timeField ?? null,
    contractFile: options.columns === undefined ? null : resolve(options.columns),
    format: fileOrName(options.format),
    registry: options.registry,
    rollBytes: options.rollBytes,
    engine: options.engine,
    codec: options.codec,
    maxDeadLetters: options.maxDeadLetters,
  });
  if (options.redis === undefined && options.workers === 0) {
    throw new BadInputError('expected --workers of at least 1 without --redis: nobody else would do the work');
  }
  const scheduler: JobScheduler =
    options.redis === undefined
      ? new InProcessScheduler({ concurrency: options.workers, logger })
      : await RedisScheduler.connect({ redisUrl: options.redis, concurrency: options.workers, logger });
  const startedMs = Date.now();
  const bar = progressBar('load-window', 0, 'rows');
  let rows = 0;
  try {
    const result = await scheduler.run(loadWindow, input, {
      ...(options.jobId === undefined ? {} : { jobId: options.jobId }),
      signal,
      onProgress: (progress) => bar.update((rows += Number(progress.rows)), progress.step),
    });
    bar.stop();
    print(result, Date.now() - startedMs, options.json === true);
    return { complete: exitCodes.complete, partial: exitCodes.partial, failed: exitCodes.failed }[result.outcome];
  } finally {
    bar.stop();
    await scheduler.close();
  }
}

/** What is wrong with the contract or the format shows here, not only in the workers. */
async function checkContract({ columns, format, registry }: JobsRunOptions): Promise<void> {
  await contractOptions(columns ?? null, { given: { format, registry } });
}

/** Workers may run in another folder. */
function fileOrName(format: string | undefined): string | undefined {
  return format !== undefined && existsSync(format) ? resolve(format) : format;
}

function print(result: LoadWindowResult, elapsedMs: number, asJson: boolean): void {
  if (asJson) {
    printJson({ ...result, elapsedMs });
    return;
  }
  for (const failure of result.failures) process.stderr.write(`${failure.step}: ${failure.error}\n`);
  const rate = Math.round((Number(result.rows) * 1000) / Math.max(1, elapsedMs));
  process.stdout.write(
    `${result.outcome}: ${formatCount(BigInt(result.rows))} rows, ${formatCount(BigInt(result.deadLetters))} dead letters, ` +
      `${formatCount(result.files)} files, ${formatBytes(BigInt(result.bytes))}, ${result.partitions.length} partitions, ` +
      `${formatDuration(elapsedMs)}, ${formatCount(rate)} rows/s\n`,
  );
}
