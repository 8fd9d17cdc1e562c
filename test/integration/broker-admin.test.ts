// Settings of topics, ends of epochs and memory of producers, over the wire.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as wire from '../../src/wire/index.ts';
import { encodeBatch, errorByCode } from '../../src/wire/index.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import { RawClient } from '../support/raw-client.ts';

let broker: TestBroker;
let client: RawClient;
let dataDirectory: string;

beforeAll(async () => {
  dataDirectory = mkdtempSync(join(tmpdir(), 'broker-admin-'));
  broker = await startTestBroker({}, { dataDirectory });
  client = await RawClient.open(broker.address);
});

afterAll(async () => {
  client.close();
  await broker.stop();
  rmSync(dataDirectory, { recursive: true, force: true });
});

interface ConfigText {
  name: string;
  value: string;
}

const operations = { set: 0, delete: 1, append: 2, subtract: 3 };

async function create(name: string, configs: ConfigText[] = []): Promise<void> {
  const { topics } = await client.request(wire.CreateTopicsRequestSchema, wire.CreateTopicsResponseSchema, 7, {
    topics: [{ name, numPartitions: 1, replicationFactor: -1, configs }],
  });
  expect(topics[0]!.errorMessage).toBeNull();
}

async function incremental(
  resourceName: string,
  changes: [keyof typeof operations, string, string | null][],
  options: { validateOnly?: boolean; resourceType?: number } = {},
): Promise<{ error: string; message: string | null }> {
  const configs = changes.map(([operation, name, value]) => ({ name, configOperation: operations[operation], value }));
  const { responses } = await client.request(
    wire.IncrementalAlterConfigsRequestSchema,
    wire.IncrementalAlterConfigsResponseSchema,
    1,
    {
      resources: [{ resourceType: options.resourceType ?? 2, resourceName, configs }],
      validateOnly: options.validateOnly ?? false,
    },
  );
  return { error: errorByCode(responses[0]!.errorCode).name, message: responses[0]!.errorMessage };
}

async function settings(name: string): Promise<Map<string, { value: string | null; source: number }>> {
  const { results } = await client.request(wire.DescribeConfigsRequestSchema, wire.DescribeConfigsResponseSchema, 4, {
    resources: [{ resourceType: 2, resourceName: name, configurationKeys: null }],
  });
  return new Map(
    results[0]!.configs.map(({ name: key, value, configSource }) => [key, { value, source: configSource }]),
  );
}

async function produce(name: string, records: Buffer): Promise<string> {
  const { responses } = await client.request(wire.ProduceRequestSchema, wire.ProduceResponseSchema, 9, {
    acks: -1,
    timeoutMs: 1000,
    topicData: [{ name, partitionData: [{ index: 0, records }] }],
  });
  return errorByCode(responses[0]!.partitionResponses[0]!.errorCode).name;
}

describe('IncrementalAlterConfigs', () => {
  it('sets, deletes, appends and subtracts, in force at once and after a restart', async () => {
    await create('changed', [{ name: 'retention.ms', value: '1000000' }]);
    const done = await incremental('changed', [
      ['set', 'segment.bytes', '65536'],
      ['delete', 'retention.ms', null],
      ['append', 'cleanup.policy', 'compact'],
    ]);
    expect(done).toEqual({ error: 'NONE', message: null });
    const now = await settings('changed');
    expect(now.get('segment.bytes')).toEqual({ value: '65536', source: 1 });
    expect(now.get('retention.ms')).toEqual({ value: '604800000', source: 5 });
    expect(now.get('cleanup.policy')!.value).toBe('compact,delete');
    expect((await incremental('changed', [['subtract', 'cleanup.policy', 'delete']])).error).toBe('NONE');
    expect((await settings('changed')).get('cleanup.policy')!.value).toBe('compact');
    client.close();
    await broker.broker.close();
    broker = await startTestBroker({}, { dataDirectory });
    client = await RawClient.open(broker.address);
    expect((await settings('changed')).get('cleanup.policy')).toEqual({ value: 'compact', source: 1 });
    expect((await settings('changed')).get('segment.bytes')!.value).toBe('65536');
  });

  it('is refused whole when one part is wrong, and tells what was expected', async () => {
    await create('refused');
    const bad: [[keyof typeof operations, string, string | null][], string, RegExp][] = [
      [
        [
          ['set', 'retention.ms', '5'],
          ['set', 'retention.typo', '5'],
        ],
        'INVALID_CONFIG',
        /expected the name of a topic setting/,
      ],
      [[['set', 'retention.ms', 'soon']], 'INVALID_CONFIG', /expected a whole number/],
      [[['append', 'retention.ms', '5']], 'INVALID_CONFIG', /append and subtract are for lists/],
      [[['subtract', 'cleanup.policy', 'delete']], 'INVALID_CONFIG', /expected delete, compact or both/],
      [
        [
          ['set', 'retention.ms', '5'],
          ['delete', 'retention.ms', null],
        ],
        'INVALID_REQUEST',
        /retention.ms twice/,
      ],
      [[['set', 'min.insync.replicas', '2']], 'INVALID_CONFIG', /expected 1, the only value here/],
    ];
    for (const [changes, error, message] of bad) {
      const answer = await incremental('refused', changes);
      expect(answer.error).toBe(error);
      expect(answer.message).toMatch(message);
    }
    expect((await settings('refused')).get('retention.ms')).toEqual({ value: '604800000', source: 5 });
  });

  it('changes nothing when it only validates, nothing of the broker, and nothing of internal topics', async () => {
    await create('checked');
    expect((await incremental('checked', [['set', 'retention.ms', '5']], { validateOnly: true })).error).toBe('NONE');
    expect((await settings('checked')).get('retention.ms')!.value).toBe('604800000');
    expect((await incremental('1', [['set', 'num.partitions', '5']], { resourceType: 4 })).error).toBe(
      'INVALID_REQUEST',
    );
    expect((await incremental('__consumer_offsets', [['set', 'retention.ms', '5']])).error).toBe('INVALID_REQUEST');
    expect((await incremental('nowhere', [['set', 'retention.ms', '5']])).error).toBe('UNKNOWN_TOPIC_OR_PARTITION');
  });
});

describe('AlterConfigs', () => {
  it('replaces all settings of a topic', async () => {
    await create('replaced', [{ name: 'retention.ms', value: '1000000' }]);
    const configs = [{ name: 'segment.ms', value: '5000' }];
    const { responses } = await client.request(wire.AlterConfigsRequestSchema, wire.AlterConfigsResponseSchema, 2, {
      resources: [{ resourceType: 2, resourceName: 'replaced', configs }],
    });
    expect(responses[0]!.errorCode).toBe(0);
    const now = await settings('replaced');
    expect(now.get('segment.ms')).toEqual({ value: '5000', source: 1 });
    expect(now.get('retention.ms')!.source).toBe(5);
  });
});

describe('OffsetForLeaderEpoch', () => {
  it('tells where the epoch ends, knows no later one, and refuses a client with other metadata', async () => {
    await create('epochs');
    await produce('epochs', encodeBatch([{ value: 'a' }, { value: 'b' }], { timestampMs: 1n }));
    const ask = async (leaderEpoch: number, currentLeaderEpoch = 0) => {
      const { topics } = await client.request(
        wire.OffsetForLeaderEpochRequestSchema,
        wire.OffsetForLeaderEpochResponseSchema,
        4,
        {
          replicaId: -1,
          topics: [{ topic: 'epochs', partitions: [{ partition: 0, currentLeaderEpoch, leaderEpoch }] }],
        },
      );
      return topics[0]!.partitions[0]!;
    };
    expect(await ask(0)).toMatchObject({ errorCode: 0, leaderEpoch: 0, endOffset: 2n });
    expect(await ask(1)).toMatchObject({ errorCode: 0, leaderEpoch: -1, endOffset: -1n });
    expect(errorByCode((await ask(0, 3)).errorCode).name).toBe('UNKNOWN_LEADER_EPOCH');
  });
});

describe('DescribeProducers', () => {
  it('tells the last sequence of each producer, also after a restart', async () => {
    await create('producers');
    const batch = (baseSequence: number, count: number): Buffer =>
      encodeBatch(
        Array.from({ length: count }, () => ({ value: 'v' })),
        { timestampMs: 1n, producerId: 77n, producerEpoch: 2, baseSequence },
      );
    expect(await produce('producers', batch(0, 3))).toBe('NONE');
    expect(await produce('producers', batch(3, 2))).toBe('NONE');
    const ask = async () => {
      const { topics } = await client.request(
        wire.DescribeProducersRequestSchema,
        wire.DescribeProducersResponseSchema,
        0,
        { topics: [{ name: 'producers', partitionIndexes: [0, 9] }] },
      );
      const [found, missing] = topics[0]!.partitions;
      expect(errorByCode(missing!.errorCode).name).toBe('UNKNOWN_TOPIC_OR_PARTITION');
      return found!.activeProducers;
    };
    const expected = [{ producerId: 77n, producerEpoch: 2, lastSequence: 4, currentTxnStartOffset: -1n }];
    expect(await ask()).toMatchObject(expected);
    client.close();
    await broker.broker.close();
    broker = await startTestBroker({}, { dataDirectory });
    client = await RawClient.open(broker.address);
    expect(await ask()).toMatchObject(expected);
  });
});

describe('a group that pins a topic', () => {
  const commit = async (groupId: string, offset: bigint, committedMetadata = ''): Promise<string> => {
    const partitions = [{ partitionIndex: 0, committedOffset: offset, committedMetadata }];
    const { topics } = await client.request(wire.OffsetCommitRequestSchema, wire.OffsetCommitResponseSchema, 8, {
      groupId,
      topics: [{ name: 'pinned', partitions }],
    });
    return errorByCode(topics[0]!.partitions[0]!.errorCode).name;
  };

  const deleteGroup = async (groupId: string): Promise<string> => {
    const { results } = await client.request(wire.DeleteGroupsRequestSchema, wire.DeleteGroupsResponseSchema, 2, {
      groupsNames: [groupId],
    });
    return errorByCode(results[0]!.errorCode).name;
  };

  const deleteRecords = async (offset: bigint): Promise<string> => {
    const { topics } = await client.request(wire.DeleteRecordsRequestSchema, wire.DeleteRecordsResponseSchema, 2, {
      topics: [{ name: 'pinned', partitions: [{ partitionIndex: 0, offset }] }],
    });
    return errorByCode(topics[0]!.partitions[0]!.errorCode).name;
  };

  it('is neither reset nor deleted by mistake, and records it has not landed are not deleted, until the pin is off', async () => {
    await create('pinned', [{ name: 'sluice.pin.group', value: 'loader' }]);
    await produce('pinned', encodeBatch([{ value: 'a' }, { value: 'b' }, { value: 'c' }], { timestampMs: 1n }));
    expect(await commit('loader', 2n), 'as a reset of offsets commits').toBe('POLICY_VIOLATION');
    expect(await commit('other', 2n)).toBe('NONE');
    expect(await commit('loader', 2n, 'sluice.landed'), 'as a load commits').toBe('NONE');
    expect(await commit('loader', 1n, 'sluice.force'), 'as sluice groups reset-offsets --force commits').toBe('NONE');
    const { topics } = await client.request(wire.OffsetDeleteRequestSchema, wire.OffsetDeleteResponseSchema, 0, {
      groupId: 'loader',
      topics: [{ name: 'pinned', partitions: [{ partitionIndex: 0 }] }],
    });
    expect(errorByCode(topics[0]!.partitions[0]!.errorCode).name).toBe('POLICY_VIOLATION');
    expect(await deleteGroup('loader')).toBe('POLICY_VIOLATION');
    expect(await deleteGroup('other')).toBe('NONE');
    expect(await deleteRecords(2n)).toBe('POLICY_VIOLATION');
    expect(await deleteRecords(1n)).toBe('NONE');
    expect((await incremental('pinned', [['delete', 'sluice.pin.group', null]])).error).toBe('NONE');
    expect(await deleteRecords(2n)).toBe('NONE');
    expect(await deleteGroup('loader')).toBe('NONE');
  });
});
