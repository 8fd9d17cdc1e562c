import { Counter, type Registry } from 'prom-client';
import { faultPoint, jsonFieldText, systemClock } from '../../shared/index.ts';
import type { ConsumedBatch, LogPlace, PositionedSink } from '../consumer/consumed-batch.ts';
import type { ConsumerOptions } from '../consumer/consumer-options.ts';
import { type Consumer, createConsumer } from '../consumer/create-consumer.ts';
import type { Decode } from '../consumer/decode-records.ts';
import type { JsonObject } from '../consumer/json-value.ts';
import { aggregateEvents, maxFutureMs, type StatsFields } from './minute-counts.ts';
import type { StatsSettings, StatsStore } from './stats-store.ts';

/** Counts events per game, minute and call: one step of the store for each batch, whatever happens exactly once. */
export class StatsHandler implements PositionedSink<unknown> {
  readonly #store: StatsStore;
  readonly #fields: StatsFields;
  /** Of this process: events counted, events of minutes whose counters have expired, events that could not be used. */
  readonly totals = { counted: 0, late: 0, future: 0, unusable: 0 };

  /** `fields`: those of the store's settings. */
  constructor(store: StatsStore, fields: StatsFields) {
    this.#store = store;
    this.#fields = fields;
  }

  position(place: LogPlace): Promise<bigint | null> {
    return this.#store.position(place);
  }

  async store(batch: ConsumedBatch<unknown>, expected: bigint | null): Promise<bigint | null> {
    const { topic, topicId, partition, first, next, events } = batch;
    const aggregate = aggregateEvents(events, this.#fields);
    faultPoint('stats.apply');
    const { stands, late } = await this.#store.apply({ topic, topicId, partition, expected, first, next, aggregate });
    faultPoint('stats.applied');
    if (stands !== next) return stands;
    const { unusable, future } = aggregate;
    this.totals.counted += events.length - unusable - future - late;
    this.totals.late += late;
    this.totals.future += future;
    this.totals.unusable += unusable;
    return stands;
  }
}

export type StatsOptions = Omit<ConsumerOptions<unknown>, 'handler' | 'from' | 'decode' | 'decodeRow' | 'timeField'> & {
  store: StatsStore;
  /** Those that the store was opened with. */
  settings: StatsSettings;
};

/**
 * A consumer that counts into a store. It goes on where the store stands; a store that holds nothing is filled from the log as far back
 * as counters live, and from the warehouse where the log does not go back so far.
 */
export function createStats(options: StatsOptions): { consumer: Consumer<unknown>; handler: StatsHandler } {
  const { store, settings, clock = systemClock, ...others } = options;
  const handler = new StatsHandler(store, settings.fields);
  const consumer = createConsumer<unknown>({
    ...{ group: 'sluice-stats', prefer: 'log', expired: 'skip', undecodable: 'skip', batchEvents: 20_000 },
    ...others,
    ...{ clock, handler, decode: decodeFor(settings.fields) },
    // No event counts whose record is older: see `maxFutureMs`.
    from: () => clock.nowMs() - settings.expiryMs - maxFutureMs,
    timeField: settings.fields.time ?? undefined,
  });
  countOutcomes(handler, consumer.registry);
  return { consumer, handler };
}

/** What became of the events, as a metric. */
function countOutcomes({ totals }: StatsHandler, registry: Registry): void {
  new Counter({
    name: 'sluice_stats_events_total',
    help: 'Events by what became of them: counted, or left out and why',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [outcome, count] of Object.entries(totals)) this.inc({ outcome }, count);
    },
  });
}

/** JSON, exact in the fields that are counted by: only where one of them holds an integer beyond 2^53 its digits are read again. */
function decodeFor({ game, call, time, unique }: StatsFields): Decode<unknown> {
  const names = [game, ...call, time, unique].filter((name) => name !== null);
  return (value) => {
    if (value === null) return null;
    const event: unknown = JSON.parse(value.toString());
    if (typeof event !== 'object' || event === null) return event;
    const fields = event as JsonObject;
    for (const name of names) {
      if (!Number.isInteger(fields[name]) || Number.isSafeInteger(fields[name])) continue;
      const text = jsonFieldText(value, name);
      if (text !== null && /^-?\d+$/.test(text)) fields[name] = BigInt(text);
    }
    return event;
  };
}
