import { describe, expect, it } from 'vitest';
import { type CoordinatorFact, decodeFact, encodeFact } from '../../../../src/log/coordinator/coordinator-records.ts';

const topicId = '00112233445566778899aabbccddeeff';
const member = {
  memberId: 'm',
  instanceId: 'i',
  clientId: 'c',
  clientHost: '/1.2.3.4',
  rebalanceTimeoutMs: 1,
  sessionTimeoutMs: 2,
  subscription: Buffer.from('s'),
  assignment: Buffer.from('a'),
};
const facts: CoordinatorFact[] = [
  {
    kind: 'offset',
    group: 'g',
    topic: 't',
    partition: 3,
    commit: { offset: 2n ** 62n, leaderEpoch: 4, metadata: 'ü', commitTimestampMs: 5n, topicId },
  },
  { kind: 'offset', group: 'g', topic: 't', partition: 3, commit: null },
  {
    kind: 'group',
    group: 'g',
    stored: {
      protocolType: 'consumer',
      generation: 6,
      protocolName: 'range',
      leader: 'm',
      sinceMs: 7n,
      members: [member],
    },
  },
  { kind: 'group', group: '', stored: null },
];

describe('the records of __consumer_offsets', () => {
  it.each(facts)('come back as they were: %o', (fact) => {
    expect(decodeFact(encodeFact(fact))).toEqual(fact);
  });

  it("have Kafka's bytes: key type 1, value version 4 with the topic id as a tagged field", () => {
    const { key, value } = encodeFact(facts[0]!);
    expect(key.toString('hex')).toBe(`0001${'000167'}${'000174'}${'00000003'}`);
    const tagged = `01${'00'}${'10'}${topicId}`;
    expect(value!.toString('hex')).toBe(
      `0004${'4000000000000000'}${'00000004'}${'03c3bc'}${'0000000000000005'}${tagged}`,
    );
  });

  it('of a type that is not known are left alone', () => {
    expect(decodeFact({ key: Buffer.from([0, 99, 1]), value: null })).toBeNull();
    expect(decodeFact({ key: Buffer.alloc(0), value: null })).toBeNull();
  });

  it('that are damaged are an error, not a guess', () => {
    const { key, value } = encodeFact(facts[0]!);
    expect(() => decodeFact({ key, value: value!.subarray(0, 9) })).toThrow();
    expect(() => decodeFact({ key: key.subarray(0, 5), value })).toThrow();
    expect(() => decodeFact({ key, value: Buffer.from([0, 77]) })).toThrow();
  });
});
