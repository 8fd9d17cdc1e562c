import { describe, expect, it } from 'vitest';
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../../../src/wire/client/consumer-protocol.ts';

describe('the consumer protocol', () => {
  it('carries topics, owned partitions, generation and rack to the leader', () => {
    const subscription = {
      topics: ['a', 'b'],
      ownedPartitions: [
        { topic: 'a', partition: 0 },
        { topic: 'a', partition: 2 },
        { topic: 'b', partition: 1 },
      ],
      generation: 7,
      rack: 'eu-1a',
    };
    expect(decodeSubscription(encodeSubscription(subscription))).toEqual(subscription);
  });

  it('reads the subscription of an old Java member, which knows neither owned partitions nor generation', () => {
    // version 0 | one topic "t" | no user data
    const bytes = Buffer.from('0000' + '00000001' + '000174' + 'ffffffff', 'hex');
    expect(decodeSubscription(bytes)).toEqual({
      topics: ['t'],
      ownedPartitions: [],
      generation: -1,
      rack: null,
    });
  });

  it('reads the generation from the user data of a Java cooperative-sticky member of version 1', () => {
    const bytes = Buffer.from('0001' + '00000001' + '000174' + '00000004' + '00000009' + '00000000', 'hex');
    expect(decodeSubscription(bytes).generation).toBe(9);
  });

  it('carries an assignment to a member, grouped by topic', () => {
    const partitions = [
      { topic: 'b', partition: 3 },
      { topic: 'a', partition: 1 },
      { topic: 'b', partition: 0 },
    ];
    expect(decodeAssignment(encodeAssignment(partitions))).toEqual([
      { topic: 'a', partition: 1 },
      { topic: 'b', partition: 0 },
      { topic: 'b', partition: 3 },
    ]);
  });

  it('takes no bytes at all as an empty assignment', () => {
    expect(decodeAssignment(Buffer.alloc(0))).toEqual([]);
  });
});
