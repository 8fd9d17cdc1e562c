// What every example needs of kafkajs. Nothing here knows that the broker is ours.
import { randomUUID } from 'node:crypto';
import { type Admin, type EachMessagePayload, Kafka, type KafkaMessage, logLevel, type Message } from 'kafkajs';

export function kafkaAt(brokers: string[], clientId: string): Kafka {
  return new Kafka({ clientId, brokers, logLevel: logLevel.NOTHING });
}

/** What a consumer of an example is told besides its group: not to wait long for more, because the examples end. */
export const impatient = { maxWaitTimeInMs: 100 };

export interface TopicSettings {
  partitions?: number;
  /** As Kafka's broker and `kafka-configs` name them: `{ 'cleanup.policy': 'compact' }`. */
  config?: Record<string, string>;
}

export async function createTopics(kafka: Kafka, topics: Record<string, TopicSettings>): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({
    topics: Object.entries(topics).map(([topic, { partitions = 1, config = {} }]) => ({
      topic,
      numPartitions: partitions,
      configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
    })),
  });
  await admin.disconnect();
}

/** Sends everything and waits until the broker has it on disk. */
export async function publish(kafka: Kafka, topic: string, messages: Message[]): Promise<void> {
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic, acks: -1, messages });
  await producer.disconnect();
}

export const json = <T>(message: KafkaMessage): T => JSON.parse(message.value!.toString()) as T;

export interface ReadOptions {
  topic: string;
  /** A group goes on where it last ended; without one everything is read, and nothing is remembered. */
  groupId?: string;
  /** Where to begin, by partition; else where the group ended, or at the first record. */
  from?: ReadonlyMap<number, bigint>;
  eachMessage: (payload: EachMessagePayload) => Promise<void> | void;
}

/** Reads a topic up to the end that it has now. A service would never stop; an example, a batch or a rebuild of state does. */
export async function readToEnd(kafka: Kafka, options: ReadOptions): Promise<void> {
  const { topic, groupId = `reader-${randomUUID()}`, from, eachMessage } = options;
  const admin = kafka.admin();
  await admin.connect();
  if (from && from.size > 0) {
    const partitions = [...from].map(([partition, offset]) => ({ partition, offset: `${offset}` }));
    await admin.setOffsets({ groupId, topic, partitions });
  }
  const ends = await openEnds(admin, topic, groupId);
  if (ends.size > 0) {
    const consumer = kafka.consumer({ groupId, ...impatient });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      const open = new Set(ends.keys());
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
      consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { partition, lastOffset } }) => {
        if (BigInt(lastOffset) + 1n >= ends.get(partition)!) open.delete(partition);
        if (open.size === 0) resolve();
      });
      consumer.run({ autoCommit: false, eachMessage: async (payload) => eachMessage(payload) }).catch(reject);
    });
    await consumer.commitOffsets([...ends].map(([partition, end]) => ({ topic, partition, offset: `${end}` })));
    await consumer.disconnect();
  }
  if (options.groupId === undefined && (ends.size > 0 || from?.size)) await admin.deleteGroups([groupId]);
  await admin.disconnect();
}

/** The ends of those partitions that have something the group has not read. */
async function openEnds(admin: Admin, topic: string, groupId: string): Promise<Map<number, bigint>> {
  const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] });
  const ends = new Map<number, bigint>();
  for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
    const offset = committed?.partitions.find((one) => one.partition === partition)?.offset ?? '-1';
    const next = offset === '-1' ? BigInt(low) : BigInt(offset);
    if (BigInt(high) > next) ends.set(partition, BigInt(high));
  }
  return ends;
}
