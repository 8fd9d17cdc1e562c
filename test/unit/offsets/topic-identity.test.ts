import { describe, expect, it } from 'vitest';
import {
  checkTopicIdentity,
  listChains,
  listTables,
  PartitionChain,
  readTopicIdentity,
} from '../../../src/offsets/index.ts';
import { MemoryDisk, MemoryFiles } from '../../support/memory-files.ts';
import { instantClock, owner } from './chain-fixture.ts';

const ids = ['11', '22', '33'].map((pair) => pair.repeat(16)) as [string, string, string];

function found(topic: string, topicId: string) {
  return { topic, topicId, clusterId: 'c', acceptedBy: 'test' };
}

describe('the identity of a topic', () => {
  it('is accepted when it is the first one, and from then on', async () => {
    const files = new MemoryFiles();
    await checkTopicIdentity(files, 'events', found('events', ids[0]));
    await checkTopicIdentity(files, 'events', found('events', ids[0]));
    expect(await readTopicIdentity(files, 'events', 'events')).toMatchObject({ topicId: ids[0], clusterId: 'c' });
    expect(files.disk.paths('/events/_sluice/topics')).toEqual(['/events/_sluice/topics/events/0000000001.json']);
  });

  it('of a topic that was created anew is an error until the operator accepts it', async () => {
    const files = new MemoryFiles();
    await checkTopicIdentity(files, 'events', found('events', ids[0]));
    const check = checkTopicIdentity(files, 'events', found('events', ids[1]));
    await expect(check).rejects.toMatchObject({ code: 'topic-recreated', isRetriable: false });
    await expect(check).rejects.toThrow(new RegExp(`id ${ids[0]}.*now has id ${ids[1]}`));
    await checkTopicIdentity(files, 'events', found('events', ids[1]), { acceptRecreated: true });
    await checkTopicIdentity(files, 'events', found('events', ids[1]));
    await expect(checkTopicIdentity(files, 'events', found('events', ids[0]))).rejects.toThrow(/created anew/);
  });

  it('is decided once when two loaders meet the first ones at the same time', async () => {
    const disk = new MemoryDisk();
    const checks = await Promise.allSettled(
      ids.map((id) => checkTopicIdentity(new MemoryFiles(disk), 'events', found('events', id))),
    );
    expect(checks.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(disk.paths('/events/_sluice/topics')).toHaveLength(1);
  });

  it('survives a lost answer', async () => {
    for (const how of ['lost-after', 'lost-before', 'delayed', 'partial'] as const) {
      for (let at = 4; at <= 6; at++) {
        const files = new MemoryFiles(new MemoryDisk(), { fault: ({ number }) => (number === at ? how : 'none') });
        await checkTopicIdentity(files, 'events', found('events', ids[0]));
        while (files.disk.delayedCount > 0) files.disk.runDelayed();
        expect(files.disk.paths('/events/_sluice/topics')).toHaveLength(1);
      }
    }
  });

  it('that cannot be read names the file and the way on', async () => {
    const files = new MemoryFiles();
    files.disk.write('/events/_sluice/topics/events/0000000001.json', Buffer.from('{"topic'));
    const check = checkTopicIdentity(files, 'events', found('events', ids[0]));
    await expect(check).rejects.toThrow(/0000000001\.json: not JSON .*sluice offsets repair/);
  });
});

describe('topics named _a and .b', () => {
  it('have chains that readers of the table do not trip over, and that can be found again', async () => {
    const files = new MemoryFiles();
    for (const [i, topic] of ['_a', '.b'].entries()) {
      const place = { table: topic, topic, topicId: ids[i]!, partition: 0 };
      const chain = await PartitionChain.open(files, place, { clock: instantClock });
      await chain.claim(owner('m', 1), { startOffset: 3n });
      await checkTopicIdentity(files, topic, found(topic, ids[i]!));
      expect((await PartitionChain.open(files, place)).checkpoint).toBe(3n);
    }
    expect(await listTables(files)).toEqual(['.b', '_a']);
    expect(await listChains(files, '_a')).toEqual([{ table: '_a', topicId: ids[0], partition: 0 }]);
    const folders = (await files.list('/')).map(({ name }) => name);
    expect(folders.filter((name) => /^[_.]/.test(name))).toEqual([]);
  });
});
