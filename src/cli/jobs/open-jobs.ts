import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  checkSchedule,
  FileJobStore,
  findJob,
  InProcessScheduler,
  type JobSchedule,
  type JobStore,
  RedisJobStore,
  RedisScheduler,
} from '../../../jobs/index.ts';
import { BadInputError, definedOnly, type Logger, systemClock } from '../../shared/index.ts';
import { readConfig, type SluiceConfig } from '../config.ts';
import { settingsOfLoad } from '../load/load-settings.ts';

/** Options of every command that looks at schedules and runs. */
export interface JobsOptions {
  redis?: string;
  state?: string;
  config?: string;
  json?: boolean;
}

/** The schedules of the settings file, checked, each with the input that its job takes. */
export function schedulesOf(config: SluiceConfig): JobSchedule[] {
  return Object.entries(config.jobs.schedules ?? {}).map(([name, kept]) => {
    checkSchedule({ name, ...kept });
    const input = { ...inputFromSettings(kept.job, config), ...kept.input };
    findJob(kept.job).parseInput(input);
    return { name, ...kept, input };
  });
}

/** What a job takes from sections `loader`, `kafka` and `jobs` unless its own input says else. */
export function inputFromSettings(job: string, { loader, kafka, jobs }: SluiceConfig): Record<string, unknown> {
  const warehouse = loader.warehouse === undefined ? {} : { warehouseUrl: warehouseUrlOf(loader.warehouse) };
  const clientConfig = process.env['SLUICE_COMMAND_CONFIG'] ?? kafka.commandConfig ?? kafka.properties;
  const common = { ...warehouse, user: loader.user };
  const cluster = { brokers: jobs.brokers, clientConfig };
  const contractFile = loader.columns === undefined ? undefined : resolve(loader.columns);
  const { topics, engine, codec, memory: memoryBytes } = loader;
  const load = { topics, contractFile, engine, codec, defaults: loadDefaults(loader) };
  // The rolls of a bounded load are by bytes and at its end; those of the settings are for a load that goes on.
  const { rollAgeMs: _age, rollEveryMs: _every, freshnessMs: _freshness, ...bounded } = load.defaults;
  const defaults: Record<string, Record<string, unknown>> = {
    'load-window': { ...common, ...cluster, ...load, defaults: bounded },
    'catch-up': { ...common, ...cluster, ...load, defaults: bounded },
    'continuous-load': { ...common, ...cluster, ...load, group: loader.group, workers: loader.workers, memoryBytes },
    'close-hours': { ...common, ...cluster },
    audit: { ...common, ...cluster },
    'compact-files': common,
    'expire-warehouse': { ...common, contractFile, defaultOlderThanMs: loader.retention },
    'sync-catalog': common,
    'daily-report': { ...common, timeField: loader.timeField },
  };
  return definedOnly(defaults[job] ?? {});
}

/** A load that is told something by its input goes by that; else by its contract; else by the settings. */
function loadDefaults(loader: SluiceConfig['loader']): Record<string, unknown> {
  const { layout, format, ...rest } = settingsOfLoad(loader);
  return definedOnly({ ...rest, ...layout, format: format && fileOrName(format) });
}

/** A file with a section "format" by its whole path: workers may run in another folder. */
export function fileOrName(format: string): string {
  return existsSync(format) ? resolve(format) : format;
}

export interface OpenJobs {
  config: SluiceConfig;
  schedules: JobSchedule[];
  store: JobStore;
  /** Null: without a Redis everything runs in this process. */
  redis: RedisScheduler | null;
  files: FileJobStore | null;
}

/** Opens what the options or the settings file name: a Redis, or a local folder. `workers` 0: only to look. */
export async function openJobs(
  options: JobsOptions & { lock?: number },
  workers: number,
  logger: Logger,
): Promise<OpenJobs> {
  const config = readConfig(options.config ?? null);
  const schedules = schedulesOf(config);
  const redisUrl = redisOf(options, config);
  if (redisUrl !== undefined) {
    const redis = await RedisScheduler.connect({
      redisUrl,
      concurrency: workers,
      logger,
      ...(options.lock === undefined ? {} : { lockMs: options.lock }),
    });
    return { config, schedules, store: new RedisJobStore(redis), redis, files: null };
  }
  const scheduler = new InProcessScheduler({ concurrency: Math.max(1, workers), logger });
  const folder = options.state ?? config.jobs.state ?? 'data/jobs';
  const files = new FileJobStore({ folder, scheduler, clock: systemClock, logger });
  return { config, schedules, store: files, redis: null, files };
}

/** The Redis that jobs run on; undefined: in this process. Who names a local folder wants none. */
export function redisOf({ redis, state }: JobsOptions, config: SluiceConfig): string | undefined {
  return redis ?? (state === undefined ? config.jobs.redis : undefined);
}

export function findSchedule(schedules: readonly JobSchedule[], name: string): JobSchedule {
  const found = schedules.find((schedule) => schedule.name === name);
  if (found) return found;
  const known = schedules.map((schedule) => schedule.name).join(', ') || 'none';
  throw new BadInputError(`expected one of the schedules of the settings file (${known}), got "${name}"`);
}

/** A folder becomes a file URL; a URL stays. */
export function warehouseUrlOf(text: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : pathToFileURL(resolve(text)).href;
}
