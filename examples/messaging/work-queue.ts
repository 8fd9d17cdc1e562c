import { setTimeout as sleep } from 'node:timers/promises';
import type { Kafka } from 'kafkajs';
import { createConsumer, eachEvent } from '../../src/online/index.ts';
import { silentLogger } from '../../src/shared/index.ts';

export interface Order {
  id: number;
  customer: string;
  /** A customer whose address nobody can deliver to: the message that cannot be worked on, however often one tries. */
  isUndeliverable: boolean;
}

/** Which worker did which orders. */
export type WorkLog = Map<string, number[]>;

/**
 * Workers that share one queue: members of one group, so that each order goes to one of them. An order that fails is tried
 * again after a pause; after three tries it is put aside, in a topic where a person looks, and the queue goes on.
 */
export async function workQueue(brokers: string[], kafka: Kafka, workers: string[]): Promise<WorkLog> {
  const log: WorkLog = new Map();
  const consumers = workers.map((worker) =>
    createConsumer<Order>({
      brokers,
      group: 'shipping',
      topics: ['orders'],
      retries: { attempts: 3, firstMs: 10 },
      deadLetterTopic: 'orders.aside',
      commitIntervalMs: 100,
      logger: silentLogger, // a warning for each try, as JSON lines on stderr, when left out
      // What has returned is acknowledged. The orders of a worker that dies before that go to the others.
      handler: eachEvent(async ({ value: order }) => {
        await ship(order);
        log.set(worker, [...(log.get(worker) ?? []), order.id]);
      }),
    }),
  );
  await Promise.all(consumers.map((consumer) => consumer.start()));
  while ((await waitingOrders(kafka)) > 0n) await sleep(50);
  await Promise.all(consumers.map((consumer) => consumer.stop()));
  return log;
}

/** The work itself: a few milliseconds with the parcel service. */
async function ship({ id, isUndeliverable }: Order): Promise<void> {
  await sleep(5);
  if (isUndeliverable) throw new Error(`nobody lives where order ${id} should go`);
}

/** The length of the queue: what the group has not acknowledged. */
async function waitingOrders(kafka: Kafka): Promise<bigint> {
  const admin = kafka.admin();
  await admin.connect();
  const [group] = await admin.fetchOffsets({ groupId: 'shipping', topics: ['orders'] });
  const ends = await admin.fetchTopicOffsets('orders');
  await admin.disconnect();
  return ends.reduce((sum, { partition, high }) => {
    const offset = group?.partitions.find((one) => one.partition === partition)?.offset ?? '-1';
    return sum + BigInt(high) - (offset === '-1' ? 0n : BigInt(offset));
  }, 0n);
}
