import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Assignment,
  assignors,
  type GroupMemberSubscription,
  type PartitionCounts,
} from '../../../../src/wire/client/assignors/index.ts';
import { partitionKey, type TopicPartition } from '../../../../src/wire/client/consumer-protocol.ts';

function member(
  memberId: string,
  topics: string[],
  owned: TopicPartition[] = [],
  generation = -1,
): GroupMemberSubscription {
  return { memberId, instanceId: null, topics, ownedPartitions: owned, generation, rack: null };
}

/** "t0 t1 u0" per member. */
function textOf(assignment: Assignment): Record<string, string> {
  return Object.fromEntries(
    [...assignment].map(([id, partitions]) => [
      id,
      partitions.map(({ topic, partition }) => `${topic}${partition}`).join(' '),
    ]),
  );
}

const counts = (record: Record<string, number>): PartitionCounts => new Map(Object.entries(record));

describe('range', () => {
  it('gives each member a run of each topic, the first members one more', () => {
    const assignment = assignors.range.assign(
      [member('b', ['t', 'u']), member('a', ['t', 'u'])],
      counts({ t: 3, u: 3 }),
    );
    expect(textOf(assignment)).toEqual({ a: 't0 t1 u0 u1', b: 't2 u2' });
  });

  it('leaves members with nothing when there are more of them than partitions', () => {
    const members = ['a', 'b', 'c'].map((id) => member(id, ['t']));
    expect(textOf(assignors.range.assign(members, counts({ t: 2 })))).toEqual({ a: 't0', b: 't1', c: '' });
  });

  it('puts static members in front, in the order of their instance ids', () => {
    const members = [
      { ...member('z', ['t']), instanceId: 'i1' },
      { ...member('y', ['t']), instanceId: 'i2' },
      member('a', ['t']),
    ];
    expect(textOf(assignors.range.assign(members, counts({ t: 3 })))).toEqual({ z: 't0', y: 't1', a: 't2' });
  });
});

describe('roundrobin', () => {
  it('deals all partitions out in turn', () => {
    const members = [member('a', ['t', 'u']), member('b', ['t', 'u'])];
    expect(textOf(assignors.roundrobin.assign(members, counts({ t: 3, u: 3 })))).toEqual({
      a: 't0 t2 u1',
      b: 't1 u0 u2',
    });
  });

  it('passes over members that do not want the topic', () => {
    const members = [member('a', ['t']), member('b', ['t', 'u']), member('c', ['u'])];
    expect(textOf(assignors.roundrobin.assign(members, counts({ t: 2, u: 2 })))).toEqual({
      a: 't0',
      b: 't1 u1',
      c: 'u0',
    });
  });
});

describe('cooperative-sticky', () => {
  const sticky = assignors['cooperative-sticky'];

  it('takes nothing from those who have no more than the others', () => {
    const owned = [{ topic: 't', partition: 1 }];
    const members = [member('a', ['t'], owned, 4), member('b', ['t'], [{ topic: 't', partition: 0 }], 4)];
    expect(textOf(sticky.assign(members, counts({ t: 2 })))).toEqual({ a: 't1', b: 't0' });
  });

  it('gives a partition that moves to nobody until its owner has given it up', () => {
    const all = [0, 1, 2, 3].map((partition) => ({ topic: 't', partition }));
    const first = sticky.assign([member('a', ['t'], all, 1), member('b', ['t'], [], -1)], counts({ t: 4 }));
    expect(textOf(first)).toEqual({ a: 't0 t1', b: '' });
    const second = sticky.assign([member('a', ['t'], first.get('a')!, 2), member('b', ['t'], [], 2)], counts({ t: 4 }));
    expect(textOf(second)).toEqual({ a: 't0 t1', b: 't2 t3' });
  });

  it('believes the newer of two owners, and takes it from the other', () => {
    const both = [{ topic: 't', partition: 0 }];
    const members = [member('a', ['t'], both, 3), member('b', ['t'], both, 5)];
    expect(textOf(sticky.assign(members, counts({ t: 1 })))).toEqual({ a: '', b: 't0' });
  });

  it('gives free partitions to members in a rack that holds a replica, and stays balanced', () => {
    const at = (id: string, rack: string): GroupMemberSubscription => ({ ...member(id, ['t']), rack });
    const members = [at('a', 'east'), at('b', 'west')];
    const racksOf = ({ partition }: TopicPartition) => new Set([partition < 3 ? 'west' : 'east']);
    expect(textOf(sticky.assign(members, counts({ t: 4 }), racksOf))).toEqual({ a: 't1 t3', b: 't0 t2' });
    expect(textOf(sticky.assign(members, counts({ t: 4 })))).toEqual({ a: 't0 t2', b: 't1 t3' });
    const all = [0, 1, 2, 3].map((partition) => ({ topic: 't', partition }));
    const owner = { ...at('a', 'east'), ownedPartitions: all, generation: 1 };
    expect(textOf(sticky.assign([owner, at('b', 'west')], counts({ t: 4 }), racksOf))).toEqual({ a: 't0 t3', b: '' });
  });

  it('gives up partitions of topics that are gone or not wanted any more', () => {
    const owned = [
      { topic: 'gone', partition: 0 },
      { topic: 't', partition: 0 },
      { topic: 't', partition: 9 },
    ];
    expect(textOf(sticky.assign([member('a', ['t'], owned, 1)], counts({ t: 1 })))).toEqual({ a: 't0' });
  });
});

describe('every assignor', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  const topics = ['t', 'u', 'v'];
  const subscriptions = fc
    .uniqueArray(fc.constantFrom(...names), { minLength: 1 })
    .chain((ids) =>
      fc.tuple(
        ...ids.map((id) =>
          fc.uniqueArray(fc.constantFrom(...topics), { minLength: 1 }).map((wanted) => member(id, wanted)),
        ),
      ),
    );
  const partitionCounts = fc
    .tuple(fc.nat(12), fc.nat(12), fc.nat(12))
    .map(
      ([t, u, v]) =>
        new Map([['t', t] as const, ['u', u] as const, ['v', v] as const].filter(([, count]) => count > 0)),
    );

  it('gives every wanted partition to exactly one member that wants it', () => {
    for (const assignor of Object.values(assignors)) {
      fc.assert(
        fc.property(subscriptions, partitionCounts, (members, countsByTopic) => {
          expectExact(assignor.assign(members, countsByTopic), members, countsByTopic);
        }),
        { numRuns: 150 },
      );
    }
  });

  it('cooperative-sticky settles in two rounds after any change of members, without a partition ever having two owners', () => {
    const wantAll = fc.array(fc.uniqueArray(fc.constantFrom(...names), { minLength: 1 }), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(wantAll, fc.integer({ min: 1, max: 20 }), (history, partitionCount) => {
        const countsByTopic = counts({ t: partitionCount });
        let owned = new Map<string, TopicPartition[]>();
        let generation = 0;
        for (const ids of history) {
          owned = new Map(ids.map((id) => [id, owned.get(id) ?? []])); // those who left own nothing
          for (let round = 0; round < 2; round++) {
            generation++;
            const members = ids.map((id) => member(id, ['t'], owned.get(id)!, generation - 1));
            const next = assignors['cooperative-sticky'].assign(members, countsByTopic);
            for (const [id, partitions] of next) {
              for (const partition of partitions) {
                const holder = [...owned].find(([, held]) => held.map(partitionKey).includes(partitionKey(partition)));
                expect(holder === undefined || holder[0] === id).toBe(true);
              }
            }
            owned = next;
          }
          expectExact(
            owned,
            ids.map((id) => member(id, ['t'])),
            countsByTopic,
          );
          const loads = [...owned.values()].map((partitions) => partitions.length);
          expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 150 },
    );
  });
});

function expectExact(
  assignment: Assignment,
  members: readonly GroupMemberSubscription[],
  countsByTopic: PartitionCounts,
): void {
  const given = [...assignment].flatMap(([id, partitions]) => {
    const { topics } = members.find(({ memberId }) => memberId === id)!;
    for (const { topic } of partitions) expect(topics).toContain(topic);
    return partitions.map(partitionKey);
  });
  const wanted = [...countsByTopic].flatMap(([topic, count]) =>
    members.some(({ topics }) => topics.includes(topic))
      ? Array.from({ length: count }, (_, i) => `${topic}-${i}`)
      : [],
  );
  expect(given.sort()).toEqual(wanted.sort());
}
