/** Small logs on a simulated disk: segments of a few KB, so that a short run rolls, indexes and deletes. */
import {
  type LogManager,
  type OpenLogManagerOptions,
  openLogManager,
  type PartitionLog,
} from '../../../../src/log/storage/index.ts';
import { type Clock, ManualClock } from '../../../../src/shared/index.ts';
import { type BatchHeader, encodeBatch, readBatchHeader, splitBatches } from '../../../../src/wire/index.ts';
import { seededRandom } from '../../../support/seeded-random.ts';
import { SimulatedLogFileSystem } from '../../../support/simulated-log-file-system.ts';

export const startMs = 1_700_000_000_000;

export function newDisk(seed = 1): SimulatedLogFileSystem {
  return new SimulatedLogFileSystem(seededRandom(seed));
}

export function openSmall(
  disk: SimulatedLogFileSystem,
  options: Partial<OpenLogManagerOptions> = {},
): Promise<LogManager> {
  return openLogManager({
    dataDirectory: '/data',
    fileSystem: disk,
    clock: options.clock ?? stillClock(),
    onFatal: (error) => {
      throw error;
    },
    indexIntervalBytes: 256,
    tailCacheBytes: 64 << 10,
    randomBytes: (count) => Buffer.from(Array.from({ length: count }, () => Math.floor(disk.random() * 256))),
    ...options,
    defaults: { segmentBytes: 4096, ...options.defaults },
  });
}

/** A clock that stands still: nothing happens by time alone. */
export function stillClock(): Clock {
  return new ManualClock(startMs);
}

/** A manager with topic `t` of one partition. */
export async function openWithTopic(
  disk: SimulatedLogFileSystem,
  options: Partial<OpenLogManagerOptions> = {},
): Promise<{ manager: LogManager; log: PartitionLog }> {
  const manager = await openSmall(disk, options);
  if (!manager.topic('t')) await manager.createTopic('t', { partitionCount: 1 });
  return { manager, log: manager.partition('t', 0)! };
}

export interface BatchPlan {
  values: string[];
  timestampMs?: bigint;
  producerId?: bigint;
  producerEpoch?: number;
  baseSequence?: number;
}

export function batchOf({ values, timestampMs = BigInt(startMs), ...producer }: BatchPlan): Buffer {
  return encodeBatch(
    values.map((value) => ({ key: null, value })),
    { timestampMs, ...producer },
  );
}

/** Appends one record per value, each in a batch of its own, and waits until all are durable. */
export async function appendValues(log: PartitionLog, values: string[]): Promise<void> {
  const results = values.map((value) => log.append(batchOf({ values: [value] })));
  await Promise.all(results.map((result) => result.durable));
}

/** All batches from the log start to the high watermark, as a consumer gets them. */
export async function readAll(log: PartitionLog, maxBytes = 2000): Promise<Buffer[]> {
  const batches: Buffer[] = [];
  let offset = log.logStartOffset;
  while (offset < log.highWatermark) {
    const { records } = await log.read(offset, maxBytes);
    for (const batch of splitBatches(records)) {
      batches.push(batch);
      offset = readBatchHeader(batch).lastOffset + 1n;
    }
  }
  return batches;
}

export async function readHeaders(log: PartitionLog): Promise<BatchHeader[]> {
  return (await readAll(log)).map((batch) => readBatchHeader(batch));
}

/** The path of a file of partition 0 of topic `t`. */
export function fileOf(name: string): string {
  return `/data/t-0/${name}`;
}
