import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../../src/shared/index.ts';
import { appendValues, batchOf, newDisk, openSmall, openWithTopic, startMs } from './log-fixture.ts';

const turns = async (count = 30): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};

describe('group commit', () => {
  it('syncs once for all appends of a partition that arrive together', async () => {
    const disk = newDisk();
    const { log } = await openWithTopic(disk);
    const before = disk.syncCount;
    await appendValues(
      log,
      Array.from({ length: 50 }, (_, index) => `${index}`),
    );
    expect(disk.syncCount - before).toBe(1);
  });

  it('forms the next group of what arrives while a sync runs', async () => {
    const disk = newDisk();
    const { log } = await openWithTopic(disk);
    const before = disk.syncCount;
    const first = log.append(batchOf({ values: ['a'] })).durable;
    await Promise.resolve();
    let isFirstDone = false;
    void first.then(() => {
      isFirstDone = true;
    });
    const later: Promise<void>[] = [];
    while (!isFirstDone) {
      later.push(log.append(batchOf({ values: ['b'] })).durable);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(later);
    expect(disk.syncCount - before).toBeLessThanOrEqual(3);
    expect(log.highWatermark).toBe(BigInt(1 + later.length));
  });

  it('writes all partitions before it syncs, and acknowledges each when its own file is synced', async () => {
    const disk = newDisk();
    const manager = await openSmall(disk);
    const { partitions } = await manager.createTopic('many', { partitionCount: 5 });
    await Promise.all(partitions.map((log) => appendValues(log, ['a', 'b'])));
    expect(partitions.map((log) => log.highWatermark)).toEqual([2n, 2n, 2n, 2n, 2n]);
    expect(
      (await openSmall(disk.afterPowerLoss(() => 0))).topic('many')!.partitions.map((log) => log.logEndOffset),
    ).toEqual([2n, 2n, 2n, 2n, 2n]);
  });

  it('leaves what only waits for the write unsynced, but not longer than the flush interval', async () => {
    const disk = newDisk();
    const clock = new ManualClock(startMs);
    const { log } = await openWithTopic(disk, { clock, flushIntervalMs: 100 });
    await log.append(batchOf({ values: ['a'] })).written;
    await turns();
    await clock.advance(90);
    await turns();
    expect(log.highWatermark).toBe(0n);
    await clock.advance(10);
    await turns();
    expect(log.highWatermark).toBe(1n);
    await log.append(batchOf({ values: ['b'] })).written;
    await clock.advance(100);
    await turns();
    expect(log.highWatermark).toBe(2n);
  });

  it('syncs at once what a reader waits for', async () => {
    const { log } = await openWithTopic(newDisk(), { flushIntervalMs: 1e9 });
    await log.append(batchOf({ values: ['a'] })).written;
    await new Promise<void>((resolve) => log.onceHighWatermarkPasses(0n, resolve));
    expect(log.highWatermark).toBe(1n);
    const waits = new Promise<void>((resolve) => log.onceHighWatermarkPasses(1n, resolve));
    log.append(batchOf({ values: ['b'] }));
    await waits;
    expect(log.highWatermark).toBe(2n);
  });

  it('syncs without being asked when too many bytes are unsynced', async () => {
    const { log } = await openWithTopic(newDisk(), { flushIntervalMs: 1e9, flushBytes: 3000 });
    for (let index = 0; index < 4; index++) await log.append(batchOf({ values: ['x'.repeat(1000)] })).written;
    await turns();
    expect(log.highWatermark > 0n).toBe(true);
  });

  it('counts the bytes that are not written yet, and tells when they are fewer', async () => {
    const { manager, log } = await openWithTopic(newDisk());
    expect(manager.pendingBytes).toBe(0);
    const batch = batchOf({ values: ['x'.repeat(1000)] });
    const size = batch.length;
    log.append(batch);
    log.append(batchOf({ values: ['x'.repeat(1000)] }));
    expect(manager.pendingBytes).toBe(2 * size);
    await manager.whenPendingBelow(1);
    expect(manager.pendingBytes).toBe(0);
    await manager.whenPendingBelow(1);
    log.append(batchOf({ values: ['v'] }));
    await expect(manager.whenPendingBelow(1, AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
    const stop = new AbortController();
    const waiting = manager.whenPendingBelow(1, stop.signal);
    stop.abort(new Error('stopped later'));
    await expect(waiting).rejects.toThrow('stopped later');
  });
});

describe('waiting for the high watermark', () => {
  it('calls back once, not from within the call, and not after unsubscribing', async () => {
    const { log } = await openWithTopic(newDisk());
    let calls = 0;
    const wake = (): void => {
      calls++;
    };
    log.onceHighWatermarkPasses(0n, wake);
    log.onceHighWatermarkPasses(0n, wake)();
    await appendValues(log, ['a']);
    await appendValues(log, ['b']);
    expect(calls).toBe(1);
    log.onceHighWatermarkPasses(0n, wake);
    expect(calls).toBe(1);
    await turns(1);
    expect(calls).toBe(2);
    log.onceHighWatermarkPasses(5n, wake);
    await appendValues(log, ['c']);
    expect(calls).toBe(2);
  });

  it('ends when the topic is deleted or the log is closed', async () => {
    const disk = newDisk();
    const { manager, log } = await openWithTopic(disk);
    const deleted = new Promise<void>((resolve) => log.onceHighWatermarkPasses(0n, resolve));
    await manager.deleteTopic('t');
    await deleted;
    const { partitions } = await manager.createTopic('u', { partitionCount: 1 });
    const closed = new Promise<void>((resolve) => partitions[0]!.onceHighWatermarkPasses(0n, resolve));
    await manager.close();
    await closed;
  });
});

describe('a clean shutdown', () => {
  it('syncs what was accepted, refuses what comes later, and can be asked twice', async () => {
    const disk = newDisk();
    const { manager, log } = await openWithTopic(disk);
    const accepted = log.append(batchOf({ values: ['a'] }));
    const closing = manager.close();
    expect(() => log.append(batchOf({ values: ['late'] }))).toThrow(
      expect.objectContaining({ kafkaName: 'KAFKA_STORAGE_ERROR' }),
    );
    await accepted.durable;
    await Promise.all([closing, manager.close()]);
    await expect(log.read(0n, 1)).rejects.toMatchObject({ kafkaName: 'KAFKA_STORAGE_ERROR' });
    await expect(manager.createTopic('u', { partitionCount: 1 })).rejects.toThrow(/closed/);
    expect((await openWithTopic(disk.afterPowerLoss(() => 0))).log.logEndOffset).toBe(1n);
  });
});
