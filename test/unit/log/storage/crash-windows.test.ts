/** Crashes in exactly the moments that a random run seldom meets. */
import { describe, expect, it, vi } from 'vitest';
import { ManualClock } from '../../../../src/shared/index.ts';
import type { SimulatedLogFileSystem } from '../../../support/simulated-log-file-system.ts';
import { appendValues, batchOf, fileOf, newDisk, openSmall, openWithTopic, startMs } from './log-fixture.ts';

// Thousands of small logs; on a busy machine that takes its time.
vi.setConfig({ testTimeout: 120_000 });

/** Of all that was not synced nothing survives. */
const nothingSurvives = (): number => 0;
const half = (): number => 0.5;
const long = 'x'.repeat(1500);

/** Runs `task` and returns the disk as `take` makes it at the first moment when `isNow` holds. */
async function diskWhen(
  disk: SimulatedLogFileSystem,
  task: () => Promise<unknown>,
  isNow: () => boolean,
  take: () => SimulatedLogFileSystem,
): Promise<SimulatedLogFileSystem> {
  let taken: SimulatedLogFileSystem | null = null;
  disk.onChange = () => {
    if (!taken && isNow()) taken = take();
  };
  await task();
  expect(taken, 'the moment came').not.toBeNull();
  return taken!;
}

describe('a crash', () => {
  it('between creating a segment and syncing its folder loses nothing that is acknowledged after the restart', async () => {
    const disk = newDisk();
    const { log } = await openWithTopic(disk);
    await appendValues(log, [long, long]);
    const second = fileOf('00000000000000000002.log');
    const killed = await diskWhen(
      disk,
      () => appendValues(log, [long]),
      () => disk.bytesOf(second) !== null && disk.afterPowerLoss(nothingSurvives).bytesOf(second) === null,
      () => disk.afterKill(half),
    );
    const { log: reopened } = await openWithTopic(killed);
    expect(reopened.logEndOffset).toBe(2n);
    await appendValues(reopened, ['acknowledged']);
    const { log: recovered } = await openWithTopic(killed.afterPowerLoss(nothingSurvives));
    expect(recovered.logEndOffset).toBe(3n);
  });

  it('between writing a topic file and syncing its folder loses nothing that is acknowledged after the restart', async () => {
    const disk = newDisk();
    const manager = await openSmall(disk);
    const file = '/data/topics/t.json';
    const killed = await diskWhen(
      disk,
      () => manager.createTopic('t', { partitionCount: 1 }),
      () => disk.bytesOf(file) !== null && disk.afterPowerLoss(nothingSurvives).bytesOf(file) === null,
      () => disk.afterKill(half),
    );
    const again = await openSmall(killed);
    await appendValues(again.partition('t', 0)!, ['acknowledged']);
    const recovered = await openSmall(killed.afterPowerLoss(nothingSurvives));
    expect(recovered.partition('t', 0)?.logEndOffset).toBe(1n);
  });

  it('after retention was seen does not bring the removed records back', async () => {
    const disk = newDisk();
    const { manager, log } = await openWithTopic(disk, { defaults: { retentionBytes: 2000 } });
    await appendValues(log, [long, long, long, long, long]);
    let lowest = 0n;
    disk.onChange = () => {
      lowest = log.logStartOffset;
    };
    await manager.applyRetention(0);
    expect(lowest).toBe(2n);
    const { log: recovered } = await openWithTopic(disk.afterPowerLoss(nothingSurvives));
    expect(recovered.logStartOffset).toBe(2n);
  });

  it('in the middle of retention leaves no gap', async () => {
    const disk = newDisk();
    const { manager, log } = await openWithTopic(disk, { defaults: { retentionBytes: 2000 } });
    await appendValues(
      log,
      Array.from({ length: 9 }, () => long),
    );
    const states: SimulatedLogFileSystem[] = [];
    disk.onChange = () =>
      states.push(disk.afterPowerLoss(nothingSurvives), disk.afterPowerLoss(half), disk.afterKill(half));
    await manager.applyRetention(0);
    expect(states.length).toBeGreaterThan(20);
    for (const state of states) {
      const { log: recovered } = await openWithTopic(state);
      const { records } = await recovered.read(recovered.logStartOffset, 1);
      expect(records.readBigInt64BE(0)).toBe(recovered.logStartOffset);
      expect(recovered.logEndOffset).toBe(9n);
    }
  });

  it('that keeps the producer snapshot of a new segment but not its first batch does not take the retry for a duplicate', async () => {
    const disk = newDisk();
    const clock = new ManualClock(startMs);
    const { log } = await openWithTopic(disk, { clock });
    const batch = (baseSequence: number): Buffer =>
      batchOf({ values: [long], producerId: 5n, producerEpoch: 0, baseSequence });
    await log.append(batch(0)).durable;
    await log.append(batch(1)).durable;
    // The checkpoint of now makes recovery begin at the new segment, with the snapshot and without the records before it.
    await clock.advance(61_000);
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(disk.bytesOf('/data/checkpoints.json')!.toString()).toContain('"recoveryPoint": "2"');
    const snapshot = fileOf('00000000000000000002.producers');
    const lost = await diskWhen(
      disk,
      async () => {
        await log.append(batch(2)).written;
        for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
      },
      () => disk.afterPowerLoss(nothingSurvives).bytesOf(snapshot) !== null,
      () => disk.afterPowerLoss(nothingSurvives),
    );
    const { log: recovered } = await openWithTopic(lost);
    expect(recovered.logEndOffset).toBe(2n);
    const retry = recovered.append(batch(2));
    expect(retry).toMatchObject({ isDuplicate: false, baseOffset: 2n });
    await retry.durable;
    expect(recovered.append(batch(2))).toMatchObject({ isDuplicate: true, baseOffset: 2n });
  });

  it('at any moment of creating, extending and deleting a topic leaves it whole or not there', async () => {
    const disk = newDisk();
    const manager = await openSmall(disk);
    const states: SimulatedLogFileSystem[] = [];
    disk.onChange = () =>
      states.push(disk.afterPowerLoss(nothingSurvives), disk.afterPowerLoss(disk.random), disk.afterKill(half));
    const topic = await manager.createTopic('t', { partitionCount: 2 });
    await manager.addPartitions('t', 3);
    await appendValues(topic.partitions[0]!, ['record']);
    await manager.deleteTopic('t');
    await manager.createTopic('t', { partitionCount: 1 });
    expect(states.length).toBeGreaterThan(60);
    for (const state of states) {
      const found = (await openSmall(state)).topic('t');
      if (found?.topicId === topic.topicId) expect([2, 3]).toContain(found.partitions.length);
      else if (found) expect(found.partitions.map((log) => log.logEndOffset)).toEqual([0n]);
      expect(state.filesBelow('/data').filter((path) => path.includes('-delete'))).toEqual([]);
    }
  });
});
