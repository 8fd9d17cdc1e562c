import { describe, expect, it, vi } from 'vitest';
import { ManualClock } from '../../../../src/shared/index.ts';
import { encodeBatch } from '../../../../src/wire/index.ts';
import { seededRandom } from '../../../support/seeded-random.ts';
import { CompactionTwin, createCompacted, type KeyedRecord } from './compaction-twin.ts';
import { newDisk, openSmall, startMs } from './log-fixture.ts';

// Many small logs; on a busy machine that takes its time.
vi.setConfig({ testTimeout: 120_000 });

const dayMs = 86_400_000;
const firstSeed = Number(process.env['SEED'] ?? 1);
const seedCount = Number(process.env['SEEDS'] ?? 3);

/** Enough of other keys to roll away from what was appended before. */
async function rollOn(twin: CompactionTwin, log: Parameters<CompactionTwin['append']>[0]): Promise<void> {
  for (let i = 0; i < 12; i++) await twin.append(log, [{ key: `roll-${twin.appended.length}`, value: 'x'.repeat(80) }]);
}

describe('compaction', () => {
  it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'keeps the last record of each key with its offset, time and headers, in codec %s',
    async (codec) => {
      const manager = await openSmall(newDisk());
      const log = await createCompacted(manager);
      const twin = new CompactionTwin();
      for (let round = 0; round < 40; round++) {
        const records = [1, 2, 3].map((i) => ({
          key: `key-${(round * i) % 7}`,
          value: `${round}.${i}`.padEnd(40, 'v'),
        }));
        await twin.append(log, records, codec);
      }
      await rollOn(twin, log);
      const formerBytes = log.sizeBytes;
      await manager.cleanLogs(startMs);
      const kept = await twin.verify(log);
      expect(log.sizeBytes).toBeLessThan(formerBytes / 2);
      expect(kept.filter((offset) => offset < 120).length).toBe(7);
      expect(log.logStartOffset).toBe(0n);
      expect(log.logEndOffset).toBe(BigInt(twin.appended.length));
    },
  );

  it('keeps a tombstone for delete.retention.ms after the cleaning that saw it, then removes it for good', async () => {
    const clock = new ManualClock(startMs);
    const manager = await openSmall(newDisk(), { clock });
    const log = await createCompacted(manager, { deleteRetentionMs: dayMs });
    const twin = new CompactionTwin();
    await twin.append(log, [
      { key: 'gone', value: 'here' },
      { key: 'stays', value: 'here' },
    ]);
    await twin.append(log, [{ key: 'gone', value: null }]);
    await rollOn(twin, log);
    await manager.cleanLogs(startMs);
    expect(await twin.verify(log)).toEqual(expect.arrayContaining([1, 2]));
    await rollOn(twin, log);
    await manager.cleanLogs(startMs + dayMs - 1);
    expect(await twin.verify(log)).toContain(2);
    await rollOn(twin, log);
    await manager.cleanLogs(startMs + dayMs);
    const kept = await twin.verify(log, { mayDropTombstones: true });
    expect(kept).toContain(1);
    expect(kept).not.toContain(2);
    expect(kept).not.toContain(0);
  });

  it('never brings a deleted key back, whatever was cleaned before its tombstone went', async () => {
    for (let seed = firstSeed; seed < firstSeed + seedCount; seed++) {
      const random = seededRandom(seed);
      const manager = await openSmall(newDisk(seed));
      const log = await createCompacted(manager, { deleteRetentionMs: 1000 });
      const twin = new CompactionTwin();
      for (let round = 0; round < 12; round++) {
        for (let i = 0; i < 12; i++) await twin.append(log, randomRecords(random));
        await manager.cleanLogs(startMs + round * 700);
        await twin.verify(log, { mayDropTombstones: true }).catch((error: unknown) => {
          throw new Error(`seed ${seed}`, { cause: error });
        });
      }
    }
  });

  it('waits until enough is new, and leaves records younger than min.compaction.lag.ms alone', async () => {
    const manager = await openSmall(newDisk());
    const log = await createCompacted(manager, { minCleanableDirtyRatio: 0.9, minCompactionLagMs: dayMs });
    const twin = new CompactionTwin();
    for (let i = 0; i < 60; i++) await twin.append(log, [{ key: 'k', value: 'v'.repeat(80) }]);
    const formerBytes = log.sizeBytes;
    await manager.cleanLogs(startMs + dayMs - 1);
    expect(log.sizeBytes).toBe(formerBytes);
    await manager.cleanLogs(startMs + dayMs + 1000);
    const cleanedBytes = log.sizeBytes;
    expect(cleanedBytes).toBeLessThan(formerBytes);
    for (let i = 0; i < 10; i++) await twin.append(log, [{ key: `other-${i}`, value: 'v'.repeat(80) }]);
    await manager.cleanLogs(startMs + dayMs + 1000);
    await twin.verify(log);
    expect(log.sizeBytes).toBeGreaterThan(cleanedBytes);
  });

  it('cleans a log with more keys than it has memory for in several goes', async () => {
    const manager = await openSmall(newDisk(), { cleanerMapBytes: 24 * 20 });
    const log = await createCompacted(manager);
    const twin = new CompactionTwin();
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 40; i++) await twin.append(log, [{ key: `key-${i}`, value: `${round}`.repeat(60) }]);
    }
    for (let go = 0; go < 12; go++) await manager.cleanLogs(startMs);
    const kept = await twin.verify(log);
    expect(kept.length).toBeLessThan(80);
  });

  it('refuses a record without a key, and nothing of its batch is appended', async () => {
    const manager = await openSmall(newDisk());
    const log = await createCompacted(manager);
    const batch = encodeBatch(
      [
        { key: 'k', value: 'v' },
        { key: null, value: 'v' },
      ],
      { timestampMs: 1n, compression: 'gzip' },
    );
    expect(() => log.append(batch)).toThrow(expect.objectContaining({ kafkaName: 'INVALID_RECORD' }));
    expect(log.logEndOffset).toBe(0n);
  });

  it('lets readers at any offset go on while segments are replaced under them', async () => {
    const disk = newDisk();
    const manager = await openSmall(disk, { tailCacheBytes: 0 });
    const log = await createCompacted(manager);
    const twin = new CompactionTwin();
    for (let i = 0; i < 120; i++) await twin.append(log, randomRecords(disk.random));
    const over = new AbortController();
    const reader = async (): Promise<void> => {
      while (!over.signal.aborted) {
        const offset = BigInt(Math.floor(disk.random() * Number(log.highWatermark)));
        const { records } = await log.read(offset, 500);
        expect(records.length).toBeGreaterThan(0);
        await log.offsetForTimestamp(BigInt(startMs) + offset);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const readers = [reader(), reader(), reader()];
    try {
      for (let round = 0; round < 5; round++) {
        await manager.cleanLogs(startMs);
        for (let i = 0; i < 15; i++) await twin.append(log, randomRecords(disk.random));
      }
    } finally {
      over.abort();
      await Promise.all(readers);
    }
    await twin.verify(log, { mayDropTombstones: true });
  });

  it('stops when the topic is deleted under it', async () => {
    const manager = await openSmall(newDisk());
    const log = await createCompacted(manager);
    const twin = new CompactionTwin();
    for (let i = 0; i < 60; i++) await twin.append(log, [{ key: 'k', value: 'v'.repeat(80) }]);
    const cleaning = manager.cleanLogs(startMs);
    await manager.deleteTopic('t');
    await cleaning;
    expect(manager.topic('t')).toBeUndefined();
  });
});

describe('a crash while segments are replaced', () => {
  it('at any moment leaves the log as it was, or cleaned, and a second start changes nothing', async () => {
    let stateCount = 0;
    for (let seed = firstSeed; seed < firstSeed + seedCount; seed++) {
      const random = seededRandom(seed);
      const disk = newDisk(seed);
      const manager = await openSmall(disk);
      const log = await createCompacted(manager, { deleteRetentionMs: 1000 });
      const twin = new CompactionTwin();
      for (let i = 0; i < 35; i++) await twin.append(log, randomRecords(random));
      await manager.cleanLogs(startMs);
      for (let i = 0; i < 35; i++) await twin.append(log, randomRecords(random));
      const crashes: ReturnType<typeof disk.afterKill>[] = [];
      disk.onChange = () => {
        if (random() < 0.08) crashes.push(random() < 0.7 ? disk.afterPowerLoss(random) : disk.afterKill(random));
      };
      await manager.cleanLogs(startMs + 2000);
      disk.onChange = () => {};
      crashes.push(disk.afterPowerLoss(random));
      for (const crash of crashes) {
        const nested: typeof crashes = [];
        crash.onChange = () => {
          if (random() < 0.01) nested.push(crash.afterPowerLoss(random));
        };
        await verifyStart(crash, twin, seed);
        crash.onChange = () => {};
        for (const again of nested) await verifyStart(again, twin, seed);
        stateCount += 1 + nested.length;
      }
    }
    expect(stateCount).toBeGreaterThan(seedCount * 5);
  });
});

async function verifyStart(disk: ReturnType<typeof newDisk>, twin: CompactionTwin, seed: number): Promise<void> {
  const manager = await openSmall(disk);
  try {
    const log = manager.partition('t', 0)!;
    await twin.verify(log, { mayDropTombstones: true });
    expect(disk.filesBelow('/data/t-0').filter((path) => /\.(swap|cleaned|deleted)$/.test(path))).toEqual([]);
    await manager.cleanLogs(startMs + 4000);
    await twin.verify(log, { mayDropTombstones: true });
  } catch (error) {
    throw new Error(`seed ${seed}`, { cause: error });
  }
}

/** Few keys, now and then a tombstone. */
function randomRecords(random: () => number): KeyedRecord[] {
  return Array.from({ length: 1 + Math.floor(random() * 3) }, () => ({
    key: `key-${Math.floor(random() * 9)}`,
    value: random() < 0.25 ? null : 'v'.repeat(Math.floor(random() * 120)),
  }));
}
