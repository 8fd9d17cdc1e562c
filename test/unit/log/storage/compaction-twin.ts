/** A compacted log held against everything that was ever appended to it. */
import { expect } from 'vitest';
import type { LogManager, PartitionLog } from '../../../../src/log/storage/index.ts';
import { type CompressionType, encodeBatch, RecordCursor, readBatchHeader } from '../../../../src/wire/index.ts';
import { readAll, startMs } from './log-fixture.ts';

export interface KeyedRecord {
  key: string;
  value: string | null;
}

interface FoundRecord extends KeyedRecord {
  timestampMs: bigint;
  header: string;
}

export class CompactionTwin {
  /** At the index of its offset. */
  readonly appended: FoundRecord[] = [];
  ackedEnd = 0;

  /** One batch; resolves when it is durable. */
  async append(log: PartitionLog, records: KeyedRecord[], compression: CompressionType = 'none'): Promise<void> {
    const first = this.appended.length;
    const full = records.map((record, i) => ({
      ...record,
      timestampMs: BigInt(startMs + first + i),
      header: `${first + i}`,
    }));
    const batch = encodeBatch(
      full.map(({ key, value, timestampMs, header }) => ({
        key,
        value,
        timestamp: timestampMs,
        headers: [{ name: 'n', value: Buffer.from(header) }],
      })),
      { timestampMs: BigInt(startMs), compression },
    );
    this.appended.push(...full);
    const result = log.append(batch);
    expect(result.baseOffset).toBe(BigInt(first));
    await result.durable;
    this.ackedEnd = this.appended.length;
  }

  /** The newest record of each key, below an offset. */
  newest(end = this.appended.length): Map<string, number> {
    const newest = new Map<string, number>();
    for (const [offset, { key }] of this.appended.slice(0, end).entries()) newest.set(key, offset);
    return newest;
  }

  /**
   * What is there was appended at its offset, the newest of each key is there (a tombstone may be gone, and then all of its key is),
   * and every offset is covered by one batch. Returns the offsets that are there.
   */
  async verify(log: PartitionLog, options: { mayDropTombstones?: boolean } = {}): Promise<number[]> {
    const { records, ends } = await contentOf(log);
    for (const [offset, found] of records) expect(found, `record ${offset}`).toEqual(this.appended[offset]);
    expect(ends.isDense, 'every offset is covered once').toBe(true);
    const logEnd = Number(log.logEndOffset);
    expect(logEnd).toBeGreaterThanOrEqual(this.ackedEnd);
    for (const [key, offset] of this.newest(logEnd)) {
      if (records.has(offset)) continue;
      expect(options.mayDropTombstones && this.appended[offset]!.value === null, `${key} at ${offset} is there`).toBe(
        true,
      );
      for (const found of records.values()) expect(found.key, `${key} stays deleted`).not.toBe(key);
    }
    return [...records.keys()];
  }
}

async function contentOf(log: PartitionLog) {
  const records = new Map<number, FoundRecord>();
  const ends = { next: log.logStartOffset, isDense: true };
  for (const batch of await readAll(log)) {
    const { baseOffset, lastOffset } = readBatchHeader(batch);
    if (baseOffset > ends.next || lastOffset < ends.next) ends.isDense = false;
    ends.next = lastOffset + 1n;
    const cursor = new RecordCursor(batch);
    while (cursor.next()) {
      if (cursor.offset < log.logStartOffset) continue;
      records.set(Number(cursor.offset), {
        key: String(cursor.key()),
        value: cursor.value()?.toString() ?? null,
        timestampMs: cursor.timestamp,
        header: String(cursor.headers()[0]!.value),
      });
    }
  }
  if (ends.next !== log.logEndOffset) ends.isDense = false;
  return { records, ends };
}

export async function createCompacted(manager: LogManager, config: object = {}): Promise<PartitionLog> {
  const topic = await manager.createTopic('t', {
    partitionCount: 1,
    config: { cleanupPolicy: 'compact', segmentBytes: 1024, minCleanableDirtyRatio: 0, ...config },
  });
  return topic.partitions[0]!;
}
