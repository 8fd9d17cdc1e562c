// Promises of the consumer runtime against the built-in broker.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ConsumedBatch,
  type ConsumerOptions,
  createConsumer,
  eachEvent,
  HandlerFailedError,
  type LogPlace,
  type PositionedSink,
} from '../../src/online/index.ts';
import { BadInputError, type Logger, silentLogger } from '../../src/shared/index.ts';
import { LoadLab } from '../support/load-lab.ts';
import { waitFor } from '../support/peers.ts';
import { runSluice, SluiceProcess } from '../support/sluice-process.ts';

interface Order {
  n: number;
}

let lab: LoadLab;

beforeAll(async () => {
  lab = await LoadLab.open();
});
afterAll(() => lab.close());

const records = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => ({ key: `k${i % 7}`, value: JSON.stringify({ n: from + i }) }));

async function topicWith(name: string, partitions: number, count: number): Promise<void> {
  await lab.createTopic(name, partitions);
  for (let partition = 0; partition < partitions; partition++) await lab.produce(name, partition, records(count));
}

function consumerOf(options: Omit<ConsumerOptions<Order>, 'brokers'>) {
  return createConsumer<Order>({
    brokers: [lab.bootstrap],
    logger: silentLogger,
    retries: { attempts: 3, firstMs: 1, maxMs: 2 },
    sessionTimeoutMs: 30_000, // a busy machine must not cost a member its place
    ...options,
  });
}

const offsets = (batches: readonly ConsumedBatch<Order>[], partition: number): bigint[] =>
  batches.filter((batch) => batch.partition === partition).flatMap(({ events }) => events.map(({ offset }) => offset));
const upTo = (end: number, from = 0): bigint[] => Array.from({ length: end - from }, (_, i) => BigInt(from + i));

describe('a consumer', () => {
  it('hands over every event of every partition, in order, typed, and goes on there the next time', async () => {
    await topicWith('orders', 3, 250);
    const seen: ConsumedBatch<Order>[] = [];
    const options = {
      ...{ topics: ['orders'], group: 'shop', untilEnd: true, batchEvents: 40 },
      handler: (batch: ConsumedBatch<Order>) => void seen.push(batch),
    };
    await consumerOf(options).run();
    for (const partition of [0, 1, 2]) expect(offsets(seen, partition)).toEqual(upTo(250));
    expect(seen.every(({ events }) => events.length <= 40)).toBe(true);
    expect(seen.flatMap(({ events }) => events).every(({ value, offset }) => value.n === Number(offset))).toBe(true);
    expect(seen[0]!.events[0]!.key?.toString()).toBe('k0');

    await lab.produce('orders', 1, records(5, 250));
    seen.length = 0;
    await consumerOf(options).run();
    expect(offsets(seen, 1)).toEqual(upTo(255, 250));
    expect([...offsets(seen, 0), ...offsets(seen, 2)]).toEqual([]);
  });

  it('shares partitions with others of its group, and what one had not finished the other handles', async () => {
    await topicWith('shared', 4, 100);
    const seen = new Set<string>();
    const handler = eachEvent<Order>((event) => void seen.add(`${event.partition}/${event.offset}`));
    const first = consumerOf({ topics: ['shared'], group: 'sharers', handler });
    const second = consumerOf({ topics: ['shared'], group: 'sharers', handler });
    await Promise.all([first.start(), second.start()]);
    await waitFor('both to own two partitions', 60_000, () =>
      [first, second].every(({ partitions }) => partitions.length === 2),
    );
    await first.stop();
    for (let partition = 0; partition < 4; partition++) await lab.produce('shared', partition, records(50, 100));
    await waitFor('all events', 60_000, () => seen.size === 600);
    await second.stop();
    const committed = await lab.cluster.fetchOffsets('sharers');
    expect(committed.map(({ offset }) => offset)).toEqual([150n, 150n, 150n, 150n]);
  });

  it('tries a failing event again without those before it, then gives it to the dead-letter topic with its origin', async () => {
    await topicWith('mixed', 1, 10);
    await lab.createTopic('mixed.dead', 1);
    await lab.produce('mixed', 0, [{ key: 'bad', value: 'no JSON' }]);
    const calls: bigint[] = [];
    const handler = eachEvent<Order>(({ value, offset }) => {
      calls.push(offset);
      if (value.n === 4) throw new Error('four is not liked');
    });
    const consumer = consumerOf({
      topics: ['mixed'],
      group: 'm',
      untilEnd: true,
      deadLetterTopic: 'mixed.dead',
      handler,
    });
    await consumer.run();
    expect(calls.filter((offset) => offset !== 4n)).toEqual([0n, 1n, 2n, 3n, 5n, 6n, 7n, 8n, 9n]);
    expect(calls.filter((offset) => offset === 4n).length).toBeGreaterThanOrEqual(3);
    const dead: { value: string; headers: Record<string, string> }[] = [];
    await createConsumer<string>({
      ...{ brokers: [lab.bootstrap], topics: ['mixed.dead'], group: null, untilEnd: true },
      decode: (value) => value!.toString(),
      handler: eachEvent(({ value, headers }) => {
        dead.push({ value, headers: Object.fromEntries(headers.map(({ name, value: text }) => [name, `${text}`])) });
      }),
    }).run();
    expect(dead.sort((a, b) => (a.value < b.value ? 1 : -1))).toMatchObject(
      [
        {
          value: '{"n":4}',
          headers: { 'sluice.topic': 'mixed', 'sluice.offset': '4', 'sluice.reason': 'four is not liked' },
        },
        { value: 'no JSON', headers: { 'sluice.offset': '10', 'sluice.attempts': '0' } },
      ].sort((a, b) => (a.value < b.value ? 1 : -1)),
    );
    expect(await consumer.registry.getSingleMetricAsString('sluice_consumer_dead_letters_total')).toContain('} 2');
  });

  it('stops at an event that fails for good, and begins there again', async () => {
    await topicWith('strict', 1, 10);
    const handler = eachEvent<Order>(({ value }) => {
      if (value.n === 6) throw new Error('no');
    });
    const failing = consumerOf({ topics: ['strict'], group: 's', untilEnd: true, handler, batchEvents: 3 });
    await expect(failing.run()).rejects.toThrow(HandlerFailedError);
    const seen: bigint[] = [];
    const again = eachEvent<Order>(({ offset }) => void seen.push(offset));
    await consumerOf({ topics: ['strict'], group: 's', untilEnd: true, handler: again }).run();
    expect(seen[0]).toBe(6n);
  });

  it('hands nothing over while it is paused, and waits for the handler under way when it stops', async () => {
    await topicWith('paused', 2, 20);
    let isFinished = false;
    let release: () => void = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    const partitions = new Set<number>();
    const consumer = consumerOf({
      ...{ topics: ['paused'], group: 'p' },
      handler: async ({ partition }) => {
        partitions.add(partition);
        await released;
        isFinished = true;
      },
    });
    consumer.pause({ topic: 'paused', partition: 1 });
    await consumer.start();
    await waitFor('the first batch', 60_000, () => partitions.size === 1);
    const stopped = consumer.stop();
    release();
    await stopped;
    expect(isFinished).toBe(true);
    expect([...partitions]).toEqual([0]);
    expect(await lab.cluster.fetchOffsets('p')).toMatchObject([{ partition: 0, offset: 20n }]);
    await consumer.finished;
  });

  it('says what cannot be used before anything is read', async () => {
    const handler = () => {};
    await expect(consumerOf({ topics: ['nowhere'], handler }).start()).rejects.toThrow(/expected existing topics/);
    expect(() => consumerOf({ topics: [], handler })).toThrow(BadInputError);
    expect(() => consumerOf({ topics: ['a'], handler, from: 'yesterday' })).toThrow(
      /expected beginning, end, or a time/,
    );
  });
});

/** Keeps events and position together, as a database would; loses answers and forgets, if told to. */
class MemorySink implements PositionedSink<Order> {
  readonly numbers = new Map<number, number[]>();
  readonly positions = new Map<number, bigint>();
  /** Called before each batch is stored. */
  trouble: (sink: MemorySink, call: number) => void = () => {};
  #calls = 0;

  async position({ partition }: LogPlace): Promise<bigint | null> {
    return this.positions.get(partition) ?? null;
  }

  async store(batch: ConsumedBatch<Order>, expected: bigint | null): Promise<bigint | null> {
    this.trouble(this, ++this.#calls);
    const stands = this.positions.get(batch.partition) ?? null;
    if (stands !== expected) return stands;
    const numbers = this.numbers.get(batch.partition) ?? [];
    this.numbers.set(batch.partition, [...numbers, ...batch.events.map(({ value }) => value.n)]);
    this.positions.set(batch.partition, batch.next);
    return batch.next;
  }

  forget(): void {
    this.numbers.clear();
    this.positions.clear();
  }
}

describe('a sink that keeps the position with the data', () => {
  it('has every event once, although it loses answers, forgets everything, and the group says something else', async () => {
    await topicWith('exact', 2, 500);
    const sink = new MemorySink();
    sink.trouble = (own, call) => {
      if (call === 9) own.forget();
      if (call % 5 === 0) throw new Error('the answer was lost');
    };
    await lab.cluster.commitOffsets('exact', [{ topic: 'exact', partition: 0, offset: 400n }]);
    await consumerOf({ topics: ['exact'], group: 'exact', untilEnd: true, batchEvents: 30, handler: sink }).run();
    for (const partition of [0, 1]) expect(sink.numbers.get(partition)).toEqual(upTo(500).map(Number));
  });

  it('tells the group where it stands, also when the consumer that got there died before it could', async () => {
    await topicWith('told', 2, 10);
    const sink = new MemorySink();
    for (const partition of [0, 1]) sink.positions.set(partition, 10n);
    const consumer = consumerOf({ topics: ['told'], group: 'told', handler: sink });
    await consumer.start();
    await waitFor('the positions in the group', 30_000, async () => {
      const committed = await lab.cluster.fetchOffsets('told', null);
      return committed.length === 2 && committed.every(({ offset }) => offset === 10n);
    });
    await consumer.stop();
    expect(sink.numbers.size).toBe(0);
  });
});

describe('history from the warehouse', () => {
  it('comes first, then the log at the exact offset, also where the log has expired, and after a stop in the middle', async () => {
    const { url } = lab.warehouse('past');
    await topicWith('past', 2, 300);
    const load = lab.load('past', url, ['--until-end']);
    expect((await load.finished).code, load.stderr).toBe(0);
    for (const partition of [0, 1]) await lab.produce('past', partition, records(100, 300));
    await lab.deleteRecords('past', 0, 250n);
    const sources = new Map<string, Set<number>>();
    const seen = new Map<number, number[]>([0, 1].map((partition) => [partition, []]));
    const options = {
      ...{ topics: ['past'], group: 'past', warehouse: url, from: '2020-01-01', batchEvents: 50 },
      handler: (batch: ConsumedBatch<Order>) => {
        const at = sources.get(batch.source) ?? new Set();
        for (const { value } of batch.events) {
          seen.get(batch.partition)!.push(value.n);
          at.add(value.n);
        }
        sources.set(batch.source, at);
      },
    };
    const first = consumerOf({
      ...options,
      concurrency: 1,
      handler: (batch) => {
        options.handler(batch);
        if (seen.get(0)!.length + seen.get(1)!.length >= 150) void first.stop();
      },
    });
    await first.run();
    const handledFirst = [...seen.values()].flat().length;
    expect(handledFirst).toBeGreaterThanOrEqual(150);
    expect(handledFirst).toBeLessThan(600);
    await consumerOf({ ...options, untilEnd: true }).run();
    for (const partition of [0, 1]) expect(seen.get(partition)).toEqual(upTo(400).map(Number));
    expect(sources.get('history')!.has(0)).toBe(true);
    expect(sources.get('log')!.has(399)).toBe(true);
  });

  it('goes through the same decoder as the log, and rows that it refuses are dead letters, too', async () => {
    await lab.createTopic('past.dead', 1);
    const numbers = new Set<number>();
    await consumerOf({
      ...{ topics: ['past'], group: 'careful', warehouse: lab.warehouse('past').url, untilEnd: true },
      deadLetterTopic: 'past.dead',
      decode: (value) => {
        const order = JSON.parse(`${value}`) as Order;
        if (order.n === 3) throw new Error('three is not liked');
        return order;
      },
      handler: eachEvent(({ partition, value }) => void (partition === 0 && numbers.add(value.n))),
    }).run();
    expect([...numbers].sort((a, b) => a - b)).toEqual(
      upTo(400)
        .map(Number)
        .filter((n) => n !== 3),
    );
    const dead: string[] = [];
    await createConsumer<string>({
      ...{ brokers: [lab.bootstrap], topics: ['past.dead'], group: null, untilEnd: true },
      decode: (value) => `${value}`,
      handler: eachEvent(({ value, headers }) => {
        const header = (name: string) => `${headers.find((one) => one.name === name)?.value}`;
        dead.push(`${header('sluice.partition')} ${value} ${header('sluice.reason')}`);
      }),
    }).run();
    expect(dead.sort()).toEqual([0, 1].map((partition) => `${partition} {"n":3} three is not liked`));
  });

  it('is missed loudly: without it a consumer stops where the log has expired past its position', async () => {
    await topicWith('gone', 1, 100);
    await lab.cluster.commitOffsets('gone', [{ topic: 'gone', partition: 0, offset: 10n }]);
    await lab.deleteRecords('gone', 0, 60n);
    const seen: number[] = [];
    const handler = eachEvent<Order>(({ value }) => void seen.push(value.n));
    const options = { topics: ['gone'], group: 'gone', untilEnd: true, handler };
    await expect(consumerOf(options).run()).rejects.toMatchObject({ code: 'records-expired' });
    expect(seen).toEqual([]);
    const tolerant = consumerOf({ ...options, expired: 'skip' });
    await tolerant.run();
    expect(seen).toEqual(upTo(100, 60).map(Number));
    expect(await tolerant.registry.getSingleMetricAsString('sluice_consumer_skipped_total')).toContain('"expired"} 50');
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (_details: unknown, text: string) => warnings.push(text) } as Logger;
    await consumerOf({ ...options, group: null, from: '2020-01-01', logger }).run();
    expect(warnings).toEqual(['LogMayBeginLater']);
  });
});

describe('sluice stats', () => {
  it('counts events per game and minute without a Redis, and says what it left out', async () => {
    await lab.createTopic('plays', 2);
    const nowMs = Date.now();
    const minute = Math.floor(nowMs / 60_000) * 60_000;
    const play = (game: string, type: string, ts: number, user: number) => ({
      key: null,
      value: JSON.stringify({ game, type, ts: new Date(ts).toISOString(), user }),
    });
    await lab.produce('plays', 0, [
      play('hh', 'login', minute, 1),
      play('hh', 'login', minute, 2),
      play('mw', 'share', minute, 1),
    ]);
    await lab.produce('plays', 1, [
      play('hh', 'login', minute, 1),
      play('hh', 'login', minute - 10 * 3_600_000, 1),
      play('hh', 'login', minute + 48 * 3_600_000, 1),
      { key: null, value: '{"type":"login"}' },
    ]);
    const args = ['--brokers', lab.bootstrap, '--topics', 'plays', '--time-field', 'ts', '--unique', 'user'];
    const done = await runSluice(['stats', ...args, '--until-end', '--json']);
    expect(done.code, done.stderr).toBe(0);
    const name = new Date(minute).toISOString().replace(/^(\d+)-(\d\d)-(\d\d)T(\d\d):(\d\d).*$/, '$1_$2$3_$4$5');
    expect(JSON.parse(done.stdout)).toMatchObject({
      minutes: [
        { game: 'hh', minute: name, counts: { login: 3 } },
        { game: 'mw', minute: name, counts: { share: 1 } },
      ],
      uniques: { hh: 2, mw: 1 },
      leftOut: { late: 1, future: 1, unusable: 1 },
    });
    expect(done.stderr).toContain('4 events counted, 3 left out (1 too late, 1 dated ahead, 1 unusable)');
  });

  it('answers with metrics while it counts, and ends in good order', async () => {
    const args = ['--brokers', lab.bootstrap, '--topics', 'plays', '--time-field', 'ts', '--metrics', '127.0.0.1:0'];
    const counting = new SluiceProcess(['stats', ...args, '--group', 'watched', '--json']);
    const url = (): string | undefined => /metrics=(\S+)/.exec(counting.stderr)?.[1];
    await waitFor('the address of the metrics', 60_000, () => url() !== undefined);
    let text = '';
    await waitFor('all events to be counted', 60_000, async () => {
      text = await (await fetch(url()!)).text();
      return text.includes('sluice_stats_events_total{outcome="counted"} 4');
    });
    expect(text).toContain('sluice_stats_events_total{outcome="late"} 1');
    expect(text).toContain('sluice_consumer_lag{topic="plays",partition="0"} 0');
    const done = await counting.stop('SIGINT');
    expect(done.code, done.stderr).toBe(0);
    expect(JSON.parse(done.stdout).minutes).toHaveLength(2);
  });

  it('ends with exit code 2 and one clear line when there is no Redis', async () => {
    const args = ['--brokers', lab.bootstrap, '--topics', 'orders', '--redis', 'redis://127.0.0.1:1'];
    const done = await runSluice(['stats', ...args, '--until-end']);
    expect(done.code, done.stderr).toBe(2);
    expect(done.stderr).toMatch(/^sluice: expected a Redis at redis:\/\/127.0.0.1:1, but: .+\n$/);
  });
});
