import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../../src/shared/index.ts';
import { appendValues, batchOf, newDisk, openSmall, startMs } from './log-fixture.ts';

describe('topics', () => {
  it('survive a restart and a power loss with id, partitions, configuration and cluster id', async () => {
    const disk = newDisk();
    const manager = await openSmall(disk);
    const config = { retentionMs: 1234, maxMessageBytes: 999 };
    const topic = await manager.createTopic('orders', { partitionCount: 3, config });
    await manager.createTopic('__offsets', {
      partitionCount: 1,
      isInternal: true,
      config: { cleanupPolicy: 'compact' },
    });
    await manager.addPartitions('orders', 5);
    const disks = [disk.afterPowerLoss(() => 0)];
    await manager.close();
    for (const other of [...disks, disk]) {
      const again = await openSmall(other, { defaults: { retentionMs: 77, segmentBytes: 4096, segmentMs: 55 } });
      expect(again.clusterId).toBe(manager.clusterId);
      expect([...again.topics()].map((found) => found.name).sort()).toEqual(['__offsets', 'orders']);
      const found = again.topicById(topic.topicId)!;
      expect(found).toMatchObject({ name: 'orders', isInternal: false, configOverrides: config });
      expect(found.config).toMatchObject({ retentionMs: 1234, maxMessageBytes: 999, segmentMs: 55 });
      expect(found.partitions.map((log) => [log.topic, log.partition, log.topicId])).toEqual(
        [0, 1, 2, 3, 4].map((partition) => ['orders', partition, topic.topicId]),
      );
      expect(again.topic('__offsets')).toMatchObject({
        isInternal: true,
        config: { cleanupPolicy: 'compact', retentionMs: 77 },
      });
    }
  });

  it('keep their partitions in order when there are more than ten', async () => {
    const disk = newDisk();
    const manager = await openSmall(disk);
    const { partitions } = await manager.createTopic('wide', { partitionCount: 12 });
    await Promise.all(
      partitions.map((log, index) =>
        appendValues(
          log,
          Array.from({ length: index }, () => 'v'),
        ),
      ),
    );
    await manager.close();
    const again = (await openSmall(disk)).topic('wide')!.partitions;
    expect(again.map((log) => Number(log.logEndOffset))).toEqual(partitions.map((_, index) => index));
  });

  it.each(['', '.', '..', 'a/b', 'a b', 'ü', 'x'.repeat(250), 'a\0', '../up'])('are not called %j', async (name) => {
    const manager = await openSmall(newDisk());
    await expect(manager.createTopic(name, { partitionCount: 1 })).rejects.toMatchObject({
      kafkaName: 'INVALID_TOPIC_EXCEPTION',
    });
  });

  it.each(['_a', '.b', 'a.b', 'a_b', '-', 'x'.repeat(249), 'a-1', 'topics', '0'])(
    'may be called %j, and deleted and created again',
    async (name) => {
      const disk = newDisk();
      const manager = await openSmall(disk);
      const first = await manager.createTopic(name, { partitionCount: 11 });
      await appendValues(first.partitions[10]!, ['old']);
      await manager.deleteTopic(name);
      expect(manager.topic(name)).toBeUndefined();
      expect(manager.topicById(first.topicId)).toBeUndefined();
      const second = await manager.createTopic(name, { partitionCount: 11 });
      expect(second.topicId).not.toBe(first.topicId);
      expect(second.partitions[10]!.logEndOffset).toBe(0n);
      await manager.close();
      expect((await openSmall(disk)).topic(name)!.topicId).toBe(second.topicId);
    },
  );

  it('are refused with the error that Kafka has for it', async () => {
    const manager = await openSmall(newDisk());
    await manager.createTopic('t', { partitionCount: 2 });
    const refused = (promise: Promise<unknown>, kafkaName: string) =>
      expect(promise).rejects.toMatchObject({ kafkaName });
    await refused(manager.createTopic('t', { partitionCount: 1 }), 'TOPIC_ALREADY_EXISTS');
    for (const partitionCount of [0, -1, 1.5, 10_001, Number.NaN]) {
      await refused(manager.createTopic('u', { partitionCount }), 'INVALID_PARTITIONS');
    }
    await refused(manager.addPartitions('t', 2), 'INVALID_PARTITIONS');
    await refused(manager.addPartitions('missing', 2), 'UNKNOWN_TOPIC_OR_PARTITION');
    await refused(manager.deleteTopic('missing'), 'UNKNOWN_TOPIC_OR_PARTITION');
    for (const config of [
      { cleanupPolicy: 'delete,compact' as 'compact' },
      { minCleanableDirtyRatio: 1.5 },
      { segmentBytes: 10 },
      { retentionMs: -2 },
      { maxMessageBytes: 1.5 },
    ]) {
      await refused(manager.createTopic('u', { partitionCount: 1, config }), 'INVALID_CONFIG');
    }
    expect(manager.topic('u')).toBeUndefined();
  });

  it('created at the same time do not disturb each other; of two with one name one is refused', async () => {
    const manager = await openSmall(newDisk());
    const results = await Promise.allSettled(
      ['a', 'b', 'a', 'c'].map((name) => manager.createTopic(name, { partitionCount: 2 })),
    );
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  });

  it('that are deleted reject what waits and refuse what comes', async () => {
    const manager = await openSmall(newDisk());
    const log = (await manager.createTopic('t', { partitionCount: 1 })).partitions[0]!;
    const waiting = log.append(batchOf({ values: ['v'] })).durable;
    const deleting = manager.deleteTopic('t');
    await expect(waiting).rejects.toMatchObject({ kafkaName: 'UNKNOWN_TOPIC_OR_PARTITION' });
    await deleting;
    expect(() => log.append(batchOf({ values: ['v'] }))).toThrow(
      expect.objectContaining({ kafkaName: 'UNKNOWN_TOPIC_OR_PARTITION' }),
    );
    await expect(log.read(0n, 1)).rejects.toMatchObject({ kafkaName: 'UNKNOWN_TOPIC_OR_PARTITION' });
    expect(manager.pendingBytes).toBe(0);
  });
});

describe('producer ids', () => {
  it('are never given twice, over restarts and power losses', async () => {
    let disk = newDisk();
    const given = new Set<bigint>();
    for (let life = 0; life < 5; life++) {
      const manager = await openSmall(disk);
      const ids = await Promise.all(Array.from({ length: 700 }, () => manager.nextProducerId()));
      for (const id of ids) {
        expect(given.has(id)).toBe(false);
        given.add(id);
      }
      if (life % 2) await manager.close();
      disk = disk.afterPowerLoss(() => 0);
    }
  });

  it('go on far above when the file is damaged', async () => {
    const disk = newDisk();
    const clock = new ManualClock(startMs);
    const first = await openSmall(disk, { clock });
    await first.nextProducerId();
    await first.close();
    disk.corrupt('/data/producer-ids.json', (bytes) => bytes.fill(0x20, 3, 9));
    expect((await (await openSmall(disk, { clock })).nextProducerId()) > 1_000_000_000n).toBe(true);
  });
});
