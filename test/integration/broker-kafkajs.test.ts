// kafkajs knows nothing of our code: what it reads is what other clients read.
import { CompressionTypes, type Consumer, Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestBroker, type TestBroker } from '../support/broker.ts';

let broker: TestBroker;
let kafka: Kafka;

beforeAll(async () => {
  broker = await startTestBroker({ defaultPartitions: 3 });
  kafka = new Kafka({ clientId: 'kafkajs', brokers: [broker.bootstrap], logLevel: logLevel.NOTHING });
});

afterAll(async () => await broker.stop());

/** Reads until `count` messages have come. */
async function collect(
  consumer: Consumer,
  count: number,
): Promise<{ partition: number; offset: string; value: string }[]> {
  const messages: { partition: number; offset: string; value: string }[] = [];
  await new Promise<void>((resolve) => {
    void consumer.run({
      eachMessage: async ({ partition, message }) => {
        messages.push({ partition, offset: message.offset, value: message.value!.toString() });
        if (messages.length >= count) resolve();
      },
    });
  });
  return messages;
}

describe('a kafkajs client', () => {
  it('creates a topic by producing to it and reads back what it wrote, in order per partition', async () => {
    const producer = kafka.producer();
    await producer.connect();
    const sent = Array.from({ length: 300 }, (_, i) => ({ key: `k${i % 7}`, value: `v${i}` }));
    const results = await producer.send({ topic: 'by-producing', messages: sent, acks: -1 });
    expect(results.every((result) => result.errorCode === 0)).toBe(true);
    const consumer = kafka.consumer({ groupId: 'reads-back' });
    await consumer.connect();
    await consumer.subscribe({ topic: 'by-producing', fromBeginning: true });
    const read = await collect(consumer, 300);
    await consumer.disconnect();
    await producer.disconnect();
    expect(read.map((message) => message.value).sort()).toEqual(sent.map((message) => message.value).sort());
    for (const partition of [0, 1, 2]) {
      const offsets = read
        .filter((message) => message.partition === partition)
        .map((message) => Number(message.offset));
      expect(offsets).toEqual(offsets.map((_, i) => i));
    }
  });

  it('reads gzip back, and headers, keys and empty values as they were', async () => {
    const producer = kafka.producer({ idempotent: true });
    await producer.connect();
    const message = { key: 'k', value: null, headers: { h: 'x', empty: '' } };
    await producer.send({
      topic: 'shapes',
      messages: [{ ...message, partition: 0 }],
      compression: CompressionTypes.GZIP,
    });
    const consumer = kafka.consumer({ groupId: 'shapes' });
    await consumer.connect();
    await consumer.subscribe({ topic: 'shapes', fromBeginning: true });
    const read = await new Promise<{ key: Buffer | null; value: Buffer | null; headers?: object }>((resolve) => {
      void consumer.run({ eachMessage: async (payload) => resolve(payload.message) });
    });
    await consumer.disconnect();
    await producer.disconnect();
    expect(read.key!.toString()).toBe('k');
    expect(read.value).toBeNull();
    expect(read.headers).toEqual({ h: Buffer.from('x'), empty: Buffer.alloc(0) });
  });

  it('resumes a group where it has committed, and finds offsets by time', async () => {
    const producer = kafka.producer();
    await producer.connect();
    await kafka.admin().createTopics({ topics: [{ topic: 'resumes', numPartitions: 1 }] });
    const times = [1_000, 2_000, 3_000];
    for (const timestamp of times) {
      await producer.send({ topic: 'resumes', messages: [{ value: `at ${timestamp}`, timestamp: String(timestamp) }] });
    }
    const admin = kafka.admin();
    await admin.connect();
    expect(await admin.fetchTopicOffsetsByTimestamp('resumes', 1_500)).toEqual([{ partition: 0, offset: '1' }]);
    expect(await admin.fetchTopicOffsets('resumes')).toEqual([{ partition: 0, offset: '3', high: '3', low: '0' }]);
    await admin.setOffsets({ groupId: 'resumer', topic: 'resumes', partitions: [{ partition: 0, offset: '2' }] });
    const consumer = kafka.consumer({ groupId: 'resumer' });
    await consumer.connect();
    await consumer.subscribe({ topic: 'resumes', fromBeginning: true });
    expect(await collect(consumer, 1)).toEqual([{ partition: 0, offset: '2', value: 'at 3000' }]);
    await consumer.disconnect();
    const committed = await admin.fetchOffsets({ groupId: 'resumer', topics: ['resumes'] });
    expect(committed[0]!.partitions).toEqual([{ partition: 0, offset: '3', metadata: null }]);
    await admin.deleteGroups(['resumer']);
    expect((await admin.listGroups()).groups.map((group) => group.groupId)).not.toContain('resumer');
    await admin.disconnect();
    await producer.disconnect();
  });

  it('shares partitions among the members of a group, and again when one leaves', async () => {
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: 'shared', numPartitions: 4 }] });
    const owned = new Map<string, number[]>();
    const members = [];
    for (const name of ['a', 'b']) {
      const consumer = kafka.consumer({ groupId: 'sharers', sessionTimeout: 6_000, heartbeatInterval: 200 });
      consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
        owned.set(name, payload.memberAssignment['shared'] ?? []);
      });
      await consumer.connect();
      await consumer.subscribe({ topic: 'shared' });
      await consumer.run({ eachMessage: async () => {} });
      members.push(consumer);
    }
    await expect
      .poll(() => [...owned.values()].map((parts) => parts.length).sort(), { timeout: 20_000 })
      .toEqual([2, 2]);
    await members[0]!.disconnect();
    await expect.poll(() => owned.get('b')!.length, { timeout: 20_000 }).toBe(4);
    const described = await admin.describeGroups(['sharers']);
    expect(described.groups[0]).toMatchObject({ state: 'Stable', protocolType: 'consumer' });
    expect(described.groups[0]!.members).toHaveLength(1);
    await members[1]!.disconnect();
    await admin.disconnect();
  });
});
