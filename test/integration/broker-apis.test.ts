// Every API at every version that the broker advertises, and the places where Kafka clones go wrong.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as wire from '../../src/wire/index.ts';
import { apiKeys, apiName, errorByCode, errorCodes, zeroUuid } from '../../src/wire/index.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import { RawClient } from '../support/raw-client.ts';
import { sampleRequests } from '../support/sample-requests.ts';

let broker: TestBroker;
let client: RawClient;
let topicId: string;

beforeAll(async () => {
  broker = await startTestBroker({ groups: { initialRebalanceDelayMs: 0 } });
  client = await RawClient.open(broker.address);
  const { topics } = await client.request(wire.MetadataRequestSchema, wire.MetadataResponseSchema, 12, {
    topics: [{ name: 't' }],
  });
  topicId = topics[0]!.topicId;
});

afterAll(async () => {
  client.close();
  await broker.stop();
});

const text = (value: string) => Buffer.from(value);
const batch = (...values: string[]) =>
  wire.encodeBatch(
    values.map((value) => ({ value, key: 'k' })),
    { timestampMs: 5n },
  );
/** The one error that each of these requests is meant to get; none where it is not listed. */
const expectedErrors: Record<string, string[]> = {
  JoinGroup: ['NONE', 'MEMBER_ID_REQUIRED'],
  SyncGroup: ['UNKNOWN_MEMBER_ID'],
  Heartbeat: ['UNKNOWN_MEMBER_ID'],
  LeaveGroup: ['NONE', 'UNKNOWN_MEMBER_ID'],
  DescribeGroups: ['NONE', 'GROUP_ID_NOT_FOUND'],
  DeleteTopics: ['UNKNOWN_TOPIC_OR_PARTITION'],
  DeleteGroups: ['GROUP_ID_NOT_FOUND'],
};

/** Every error code in a message, wherever it is. */
function* errorsIn(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return;
  for (const [key, item] of Object.entries(value)) {
    if (key === 'errorCode') yield errorByCode(item as number).name;
    else yield* errorsIn(item);
  }
}

describe('every advertised version', () => {
  it('of every API is answered, with the error that is due or none', async () => {
    const { apiKeys: apis } = await client.request(
      wire.ApiVersionsRequestSchema,
      wire.ApiVersionsResponseSchema,
      0,
      {},
    );
    const requests = sampleRequests(topicId);
    expect(apis.map((api) => apiName(api.apiKey)).sort()).toEqual(Object.keys(requests).sort());
    for (const { apiKey, minVersion, maxVersion } of apis) {
      const name = apiName(apiKey);
      const from = apiKey === apiKeys.Produce ? 3 : minVersion;
      for (let version = from; version <= maxVersion; version++) {
        const request = wire.requestSchema(apiKey)!;
        const response = wire.responseSchema(apiKey)!;
        const answer = await client.request(request, response, version, requests[name]!(version));
        const errors = new Set(errorsIn(answer));
        expect(
          [...errors].filter((error) => !(expectedErrors[name] ?? ['NONE']).includes(error)),
          `${name} v${version}`,
        ).toEqual([]);
      }
    }
  });

  it('leaves out what is not there: transactions, the new group protocol, replication', async () => {
    const { apiKeys: apis } = await client.request(
      wire.ApiVersionsRequestSchema,
      wire.ApiVersionsResponseSchema,
      0,
      {},
    );
    const advertised = apis.map((api) => apiName(api.apiKey));
    for (const name of ['AddPartitionsToTxn', 'EndTxn', 'TxnOffsetCommit', 'ConsumerGroupHeartbeat', 'SaslHandshake']) {
      expect(advertised).not.toContain(name);
    }
  });
});

async function newTopic(
  name: string,
  partitions = 1,
  configs: { name: string; value: string }[] = [],
): Promise<string> {
  const { topics } = await client.request(wire.CreateTopicsRequestSchema, wire.CreateTopicsResponseSchema, 7, {
    topics: [{ name, numPartitions: partitions, replicationFactor: -1, configs }],
  });
  expect(topics[0]!.errorMessage).toBeNull();
  return topics[0]!.topicId;
}

async function produce(name: string, records: Buffer, acks = -1, partition = 0) {
  const { responses } = await client.request(wire.ProduceRequestSchema, wire.ProduceResponseSchema, 9, {
    acks,
    timeoutMs: 1000,
    topicData: [{ name, partitionData: [{ index: partition, records }] }],
  });
  const answer = responses[0]!.partitionResponses[0]!;
  return { ...answer, error: errorByCode(answer.errorCode).name };
}

async function fetch(topic: string, fetchOffset: bigint, more: object = {}, partition: object = {}) {
  const answer = await client.request(wire.FetchRequestSchema, wire.FetchResponseSchema, 12, {
    maxWaitMs: 0,
    minBytes: 1,
    topics: [{ topic, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000, ...partition }] }],
    ...more,
  });
  const data = answer.responses[0]?.partitions[0];
  return { answer, data, error: errorByCode(data?.errorCode ?? answer.errorCode).name };
}

function valuesIn(records: Buffer): string[] {
  const values: string[] = [];
  for (const each of wire.splitBatches(records)) {
    const cursor = new wire.RecordCursor(each);
    while (cursor.next()) values.push(cursor.value()!.toString());
  }
  return values;
}

describe('Fetch', () => {
  it('in the middle of a batch returns the whole batch', async () => {
    await newTopic('middle');
    await produce('middle', batch('a', 'b', 'c'));
    await produce('middle', batch('d'));
    expect(valuesIn((await fetch('middle', 1n)).data!.records!)).toEqual(['a', 'b', 'c', 'd']);
    expect(valuesIn((await fetch('middle', 3n)).data!.records!)).toEqual(['d']);
  });

  it('returns one batch even when it is larger than every limit, but no second one', async () => {
    await newTopic('limits');
    await produce('limits', batch('x'.repeat(5_000)));
    await produce('limits', batch('y'.repeat(5_000)));
    const { data } = await fetch('limits', 0n, { maxBytes: 10 }, { partitionMaxBytes: 10 });
    expect(valuesIn(data!.records!)).toEqual(['x'.repeat(5_000)]);
  });

  it('waits for minBytes, and no longer than maxWaitMs', async () => {
    await newTopic('waits');
    await produce('waits', batch('first'));
    const size = (await fetch('waits', 0n)).data!.records!.length;
    const started = performance.now();
    const waiting = RawClient.open(broker.address).then(async (other) => {
      const message = {
        maxWaitMs: 5_000,
        minBytes: 2 * size,
        topics: [{ topic: 'waits', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000_000 }] }],
      };
      const answer = await other.request(wire.FetchRequestSchema, wire.FetchResponseSchema, 12, message);
      other.close();
      return answer;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    await produce('waits', batch('secnd'));
    const answer = await waiting;
    expect(performance.now() - started).toBeLessThan(4_000);
    expect(valuesIn(answer.responses[0]!.partitions[0]!.records!)).toEqual(['first', 'secnd']);
    const before = performance.now();
    await fetch('waits', 2n, { maxWaitMs: 200 });
    expect(performance.now() - before).toBeGreaterThan(180);
  });

  it('past the end or before the start is out of range, at the end it is empty', async () => {
    await newTopic('range');
    await produce('range', batch('a'));
    expect((await fetch('range', 2n)).error).toBe('OFFSET_OUT_OF_RANGE');
    expect((await fetch('range', -1n)).error).toBe('OFFSET_OUT_OF_RANGE');
    expect(await fetch('range', 1n)).toMatchObject({
      error: 'NONE',
      data: { highWatermark: 1n, lastStableOffset: 1n },
    });
  });

  it('is for consumers: a request that claims to come from a replica is refused (CVE-2018-1288)', async () => {
    await newTopic('forged');
    await produce('forged', batch('secret'));
    const forged = await fetch('forged', 0n, { replicaId: 1 });
    expect(forged.error).toBe('TOPIC_AUTHORIZATION_FAILED');
    expect(forged.data!.records?.length ?? 0).toBe(0);
  });

  it('checks the leader epoch both ways (KIP-320)', async () => {
    await newTopic('epochs');
    const { topics } = await client.request(wire.MetadataRequestSchema, wire.MetadataResponseSchema, 9, {
      topics: [{ name: 'epochs' }],
    });
    const { leaderEpoch } = topics[0]!.partitions[0]!;
    expect((await fetch('epochs', 0n, {}, { currentLeaderEpoch: leaderEpoch })).error).toBe('NONE');
    expect((await fetch('epochs', 0n, {}, { currentLeaderEpoch: leaderEpoch + 1 })).error).toBe('UNKNOWN_LEADER_EPOCH');
  });

  it('knows no sessions, and says so', async () => {
    await newTopic('sessions');
    expect((await fetch('sessions', 0n, { sessionId: 0, sessionEpoch: 0 })).answer.sessionId).toBe(0);
    expect((await fetch('sessions', 0n, { sessionId: 7, sessionEpoch: 3 })).answer.errorCode).toBe(
      errorCodes.FETCH_SESSION_ID_NOT_FOUND,
    );
    expect((await fetch('sessions', 0n, { sessionId: 0, sessionEpoch: 3 })).answer.errorCode).toBe(
      errorCodes.INVALID_FETCH_SESSION_EPOCH,
    );
  });

  it('of a topic id that is gone is told so, and other partitions of the request are answered', async () => {
    const gone = 'f'.repeat(32);
    const answer = await client.request(wire.FetchRequestSchema, wire.FetchResponseSchema, 13, {
      maxWaitMs: 5_000,
      minBytes: 1,
      topics: [gone, topicId].map((id) => ({
        topicId: id,
        partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }],
      })),
    });
    expect(answer.responses.map((topic) => errorByCode(topic.partitions[0]!.errorCode).name)).toEqual([
      'UNKNOWN_TOPIC_ID',
      'NONE',
    ]);
  });
});

describe('Produce', () => {
  it('enforces max.message.bytes', async () => {
    await newTopic('small', 1, [{ name: 'max.message.bytes', value: '1000' }]);
    const refused = await produce('small', batch('x'.repeat(2_000)));
    expect(refused.error).toBe('MESSAGE_TOO_LARGE');
    expect(refused.errorMessage).toMatch(/1000/);
    expect((await produce('small', batch('x'))).baseOffset).toBe(0n);
  });

  it('refuses a batch with a wrong checksum and stores nothing of it', async () => {
    await newTopic('corrupt');
    const records = batch('a', 'b');
    records[records.length - 1]! ^= 1;
    expect((await produce('corrupt', records)).error).toBe('CORRUPT_MESSAGE');
    expect((await fetch('corrupt', 0n)).data!.highWatermark).toBe(0n);
  });

  it('fails each partition by itself', async () => {
    await newTopic('two', 2);
    const { responses } = await client.request(wire.ProduceRequestSchema, wire.ProduceResponseSchema, 9, {
      acks: -1,
      timeoutMs: 1000,
      topicData: [
        {
          name: 'two',
          partitionData: [0, 1, 2].map((index) => ({ index, records: index === 1 ? text('garbage') : batch('v') })),
        },
        { name: 'nowhere', partitionData: [{ index: 0, records: batch('v') }] },
      ],
    });
    const errors = responses.flatMap((topic) =>
      topic.partitionResponses.map((each) => errorByCode(each.errorCode).name),
    );
    expect(errors).toEqual(['NONE', 'CORRUPT_MESSAGE', 'UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_OR_PARTITION']);
  });

  it('refuses other acks than -1, 0 and 1, and writing to the internal topic', async () => {
    await newTopic('acks');
    expect((await produce('acks', batch('v'), 2)).error).toBe('INVALID_REQUIRED_ACKS');
    expect((await produce('__consumer_offsets', batch('v'))).error).toBe('INVALID_TOPIC_EXCEPTION');
  });

  it('with acks=0 closes the connection when it fails: there is no other way to say it', async () => {
    const other = await RawClient.open(broker.address);
    other.send(wire.ProduceRequestSchema, 9, {
      acks: 0,
      topicData: [{ name: 'nowhere', partitionData: [{ index: 0, records: batch('v') }] }],
    });
    await other.whenClosed;
    expect(other.receivedBytes).toBe(0);
  });

  it('gives a retried idempotent batch the offsets it had, and refuses a gap', async () => {
    await newTopic('idempotent');
    const { producerId } = await client.request(
      wire.InitProducerIdRequestSchema,
      wire.InitProducerIdResponseSchema,
      4,
      {
        transactionalId: null,
      },
    );
    const from = (baseSequence: number) =>
      wire.encodeBatch([{ value: `s${baseSequence}` }], {
        timestampMs: 1n,
        producerId,
        producerEpoch: 0,
        baseSequence,
      });
    expect((await produce('idempotent', from(0))).baseOffset).toBe(0n);
    expect((await produce('idempotent', from(1))).baseOffset).toBe(1n);
    expect((await produce('idempotent', from(1))).baseOffset).toBe(1n);
    expect((await produce('idempotent', from(3))).error).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER');
    expect((await fetch('idempotent', 0n)).data!.highWatermark).toBe(2n);
  });
});

describe('ListOffsets', () => {
  it('finds earliest, latest, by time, the largest timestamp, and nothing where there is nothing', async () => {
    await newTopic('times');
    for (const timestampMs of [10n, 30n, 20n])
      await produce('times', wire.encodeBatch([{ value: 'v' }], { timestampMs }));
    const at = async (timestamp: bigint, more: object = {}) => {
      const answer = await client.request(wire.ListOffsetsRequestSchema, wire.ListOffsetsResponseSchema, 9, {
        replicaId: -1,
        topics: [{ name: 'times', partitions: [{ partitionIndex: 0, timestamp, ...more }] }],
      });
      const { offset, timestamp: found, errorCode } = answer.topics[0]!.partitions[0]!;
      return errorCode === 0 ? [offset, found] : errorByCode(errorCode).name;
    };
    expect(await at(-2n)).toEqual([0n, -1n]);
    expect(await at(-1n)).toEqual([3n, -1n]);
    expect(await at(-3n)).toEqual([1n, 30n]);
    expect(await at(-4n)).toEqual([0n, -1n]);
    expect(await at(-5n)).toEqual([-1n, -1n]);
    expect(await at(11n)).toEqual([1n, 30n]);
    expect(await at(31n)).toEqual([-1n, -1n]);
    expect(await at(-99n)).toBe('INVALID_REQUEST');
    expect(await at(-1n, { currentLeaderEpoch: 99 })).toBe('UNKNOWN_LEADER_EPOCH');
  });
});

describe('topics', () => {
  const badNames = ['', '.', '..', 'a/b', '../x', 'a b', 'ü', 'x'.repeat(250), 'nul\0'];
  it.each(badNames.map((name) => [JSON.stringify(name.slice(0, 20)), name]))(
    'named %s are refused however they are asked for',
    async (_shown, name) => {
      const created = await client.request(wire.CreateTopicsRequestSchema, wire.CreateTopicsResponseSchema, 7, {
        topics: [{ name, numPartitions: 1, replicationFactor: 1 }],
      });
      expect(errorByCode(created.topics[0]!.errorCode).name).toBe('INVALID_TOPIC_EXCEPTION');
      const { topics } = await client.request(wire.MetadataRequestSchema, wire.MetadataResponseSchema, 12, {
        topics: [{ name }],
      });
      expect(errorByCode(topics[0]!.errorCode).name).toBe('INVALID_TOPIC_EXCEPTION');
    },
  );

  const refusals: [string, object, string][] = [
    ['no partitions', { numPartitions: 0 }, 'INVALID_PARTITIONS'],
    ['too many partitions', { numPartitions: 0x7fff_ffff }, 'POLICY_VIOLATION'],
    ['two replicas', { replicationFactor: 2 }, 'INVALID_REPLICATION_FACTOR'],
    ['an unknown setting', { configs: [{ name: 'no.such', value: '1' }] }, 'INVALID_CONFIG'],
    ['a policy that is none', { configs: [{ name: 'cleanup.policy', value: 'shred' }] }, 'INVALID_CONFIG'],
    ['a setting out of range', { configs: [{ name: 'retention.ms', value: '-2' }] }, 'INVALID_CONFIG'],
    [
      'another broker',
      { numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [9] }] },
      'INVALID_REPLICA_ASSIGNMENT',
    ],
  ];
  it.each(refusals)('with %s are refused with a reason, and nothing is made', async (_what, change, expected) => {
    const { topics } = await client.request(wire.CreateTopicsRequestSchema, wire.CreateTopicsResponseSchema, 7, {
      topics: [{ name: 'refused', numPartitions: 1, replicationFactor: 1, ...change }],
    });
    expect(errorByCode(topics[0]!.errorCode).name).toBe(expected);
    expect(topics[0]!.errorMessage).toMatch(/expected/);
    const found = await client.request(wire.MetadataRequestSchema, wire.MetadataResponseSchema, 12, {
      topics: [{ name: 'refused' }],
      allowAutoTopicCreation: false,
    });
    expect(errorByCode(found.topics[0]!.errorCode).name).toBe('UNKNOWN_TOPIC_OR_PARTITION');
  });

  it('only validated are not made', async () => {
    const { topics } = await client.request(wire.CreateTopicsRequestSchema, wire.CreateTopicsResponseSchema, 7, {
      validateOnly: true,
      topics: [{ name: 'validated', numPartitions: 3, replicationFactor: 1 }],
    });
    expect(topics[0]).toMatchObject({ errorCode: 0, numPartitions: 3, topicId: zeroUuid });
    const all = await client.request(wire.MetadataRequestSchema, wire.MetadataResponseSchema, 12, { topics: null });
    expect(all.topics.map((topic) => topic.name)).not.toContain('validated');
  });

  it('can grow, each answered by itself', async () => {
    await newTopic('grows');
    const { results } = await client.request(
      wire.CreatePartitionsRequestSchema,
      wire.CreatePartitionsResponseSchema,
      3,
      {
        topics: [
          { name: 'grows', count: 4, assignments: null },
          { name: 'nowhere', count: 4, assignments: null },
          { name: 't', count: 1, assignments: null },
        ],
      },
    );
    expect(results.map((result) => errorByCode(result.errorCode).name)).toEqual([
      'NONE',
      'UNKNOWN_TOPIC_OR_PARTITION',
      'INVALID_PARTITIONS',
    ]);
    expect((await produce('grows', batch('v'), -1, 3)).error).toBe('NONE');
  });

  it('made anew under an old name have another id and none of the old offsets', async () => {
    const first = await newTopic('again');
    await produce('again', batch('v'));
    const commit = async () =>
      await client.request(wire.OffsetCommitRequestSchema, wire.OffsetCommitResponseSchema, 8, {
        groupId: 'again',
        topics: [{ name: 'again', partitions: [{ partitionIndex: 0, committedOffset: 1n }] }],
      });
    await commit();
    const deleted = await client.request(wire.DeleteTopicsRequestSchema, wire.DeleteTopicsResponseSchema, 6, {
      topics: [{ topicId: first }],
    });
    expect(deleted.responses[0]).toMatchObject({ errorCode: 0, name: 'again' });
    const second = await newTopic('again');
    expect(second).not.toBe(first);
    const { groups } = await client.request(wire.OffsetFetchRequestSchema, wire.OffsetFetchResponseSchema, 8, {
      groups: [{ groupId: 'again', topics: [{ name: 'again', partitionIndexes: [0] }] }],
    });
    expect(groups[0]!.topics[0]!.partitions[0]!.committedOffset).toBe(-1n);
    const old = await client.request(wire.FetchRequestSchema, wire.FetchResponseSchema, 13, {
      topics: [{ topicId: first, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 100 }] }],
    });
    expect(errorByCode(old.responses[0]!.partitions[0]!.errorCode).name).toBe('UNKNOWN_TOPIC_ID');
  });

  it('that hold the state of the broker cannot be deleted', async () => {
    const { responses } = await client.request(wire.DeleteTopicsRequestSchema, wire.DeleteTopicsResponseSchema, 6, {
      topics: [{ name: '__consumer_offsets' }],
    });
    expect(errorByCode(responses[0]!.errorCode).name).toBe('TOPIC_DELETION_DISABLED');
  });
});

describe('DescribeConfigs', () => {
  it('shows what is in force and where it comes from, of topics and of the broker', async () => {
    await newTopic('configured', 1, [{ name: 'retention.ms', value: '12345' }]);
    const { results } = await client.request(wire.DescribeConfigsRequestSchema, wire.DescribeConfigsResponseSchema, 4, {
      includeDocumentation: true,
      resources: [
        { resourceType: 2, resourceName: 'configured', configurationKeys: null },
        { resourceType: 4, resourceName: '1', configurationKeys: ['num.partitions'] },
        { resourceType: 2, resourceName: 'nowhere', configurationKeys: null },
        { resourceType: 4, resourceName: '2', configurationKeys: null },
      ],
    });
    expect(results.map((result) => errorByCode(result.errorCode).name)).toEqual([
      'NONE',
      'NONE',
      'UNKNOWN_TOPIC_OR_PARTITION',
      'INVALID_REQUEST',
    ]);
    const byName = new Map(results[0]!.configs.map((config) => [config.name, config]));
    expect(byName.get('retention.ms')).toMatchObject({ value: '12345', configSource: 1, configType: 5 });
    expect(byName.get('segment.bytes')).toMatchObject({ configSource: 5 });
    expect(byName.get('retention.ms')!.documentation).not.toBe('');
    expect(results[1]!.configs).toMatchObject([{ name: 'num.partitions', value: '1' }]);
  });
});

describe('offsets of a group', () => {
  const commit = async (groupId: string, partitions: object[], more: object = {}) => {
    const answer = await client.request(wire.OffsetCommitRequestSchema, wire.OffsetCommitResponseSchema, 8, {
      groupId,
      topics: [{ name: 't', partitions }],
      ...more,
    });
    return answer.topics[0]!.partitions.map((partition) => errorByCode(partition.errorCode).name);
  };

  it('come back with their metadata and leader epoch', async () => {
    await commit('round-trip', [
      { partitionIndex: 0, committedOffset: 42n, committedLeaderEpoch: 3, committedMetadata: 'what I knew ü' },
    ]);
    const { groups } = await client.request(wire.OffsetFetchRequestSchema, wire.OffsetFetchResponseSchema, 9, {
      groups: [
        { groupId: 'round-trip', topics: null },
        { groupId: 'never-heard-of', topics: null },
      ],
      requireStable: true,
    });
    expect(groups[0]!.topics).toMatchObject([
      {
        name: 't',
        partitions: [
          { partitionIndex: 0, committedOffset: 42n, committedLeaderEpoch: 3, metadata: 'what I knew ü', errorCode: 0 },
        ],
      },
    ]);
    expect(groups[1]).toMatchObject({ topics: [], errorCode: 0 });
  });

  it('fail partition by partition', async () => {
    const errors = await commit('partial', [
      { partitionIndex: 0, committedOffset: 1n, committedMetadata: 'x'.repeat(5_000) },
      { partitionIndex: 999, committedOffset: 1n },
      { partitionIndex: 0, committedOffset: 7n },
    ]);
    expect(errors).toEqual(['OFFSET_METADATA_TOO_LARGE', 'UNKNOWN_TOPIC_OR_PARTITION', 'NONE']);
  });

  it('are refused with a generation when there is no group', async () => {
    expect(
      await commit('nobody', [{ partitionIndex: 0, committedOffset: 1n }], {
        generationIdOrMemberEpoch: 4,
        memberId: 'm',
      }),
    ).toEqual(['ILLEGAL_GENERATION']);
  });

  it('cannot be deleted under a member that is subscribed, nor the group', async () => {
    const subscription = Buffer.concat([
      Buffer.from([0, 1]),
      wire.encodeMessage(wire.ConsumerProtocolSubscriptionSchema, 1, { topics: ['t'], userData: null }),
    ]);
    const protocols = [{ name: 'range', metadata: subscription }];
    const join = {
      groupId: 'in-use',
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      protocolType: 'consumer',
      protocols,
    };
    const joined = await client.request(wire.JoinGroupRequestSchema, wire.JoinGroupResponseSchema, 3, {
      ...join,
      memberId: '',
    });
    const { memberId, generationId } = joined;
    await client.request(wire.SyncGroupRequestSchema, wire.SyncGroupResponseSchema, 3, {
      groupId: 'in-use',
      generationId,
      memberId,
      assignments: [{ memberId, assignment: text('a') }],
    });
    expect(
      await commit('in-use', [{ partitionIndex: 0, committedOffset: 1n }], {
        generationIdOrMemberEpoch: generationId,
        memberId,
      }),
    ).toEqual(['NONE']);
    expect(await commit('in-use', [{ partitionIndex: 0, committedOffset: 1n }])).toEqual(['UNKNOWN_MEMBER_ID']);
    const deleted = await client.request(wire.OffsetDeleteRequestSchema, wire.OffsetDeleteResponseSchema, 0, {
      groupId: 'in-use',
      topics: [{ name: 't', partitions: [{ partitionIndex: 0 }] }],
    });
    expect(errorByCode(deleted.topics[0]!.partitions[0]!.errorCode).name).toBe('GROUP_SUBSCRIBED_TO_TOPIC');
    const { results } = await client.request(wire.DeleteGroupsRequestSchema, wire.DeleteGroupsResponseSchema, 2, {
      groupsNames: ['in-use'],
    });
    expect(errorByCode(results[0]!.errorCode).name).toBe('NON_EMPTY_GROUP');
  });
});

describe('the address that clients are told', () => {
  const toldBy = async (options: { host?: string; advertised?: { host: string; port: number } }) => {
    const other = await startTestBroker({}, options);
    const reached = await RawClient.open({ host: '127.0.0.1', port: other.address.port });
    const { brokers } = await reached.request(wire.MetadataRequestSchema, wire.MetadataResponseSchema, 12, {
      topics: [],
    });
    reached.close();
    await other.stop();
    const { host, port } = brokers[0]!;
    return { told: { host, port }, listening: other.address };
  };

  it('is where it listens', async () => {
    const { told, listening } = await toldBy({});
    expect(told).toEqual(listening);
  });

  it('is the one they came to when it listens on all', async () => {
    const { told, listening } = await toldBy({ host: '0.0.0.0' });
    expect(told).toEqual({ host: '127.0.0.1', port: listening.port });
  });

  it('is the advertised one when there is one', async () => {
    const advertised = { host: 'broker.example', port: 1234 };
    expect((await toldBy({ advertised })).told).toEqual(advertised);
  });
});

describe('transactions', () => {
  it('are refused for good wherever a client may begin with them', async () => {
    const refused = errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    const found = await client.request(wire.FindCoordinatorRequestSchema, wire.FindCoordinatorResponseSchema, 4, {
      keyType: 1,
      coordinatorKeys: ['t'],
    });
    expect(found.coordinators[0]).toMatchObject({
      errorCode: refused,
      errorMessage: expect.stringMatching(/transactions/),
    });
    const init = await client.request(wire.InitProducerIdRequestSchema, wire.InitProducerIdResponseSchema, 4, {
      transactionalId: 't',
      transactionTimeoutMs: 1000,
    });
    expect(init).toMatchObject({ errorCode: refused, producerId: -1n });
    const invalid = await client.request(wire.InitProducerIdRequestSchema, wire.InitProducerIdResponseSchema, 4, {
      transactionalId: 't',
      transactionTimeoutMs: 0,
    });
    expect(errorByCode(invalid.errorCode).name).toBe('INVALID_TRANSACTION_TIMEOUT');
  });
});
