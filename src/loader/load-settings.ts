import { randomUUID } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BadInputError } from '../shared/index.ts';
import {
  checkPartitionBy,
  defaultLayout,
  type LayoutOptions,
  parseWarehouseUrl,
  TimeFolders,
} from '../warehouse/index.ts';
import type { LoadOptions, WorkerSettings } from './load-options.ts';
import { checkSchedule } from './roll-clock.ts';

export const defaultGroup = 'sluice-loader';
const megabyte = 1024 * 1024;
const dayMs = 86_400_000;

/** Settings of every worker but its index, its end offsets and its memory; see LoadOptions for the meaning of each. */
export type CommonSettings = Omit<WorkerSettings, 'workerIndex' | 'endOffsets' | 'memoryBytes'>;

/** Fills in the defaults. Throws BadInputError for what can be seen to be wrong without asking anybody. */
export function commonSettings(options: LoadOptions): CommonSettings {
  const { assignment } = options;
  if (options.topics.length === 0) throw new BadInputError('expected at least one topic');
  if (new Set(options.topics).size < options.topics.length) {
    throw new BadInputError(`expected each topic once, got ${options.topics.join(',')}`);
  }
  if (options.instanceId !== undefined && (options.workers ?? 1) > 1) {
    throw new BadInputError('an instance id names one member of the group: use it with one worker');
  }
  parseWarehouseUrl(options.warehouseUrl);
  if (options.rollEveryMs !== undefined) checkSchedule(options.rollEveryMs);
  return {
    brokers: options.brokers,
    clientConfig: options.clientConfig ?? null,
    topics: options.topics,
    warehouseUrl: options.warehouseUrl,
    user: options.user ?? null,
    group: options.group ?? defaultGroup,
    instanceId: options.instanceId ?? null,
    manual:
      assignment?.kind === 'manual'
        ? {
            jobId: assignment.jobId,
            attempt: assignment.attempt,
            partitions: assignment.partitions.map(({ topic, partition }) => ({ topic, partition })),
          }
        : null,
    timeField: options.timeField ?? null,
    format: options.format ?? null,
    schema: options.schema ?? null,
    contract: options.contract ?? null,
    rollBytes: options.rollBytes ?? 128 * megabyte,
    rollAgeMs: options.rollAgeMs ?? options.rollEveryMs ?? options.freshnessMs ?? 60_000,
    rollRecords: options.rollRecords ?? 10_000_000,
    rollEveryMs: options.rollEveryMs ?? null,
    freshnessMs: options.freshnessMs ?? null,
    maxFolders: options.maxFolders ?? 1000,
    layout: checkedLayout(options.layout ?? {}),
    engine: options.engine ?? 'duckdb',
    codec: options.codec ?? (options.engine === 'parquetjs' ? 'snappy' : 'zstd'),
    rowGroupRows: options.rowGroupRows ?? 122_880,
    maxFutureMs: options.maxFutureMs ?? dayMs,
    skipBudget: options.skipBudget ?? 1,
    onGap: options.onGap ?? 'stop',
    takeOver: options.takeOver ?? null,
    acceptRecreatedTopic: options.acceptRecreatedTopic ?? false,
    sessionTimeoutMs: options.sessionTimeoutMs ?? 15_000,
    rebalanceTimeoutMs: options.rebalanceTimeoutMs ?? 60_000,
    ownerCheckMs: options.ownerCheckMs ?? 5_000,
    scratchDirectory: freshScratch(options.scratchDirectory ?? tmpdir()),
  };
}

/** Zones and patterns are written as they are compared later. */
function checkedLayout(layout: LayoutOptions): LayoutOptions {
  const times = new TimeFolders(layout);
  checkPartitionBy({ ...defaultLayout, ...layout });
  return { ...layout, ...(layout.zone === undefined ? {} : { zone: times.zone.name }) };
}

const scratchPrefix = 'sluice-load-';

/** A private folder for this load; what loads of processes that are gone have left beside it is removed. */
function freshScratch(parent: string): string {
  try {
    for (const name of readdirSync(parent)) {
      const pid = Number(new RegExp(`^${scratchPrefix}(\\d+)-`).exec(name)?.[1] ?? Number.NaN);
      if (Number.isInteger(pid) && !isAlive(pid)) rmSync(join(parent, name), { recursive: true, force: true });
    }
  } catch {
    // not there yet, or not ours to clean: neither keeps a load from running
  }
  return join(parent, `${scratchPrefix}${process.pid}-${randomUUID().slice(0, 8)}`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
