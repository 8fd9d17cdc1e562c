// Promises of the producer, against a broker whose every answer the test decides.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/shared/index.ts';
import { KafkaCluster, ProducerClient } from '../../src/wire/client/index.ts';
import { apiKeys, errorCodes, readBatchHeader } from '../../src/wire/index.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';

const identity = { producerId: 7n, producerEpoch: 2 };
let broker: ScriptedBroker;
let cluster: KafkaCluster;
let producer: ProducerClient;

beforeEach(async () => {
  broker = await ScriptedBroker.start();
  broker.setTopic('t', 'a'.repeat(32), [[1, 3]]);
  broker.on(apiKeys.InitProducerId, () => identity);
  cluster = new KafkaCluster({
    brokers: [broker.address],
    clientId: 'test',
    retryTimeoutMs: 2_000,
    logger: silentLogger,
  });
  producer = new ProducerClient({ cluster, lingerMs: 0, batchBytes: 1 }); // a batch a record
});

afterEach(async () => {
  await producer.close().catch(() => {});
  await cluster.close();
  await broker.stop();
});

/**
 * A leader that loses its answers `lossCount` times, although it appends, and forgets by that all but the newest batch: what
 * Apache Kafka does when it is killed. What it appended counts as its log.
 */
function forgetfulLeader(lossCount: number): { log: number[] } {
  const state = { log: [] as number[] };
  let lost = 0;
  broker.on(
    apiKeys.Produce,
    (request) => {
      const { baseSequence } = readBatchHeader(request.topicData[0]!.partitionData[0]!.records!, 0);
      const newest = state.log.at(-1) ?? -1;
      if (baseSequence === newest + 1) state.log.push(baseSequence);
      else if (baseSequence !== newest) return answered(errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER);
      const isLossDue = lost < lossCount && state.log.length >= 5 * (lost + 1);
      if (isLossDue) lost++;
      return isLossDue ? 'close' : lost < lossCount ? 'stay-silent' : answered(errorCodes.NONE, BigInt(baseSequence));
    },
    [0, 12],
  );
  return state;
}

const answered = (errorCode: number, baseOffset = -1n) => ({
  responses: [{ name: 't', partitionResponses: [{ index: 0, errorCode, baseOffset }] }],
});

function describeProducers(lastSequence: () => number, errorCode: number = errorCodes.NONE): void {
  broker.on(apiKeys.DescribeProducers, () => ({
    topics: [
      {
        name: 't',
        partitions: [
          {
            partitionIndex: 0,
            errorCode,
            activeProducers: [
              { producerId: 6n, producerEpoch: 0, lastSequence: 1_000 },
              { ...identity, lastSequence: lastSequence() },
            ],
          },
        ],
      },
    ],
  }));
}

describe('batches that were appended by a leader that forgot them', () => {
  it('count as delivered at an unknown offset, and what follows goes on in order', async () => {
    const state = forgetfulLeader(1);
    describeProducers(() => state.log.at(-1) ?? -1);
    const offsets: bigint[] = [];
    for (let i = 0; i < 8; i++) {
      await producer.send('t', { value: `${i}` }, { onDelivered: ({ offset }) => offsets.push(offset) });
    }
    await producer.close();
    expect(state.log).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(offsets.slice().sort()).toEqual([-1n, -1n, -1n, -1n, 4n, 5n, 6n, 7n]);
    expect(broker.of(apiKeys.DescribeProducers)[0]!.message).toMatchObject({
      topics: [{ name: 't', partitionIndexes: [0] }],
    });
  });

  it('end the producer when the leader says that they are not in its log', async () => {
    forgetfulLeader(1);
    describeProducers(() => -1);
    for (let i = 0; i < 5; i++) await producer.send('t', { value: `${i}` });
    await expect(producer.close()).rejects.toMatchObject({ kafkaName: 'OUT_OF_ORDER_SEQUENCE_NUMBER' });
  });

  it('end the producer when the broker has no way to tell', async () => {
    forgetfulLeader(1);
    for (let i = 0; i < 5; i++) await producer.send('t', { value: `${i}` });
    await expect(producer.close()).rejects.toMatchObject({ kafkaName: 'OUT_OF_ORDER_SEQUENCE_NUMBER' });
  });

  it('are asked about again while the leader moves', async () => {
    const state = forgetfulLeader(1);
    let asked = 0;
    broker.on(apiKeys.DescribeProducers, () => {
      const errorCode = asked++ === 0 ? errorCodes.NOT_LEADER_OR_FOLLOWER : errorCodes.NONE;
      const activeProducers = [{ ...identity, lastSequence: state.log.at(-1)! }];
      return { topics: [{ name: 't', partitions: [{ partitionIndex: 0, errorCode, activeProducers }] }] };
    });
    for (let i = 0; i < 6; i++) await producer.send('t', { value: `${i}` });
    await producer.close();
    expect(state.log).toEqual([0, 1, 2, 3, 4, 5]);
    expect(asked).toBeGreaterThan(1);
  });
});

describe('a batch that was never sent before', () => {
  it('and is out of order ends the producer without a question', async () => {
    broker.on(apiKeys.Produce, () => answered(errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER), [0, 12]);
    describeProducers(() => 100);
    await producer.send('t', { value: 'x' });
    await expect(producer.flush()).rejects.toMatchObject({ kafkaName: 'OUT_OF_ORDER_SEQUENCE_NUMBER' });
    expect(broker.of(apiKeys.DescribeProducers)).toHaveLength(0);
  });
});

describe('the first record of a topic', () => {
  it('is sent although the topic is forgotten between the look-up and the producer id', async () => {
    broker.on(apiKeys.InitProducerId, () => {
      cluster.core.metadata.forget(['t']); // as a retry to another partition does
      return identity;
    });
    broker.on(apiKeys.Produce, () => answered(errorCodes.NONE, 0n), [0, 12]);
    await producer.send('t', { value: 'x' });
    await producer.close();
    expect(producer.acknowledgedCount).toBe(1);
  });
});
