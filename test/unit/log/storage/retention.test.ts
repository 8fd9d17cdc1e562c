import { describe, expect, it } from 'vitest';
import type { LogError } from '../../../../src/log/storage/index.ts';
import { ManualClock } from '../../../../src/shared/index.ts';
import { encodeBatch } from '../../../../src/wire/index.ts';
import { appendValues, batchOf, fileOf, newDisk, openWithTopic, readAll, startMs } from './log-fixture.ts';

const long = 'x'.repeat(1500);

describe('a segment', () => {
  it('is rolled before it would be larger than segment.bytes', async () => {
    const disk = newDisk();
    const { log } = await openWithTopic(disk, { defaults: { segmentBytes: 4096 } });
    await appendValues(
      log,
      Array.from({ length: 7 }, () => long),
    );
    const logs = disk.filesBelow('/data/t-0').filter((path) => path.endsWith('.log'));
    expect(logs).toEqual([0, 2, 4, 6].map((offset) => fileOf(`${offset.toString().padStart(20, '0')}.log`)));
    for (const path of logs) expect(disk.bytesOf(path)!.length).toBeLessThanOrEqual(4096);
    expect(log.sizeBytes).toBe(logs.reduce((total, path) => total + disk.bytesOf(path)!.length, 0));
  });

  it('is rolled by the first append after segment.ms', async () => {
    const clock = new ManualClock(startMs);
    const { log } = await openWithTopic(newDisk(), { clock, defaults: { segmentMs: 1000 } });
    const disk = newDisk();
    const { log: other } = await openWithTopic(disk, { clock, defaults: { segmentMs: 1000 } });
    await Promise.all([appendValues(log, ['a']), appendValues(other, ['a'])]);
    await clock.advance(999);
    await appendValues(other, ['b']);
    await clock.advance(1);
    await appendValues(other, ['c']);
    expect(disk.filesBelow('/data/t-0').filter((path) => path.endsWith('.log'))).toEqual([
      fileOf('00000000000000000000.log'),
      fileOf('00000000000000000002.log'),
    ]);
  });
});

describe('retention', () => {
  it('by time removes segments whose newest record is older, the active one too, and keeps the log end', async () => {
    const disk = newDisk();
    const { manager, log } = await openWithTopic(disk, { defaults: { retentionMs: 10_000 } });
    for (let index = 0; index < 6; index++) {
      await log.append(batchOf({ values: [long], timestampMs: BigInt(startMs - 6000 + index * 1000) })).durable;
    }
    await manager.applyRetention(startMs + 5000);
    expect(log.logStartOffset).toBe(0n);
    await manager.applyRetention(startMs + 6500);
    expect(log.logStartOffset).toBe(2n);
    await manager.applyRetention(startMs + 30_000);
    expect([log.logStartOffset, log.logEndOffset, log.sizeBytes]).toEqual([6n, 6n, 0]);
    await appendValues(log, ['next']);
    expect((await readAll(log)).length).toBe(1);
    await manager.close();
    const { log: again } = await openWithTopic(disk);
    expect([again.logStartOffset, again.logEndOffset]).toEqual([6n, 7n]);
    expect(disk.filesBelow('/data/t-0').filter((path) => path.includes('0000.') && path.endsWith('.deleted'))).toEqual(
      [],
    );
  });

  it('goes by the time of the last write for records dated in the future or not dated', async () => {
    const disk = newDisk();
    const { manager, log } = await openWithTopic(disk, { defaults: { retentionMs: 10_000 } });
    await log.append(batchOf({ values: [long], timestampMs: 4_070_908_800_000n })).durable;
    await log.append(batchOf({ values: [long], timestampMs: -1n })).durable;
    await appendValues(log, [long]);
    await manager.applyRetention(startMs + 9_000);
    expect(log.logStartOffset).toBe(0n);
    await manager.applyRetention(startMs + 11_000);
    expect(log.logStartOffset).toBe(3n);
  });

  it('by size removes the oldest segments that are surplus, never below the size', async () => {
    const { manager, log } = await openWithTopic(newDisk(), { defaults: { retentionBytes: 5000 } });
    await appendValues(
      log,
      Array.from({ length: 9 }, () => long),
    );
    await manager.applyRetention(0);
    expect(log.sizeBytes).toBeGreaterThanOrEqual(5000);
    expect(log.sizeBytes).toBeLessThan(5000 + 4096);
    expect(log.logStartOffset).toBe(4n);
  });

  it('runs by itself', async () => {
    const clock = new ManualClock(startMs);
    const { log } = await openWithTopic(newDisk(), {
      clock,
      retentionIntervalMs: 1000,
      defaults: { retentionBytes: 0 },
    });
    await appendValues(log, [long, long, long]);
    await clock.advance(1000);
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(log.logStartOffset).toBe(2n);
  });

  it('lets a reader of a removed segment finish, or tells it that the offset is gone', async () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 30; seed++) {
      const disk = newDisk(seed);
      const first = await openWithTopic(disk);
      await appendValues(first.log, [long, long, long, long, long]);
      await first.manager.close();
      const { manager, log } = await openWithTopic(disk, { defaults: { retentionBytes: 0 } });
      const retention = manager.applyRetention(0);
      for (let turn = 0; turn < seed % 10; turn++) await Promise.resolve();
      const outcome = await log.read(0n, 1000).then(
        ({ records }) => `${records.length} bytes`,
        (error: LogError) => error.kafkaName,
      );
      outcomes.add(outcome);
      await retention;
    }
    expect([...outcomes].sort()).toEqual([`${batchOf({ values: [long] }).length} bytes`, 'OFFSET_OUT_OF_RANGE']);
  });

  it('does not touch logs that their owner keeps short', async () => {
    const { manager } = await openWithTopic(newDisk(), { defaults: { retentionBytes: 0, retentionMs: 1 } });
    const config = { cleanupPolicy: 'compact' as const };
    const { partitions } = await manager.createTopic('__owned', { partitionCount: 1, isInternal: true, config });
    const log = partitions[0]!;
    for (let i = 0; i < 4; i++) {
      await log.append(encodeBatch([{ key: 'k', value: long }], { timestampMs: BigInt(startMs) })).durable;
    }
    const { sizeBytes } = log;
    await manager.applyRetention(startMs * 2);
    await manager.cleanLogs(startMs * 2);
    expect(log.logStartOffset).toBe(0n);
    expect(log.sizeBytes).toBe(sizeBytes);
  });
});

describe('advanceLogStart', () => {
  it('is durable when it resolves, removes whole segments, and hides the rest of the first one', async () => {
    const disk = newDisk();
    const { log } = await openWithTopic(disk);
    await appendValues(log, [long, long, long, long, long]);
    await log.advanceLogStart(3n);
    expect(log.logStartOffset).toBe(3n);
    expect(disk.filesBelow('/data/t-0').some((path) => path.includes('00000000000000000000.'))).toBe(false);
    const { log: recovered } = await openWithTopic(disk.afterPowerLoss(() => 0));
    expect([recovered.logStartOffset, recovered.logEndOffset]).toEqual([3n, 5n]);
    await expect(recovered.read(2n, 10)).rejects.toMatchObject({ kafkaName: 'OFFSET_OUT_OF_RANGE' });
  });

  it('never goes back and never passes the high watermark', async () => {
    const { log } = await openWithTopic(newDisk());
    await appendValues(log, ['a', 'b', 'c']);
    await log.advanceLogStart(2n);
    await log.advanceLogStart(1n);
    expect(log.logStartOffset).toBe(2n);
    await log.append(batchOf({ values: ['d'] })).written;
    await expect(log.advanceLogStart(4n)).rejects.toMatchObject({ kafkaName: 'OFFSET_OUT_OF_RANGE' });
    await log.advanceLogStart(3n);
    expect(log.logStartOffset).toBe(3n);
  });

  it('keeps the log start of a deleted topic from its successor of the same name', async () => {
    const disk = newDisk();
    const { manager, log } = await openWithTopic(disk);
    await appendValues(log, ['a', 'b', 'c']);
    await log.advanceLogStart(3n);
    await manager.deleteTopic('t');
    const successor = await manager.createTopic('t', { partitionCount: 1 });
    await appendValues(successor.partitions[0]!, ['x', 'y', 'z', 'u']);
    const { log: recovered } = await openWithTopic(disk.afterPowerLoss(() => 0));
    expect([recovered.logStartOffset, recovered.logEndOffset]).toEqual([0n, 4n]);
  });
});
