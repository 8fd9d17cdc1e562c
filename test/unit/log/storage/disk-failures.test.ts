import { describe, expect, it, vi } from 'vitest';
import type { LogError, LogManager, PartitionLog } from '../../../../src/log/storage/index.ts';
import {
  appendValues,
  batchOf,
  fileOf,
  newDisk,
  openSmall,
  openWithTopic,
  readAll,
  readHeaders,
  startMs,
} from './log-fixture.ts';

// Thousands of small logs; on a busy machine that takes its time.
vi.setConfig({ testTimeout: 120_000 });

const value = 'x'.repeat(200);

async function outcomeOf(promise: Promise<void>): Promise<string> {
  try {
    await promise;
    return 'ok';
  } catch (error) {
    return (error as LogError).kafkaName;
  }
}

describe('a sync that fails', () => {
  it('at any point ends the log: nothing is acknowledged or served after it, and what was acknowledged before is there after recovery', async () => {
    for (let failAt = 0; failAt < 70; failAt++) {
      const disk = newDisk(failAt);
      const failures: Error[] = [];
      const { manager, log } = await openWithTopic(disk, {
        onFatal: (error) => failures.push(error),
        defaults: { segmentBytes: 1500 },
      });
      disk.syncsUntilFailure = disk.syncCount + failAt;
      let acked = 0;
      for (let round = 0; failures.length === 0; round++) {
        const append = log.append(batchOf({ values: [value] }));
        if ((await outcomeOf(append.durable)) === 'ok') acked = round + 1;
      }
      await expectRefused(manager, log);
      expect(failures.length).toBe(1);
      await manager.close();
      expect(disk.bytesOf('/data/.kafka_cleanshutdown'), 'no marker after a failure').toBeNull();
      const { log: recovered } = await openWithTopic(disk.afterPowerLoss(disk.random));
      expect(recovered.logEndOffset >= BigInt(acked), `sync ${failAt}: acknowledged ${acked}`).toBe(true);
    }
  });

  it('is not tried again: the next sync would succeed without the lost pages', async () => {
    const disk = newDisk();
    const { log } = await openWithTopic(disk, { onFatal: () => {} });
    await appendValues(log, ['before']);
    disk.syncsUntilFailure = disk.syncCount;
    const syncs = disk.syncCount;
    expect(await outcomeOf(log.append(batchOf({ values: ['lost'] })).durable)).toBe('KAFKA_STORAGE_ERROR');
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(disk.syncCount).toBe(syncs + 1);
    expect(log.highWatermark).toBe(1n);
  });

  it('wakes readers that wait and rejects producers that only waited for the write', async () => {
    const disk = newDisk();
    const { log } = await openWithTopic(disk, { onFatal: () => {} });
    disk.syncsUntilFailure = disk.syncCount;
    const woken = new Promise<void>((resolve) => log.onceHighWatermarkPasses(0n, resolve));
    log.append(batchOf({ values: ['a'] }));
    await woken;
    await expect(log.read(0n, 100)).rejects.toMatchObject({ kafkaName: 'KAFKA_STORAGE_ERROR' });
  });

  it('while a topic is created ends the log too', async () => {
    const disk = newDisk();
    const failures: Error[] = [];
    const manager = await openSmall(disk, { onFatal: (error) => failures.push(error) });
    disk.syncsUntilFailure = disk.syncCount + 2;
    await expect(manager.createTopic('t', { partitionCount: 2 })).rejects.toThrow();
    expect(failures.length).toBe(1);
    await expect(manager.createTopic('u', { partitionCount: 1 })).rejects.toMatchObject({
      kafkaName: 'KAFKA_STORAGE_ERROR',
    });
  });
});

describe('a topic that cannot be created now', () => {
  it('for want of file handles is refused with a retriable error, leaves nothing, and can be created later', async () => {
    const disk = newDisk();
    const manager = await openSmall(disk);
    const open = disk.open.bind(disk);
    let left = 3;
    disk.open = (path, mode) =>
      left-- > 0 ? open(path, mode) : Promise.reject(Object.assign(new Error('EMFILE'), { code: 'EMFILE' }));
    await expect(manager.createTopic('t', { partitionCount: 4 })).rejects.toMatchObject({
      kafkaName: 'KAFKA_STORAGE_ERROR',
      isRetriable: true,
    });
    disk.open = open;
    expect(disk.filesBelow('/data').filter((path) => path.startsWith('/data/t'))).toEqual([]);
    expect((await manager.createTopic('t', { partitionCount: 4 })).partitions.length).toBe(4);
  });

  it('because the broker stops is refused with a retriable error', async () => {
    const manager = await openSmall(newDisk());
    await manager.close();
    await expect(manager.createTopic('t', { partitionCount: 1 })).rejects.toMatchObject({
      kafkaName: 'KAFKA_STORAGE_ERROR',
      isRetriable: true,
    });
  });
});

describe('a full disk', () => {
  it('refuses appends with a retriable error, at any free space, and never shows a part of them', async () => {
    for (let free = 0; free < 700; free += 23) {
      const disk = newDisk(free);
      const { log } = await openWithTopic(disk);
      await appendValues(log, ['a', 'b']);
      disk.capacityBytes = usedBytes(disk) + free;
      const results = [1, 2, 3].map(() => log.append(batchOf({ values: [value] })));
      const outcomes = await Promise.all(results.map((result) => outcomeOf(result.durable)));
      const bytes = disk.bytesOf(fileOf('00000000000000000000.log'))!;
      const { log: recovered } = await openWithTopic(disk.afterKill(disk.random));
      expect(outcomes.every((outcome) => outcome === 'ok' || outcome === 'KAFKA_STORAGE_ERROR')).toBe(true);
      expect(log.highWatermark).toBe(BigInt(2 + outcomes.filter((outcome) => outcome === 'ok').length));
      expect(log.logEndOffset).toBe(log.highWatermark);
      expect(recovered.logEndOffset).toBe(log.highWatermark);
      expect(Buffer.concat(await readAll(log)).equals(bytes)).toBe(true);
    }
  });

  it('is survived without a restart: when there is space again appends go on, with the same offsets and sequences', async () => {
    const disk = newDisk();
    const { log } = await openWithTopic(disk);
    const batch = (baseSequence: number): Buffer =>
      batchOf({ values: [value], producerId: 3n, producerEpoch: 0, baseSequence });
    await log.append(batch(0)).durable;
    disk.capacityBytes = usedBytes(disk) + 100;
    const refused = [log.append(batch(1)), log.append(batch(2))];
    expect(await Promise.all(refused.map((result) => outcomeOf(result.durable)))).toEqual([
      'KAFKA_STORAGE_ERROR',
      'KAFKA_STORAGE_ERROR',
    ]);
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    const retries = [log.append(batch(1)), log.append(batch(2))];
    await Promise.all(retries.map((result) => result.durable));
    expect(retries.map((result) => [result.baseOffset, result.isDuplicate])).toEqual([
      [1n, false],
      [2n, false],
    ]);
    expect((await readHeaders(log)).map((header) => header.baseSequence)).toEqual([0, 1, 2]);
  });

  it('while a segment rolls takes the roll back, or keeps the empty segment, and loses nothing', async () => {
    for (let free = 0; free < 600; free += 17) {
      const disk = newDisk(free);
      const { log } = await openWithTopic(disk, { defaults: { segmentBytes: 1100 } });
      await appendValues(log, [value, value, value]);
      disk.capacityBytes = usedBytes(disk) + free;
      const refused = [1, 2, 3, 4, 5, 6, 7].map(() => log.append(batchOf({ values: [value] })));
      const outcomes = await Promise.all(refused.map((result) => outcomeOf(result.durable)));
      expect(outcomes).toContain('KAFKA_STORAGE_ERROR');
      disk.capacityBytes = Number.POSITIVE_INFINITY;
      await appendValues(log, [value, value, value, value, value]);
      const { log: recovered } = await openWithTopic(disk.afterPowerLoss(() => 0));
      expect(recovered.logEndOffset).toBe(log.highWatermark);
      expect(Buffer.concat(await readAll(recovered)).equals(Buffer.concat(await readAll(log)))).toBe(true);
    }
  });

  it('does not keep retention from making room', async () => {
    const disk = newDisk();
    const { manager, log } = await openWithTopic(disk, { defaults: { segmentBytes: 1100, retentionBytes: 2000 } });
    await appendValues(
      log,
      Array.from({ length: 20 }, () => value),
    );
    disk.capacityBytes = usedBytes(disk);
    expect(await outcomeOf(log.append(batchOf({ values: [value] })).durable)).toBe('KAFKA_STORAGE_ERROR');
    await manager.applyRetention(0);
    await appendValues(log, [value]);
    expect(log.logStartOffset > 0n).toBe(true);
  });

  it('in which one log cannot roll does not keep retention from the others', async () => {
    const disk = newDisk();
    const manager = await openSmall(disk, { defaults: { retentionMs: 1000 } });
    const [small, large] = (await manager.createTopic('t', { partitionCount: 2 })).partitions;
    await appendValues(small!, ['a']);
    await appendValues(
      large!,
      Array.from({ length: 30 }, () => value.repeat(4)),
    );
    disk.capacityBytes = usedBytes(disk);
    await expect(manager.applyRetention(startMs + 60_000)).rejects.toMatchObject({ kafkaName: 'KAFKA_STORAGE_ERROR' });
    expect(small!.logStartOffset).toBe(0n);
    expect(large!.logStartOffset > 20n).toBe(true);
    await manager.applyRetention(startMs + 60_000);
    expect([small!.logStartOffset, large!.logStartOffset]).toEqual([1n, 30n]);
  });

  it('refuses a new topic without a trace, and a new log start without effect', async () => {
    const disk = newDisk();
    const { manager, log } = await openWithTopic(disk);
    await appendValues(log, ['a', 'b']);
    const before = disk.filesBelow('/data');
    disk.capacityBytes = usedBytes(disk) + 60;
    await expect(manager.createTopic('u', { partitionCount: 3 })).rejects.toMatchObject({
      kafkaName: 'KAFKA_STORAGE_ERROR',
    });
    expect(disk.filesBelow('/data')).toEqual(before);
    await expect(log.advanceLogStart(1n)).rejects.toMatchObject({ kafkaName: 'KAFKA_STORAGE_ERROR' });
    expect(log.logStartOffset).toBe(0n);
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    await manager.createTopic('u', { partitionCount: 3 });
    await manager.close();
    expect((await openSmall(disk)).partition('t', 0)!.logStartOffset).toBe(0n);
  });
});

function usedBytes(disk: ReturnType<typeof newDisk>): number {
  return disk.filesBelow('/data').reduce((total, path) => total + disk.bytesOf(path)!.length, 0);
}

async function expectRefused(manager: LogManager, log: PartitionLog): Promise<void> {
  expect(() => log.append(batchOf({ values: ['late'] }))).toThrow(
    expect.objectContaining({ kafkaName: 'KAFKA_STORAGE_ERROR' }),
  );
  await expect(log.read(0n, 100)).rejects.toMatchObject({ kafkaName: 'KAFKA_STORAGE_ERROR' });
  await expect(manager.createTopic('late', { partitionCount: 1 })).rejects.toMatchObject({
    kafkaName: 'KAFKA_STORAGE_ERROR',
  });
}
