import { describe, expect, it } from 'vitest';
import type { PartitionLog } from '../../../../src/log/storage/index.ts';
import { encodeBatch, readBatchHeader, splitBatches } from '../../../../src/wire/index.ts';
import { seededRandom } from '../../../support/seeded-random.ts';
import { appendValues, batchOf, newDisk, openWithTopic, readAll, startMs } from './log-fixture.ts';

/** The same log with everything in memory and with nothing in memory. */
async function twoLogs(fill: (log: PartitionLog) => Promise<void>): Promise<[PartitionLog, PartitionLog]> {
  const cached = await openWithTopic(newDisk(), { tailCacheBytes: 64 << 20 });
  await fill(cached.log);
  const disk = newDisk();
  const first = await openWithTopic(disk);
  await fill(first.log);
  await first.manager.close();
  return [cached.log, (await openWithTopic(disk)).log];
}

describe('a read', () => {
  it('answers the same from memory and from disk: whole batches, the first of which holds the offset', async () => {
    const random = seededRandom(7);
    const logs = await twoLogs(async (log) => {
      for (let index = 0; index < 300; index++) {
        log.append(batchOf({ values: Array.from({ length: 1 + (index % 4) }, () => 'x'.repeat((index * 31) % 700)) }));
        if (index % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await appendValues(log, ['end']);
    });
    for (const log of logs) {
      const all = Buffer.concat(await readAll(log));
      for (let round = 0; round < 200; round++) {
        const offset = BigInt(Math.floor(random() * Number(log.highWatermark)));
        const maxBytes = Math.floor(random() * 5000);
        const { records } = await log.read(offset, maxBytes);
        const batches = [...splitBatches(records)].map((batch) => readBatchHeader(batch));
        expect(batches[0]!.baseOffset <= offset && offset <= batches[0]!.lastOffset).toBe(true);
        expect(records.length <= maxBytes || batches.length === 1, `${records.length} of ${maxBytes}`).toBe(true);
        expect(all.includes(records)).toBe(true);
      }
    }
    expect(Buffer.concat(await readAll(logs[0])).equals(Buffer.concat(await readAll(logs[1])))).toBe(true);
  });

  it('answers one whole batch that is larger than asked for, and nothing at the end of the log', async () => {
    for (const log of await twoLogs((log) => appendValues(log, ['x'.repeat(3000), 'small']))) {
      expect((await log.read(0n, 10)).records.length).toBeGreaterThan(3000);
      const end = await log.read(2n, 1000);
      expect(end).toMatchObject({ highWatermark: 2n, lastStableOffset: 2n, logStartOffset: 0n });
      expect(end.records.length).toBe(0);
    }
  });

  it('outside of the log is refused', async () => {
    const { log } = await openWithTopic(newDisk());
    await appendValues(log, ['a', 'b', 'c']);
    await log.advanceLogStart(1n);
    for (const offset of [-1n, 0n, 4n]) {
      await expect(log.read(offset, 100)).rejects.toMatchObject({ kafkaName: 'OFFSET_OUT_OF_RANGE' });
    }
    expect((await log.read(1n, 1)).records.readBigInt64BE(0)).toBe(1n);
  });

  it('never shows what is not synced, though it is appended and written', async () => {
    const { log } = await openWithTopic(newDisk());
    await appendValues(log, ['a']);
    const result = log.append(batchOf({ values: ['b'] }));
    await result.written;
    expect(log.logEndOffset).toBe(2n);
    expect(log.highWatermark).toBe(1n);
    expect((await log.read(1n, 1000)).records.length).toBe(0);
    await expect(log.read(2n, 1000)).rejects.toMatchObject({ kafkaName: 'OFFSET_OUT_OF_RANGE' });
    expect(await log.offsetOfMaxTimestamp()).toEqual({ offset: 0n, timestampMs: BigInt(startMs) });
    await result.durable;
    expect((await log.read(1n, 1000)).records.length).toBeGreaterThan(0);
  });

  it('keeps the memory of all tails within its bound', async () => {
    const { manager, log } = await openWithTopic(newDisk(), {
      tailCacheBytes: 40_000,
      defaults: { segmentBytes: 1 << 20 },
    });
    await manager.createTopic('u', { partitionCount: 3 });
    const logs = [log, ...manager.topic('u')!.partitions];
    for (let round = 0; round < 40; round++)
      await Promise.all(logs.map((other) => appendValues(other, ['y'.repeat(1000)])));
    for (const other of logs) expect((await readAll(other)).length).toBe(40);
  });
});

describe('offsets by timestamp', () => {
  it('are the first record at or after it, as a scan of all records finds it, also in compressed batches', async () => {
    const sent: bigint[] = [];
    const logs = await twoLogs(async (log) => {
      sent.length = 0;
      const random = seededRandom(11);
      for (let index = 0; index < 80; index++) {
        const timestamps = Array.from({ length: 1 + Math.floor(random() * 5) }, () =>
          BigInt(1000 + index * 10 + Math.floor(random() * 60)),
        );
        const compression = index % 3 === 0 ? 'gzip' : 'none';
        const batch = encodeBatch(
          timestamps.map((timestamp) => ({ value: 'v'.repeat(60), timestamp })),
          { timestampMs: 0n, compression },
        );
        log.append(batch);
        sent.push(...timestamps);
      }
      await appendValues(log, ['end']);
      sent.push(BigInt(startMs));
    });
    for (const log of logs) {
      const known = sent.map((timestampMs, offset) => ({ offset: BigInt(offset), timestampMs }));
      for (let timestampMs = 990n; timestampMs < 1900n; timestampMs += 7n) {
        const expected = known.find((record) => record.timestampMs >= timestampMs) ?? null;
        expect(await log.offsetForTimestamp(timestampMs), `${timestampMs}`).toEqual(expected);
      }
      expect(await log.offsetForTimestamp(BigInt(startMs) + 1n)).toBeNull();
      expect(await log.offsetOfMaxTimestamp()).toEqual(known.at(-1));
    }
  });

  it('are none in an empty log, nor for records without a timestamp', async () => {
    const { log } = await openWithTopic(newDisk());
    expect(await log.offsetForTimestamp(0n)).toBeNull();
    expect(await log.offsetOfMaxTimestamp()).toBeNull();
    await log.append(batchOf({ values: ['v'], timestampMs: -1n })).durable;
    expect(await log.offsetForTimestamp(0n)).toBeNull();
    expect(await log.offsetOfMaxTimestamp()).toBeNull();
  });

  it('never lie below the log start', async () => {
    const { log } = await openWithTopic(newDisk());
    for (const timestampMs of [50n, 90n, 20n, 30n])
      await log.append(batchOf({ values: ['v', 'w'], timestampMs })).durable;
    await log.advanceLogStart(5n);
    expect(await log.offsetForTimestamp(10n)).toEqual({ offset: 5n, timestampMs: 20n });
    expect(await log.offsetOfMaxTimestamp()).toEqual({ offset: 6n, timestampMs: 30n });
  });
});
