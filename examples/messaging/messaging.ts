import { createTopics, json, kafkaAt, publish, readToEnd } from '../support/kafka.ts';
import type { Show } from '../support/show.ts';
import { type Order, type WorkLog, workQueue } from './work-queue.ts';

export interface MessagingReport {
  work: WorkLog;
  /** What the workers gave up, with what they said last. */
  aside: { id: number; reason: string }[];
  /** Orders that each of the parties saw that are told of all orders. */
  heard: Record<string, number>;
  /** Orders that the mailer saw again after its position was set back. */
  again: number;
}

const orders: Order[] = Array.from({ length: 60 }, (_, id) => ({
  id,
  customer: `c${id % 12}`,
  isUndeliverable: id === 13,
}));

/** What one builds with exchanges and queues elsewhere, with topics and groups. */
export async function exchangeMessages(brokers: string[], show: Show): Promise<MessagingReport> {
  const kafka = kafkaAt(brokers, 'shop');
  await createTopics(kafka, { orders: { partitions: 6 }, 'orders.aside': {} });
  await publish(
    kafka,
    'orders',
    orders.map((order) => ({ key: order.customer, value: JSON.stringify(order), timestamp: `${timeOf(order)}` })),
  );
  show.log(`${orders.length} orders published to "orders", 6 partitions\n`);

  show.log('Work queue: three workers of the group "shipping" share them');
  const work = await workQueue(brokers, kafka, ['ann', 'bob', 'cem']);
  show.table([...work].map(([worker, ids]) => ({ worker, orders: ids.length })));
  const aside: MessagingReport['aside'] = [];
  await readToEnd(kafka, {
    topic: 'orders.aside',
    eachMessage: ({ message }) =>
      void aside.push({ id: json<Order>(message).id, reason: String(message.headers!['sluice.reason']) }),
  });
  for (const { id, reason } of aside) show.log(`put aside: order ${id}, because ${reason}\n`);

  show.log('Fan-out: a group of its own for everybody who wants to hear of every order');
  const heard: Record<string, number> = {};
  for (const party of ['mailer', 'fraud', 'ledger']) heard[party] = await hear(brokers, party);
  show.table(heard);
  show.log(`the mailer asks again: ${await hear(brokers, 'mailer')} new orders\n`);

  show.log('Replay: the mails since 12:30 were wrong; the mailer is set back to that moment, nobody else notices');
  await setBack(brokers, 'mailer', timeOf(orders[30]!));
  const again = await hear(brokers, 'mailer');
  show.log(
    `${again} orders again, and a party that did not exist yesterday reads ${await hear(brokers, 'statistics')}`,
  );
  return { work, aside, heard, again };
}

/** Order 0 at noon, and one a minute. */
function timeOf({ id }: Order): number {
  return Date.UTC(2026, 10, 20, 12, id);
}

/** How many orders are new to a group. */
async function hear(brokers: string[], groupId: string): Promise<number> {
  let count = 0;
  await readToEnd(kafkaAt(brokers, groupId), { groupId, topic: 'orders', eachMessage: () => void count++ });
  return count;
}

async function setBack(brokers: string[], groupId: string, timeMs: number): Promise<void> {
  const admin = kafkaAt(brokers, 'operator').admin();
  await admin.connect();
  const partitions = await admin.fetchTopicOffsetsByTimestamp('orders', timeMs);
  await admin.setOffsets({ groupId, topic: 'orders', partitions });
  await admin.disconnect();
}
