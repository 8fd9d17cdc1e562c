import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ConsumedBatch, LogPlace } from './consumed-batch.ts';

const partitionLabels = ['topic', 'partition'] as const;
type PartitionLabel = (typeof partitionLabels)[number];

/** One partition as it is at the moment. */
export interface PartitionView extends LogPlace {
  /** The next offset to be handled; null: not known yet. */
  position: bigint | null;
  /** Behind the newest committed record of the log; null: not known yet. */
  end: bigint | null;
  state: 'starting' | 'history' | 'live' | 'ended';
}

/** The Prometheus metrics of a consumer. Gauges are read from its partitions when they are asked for. */
export class ConsumerMetrics {
  readonly registry: Registry;
  readonly #events: Counter<PartitionLabel | 'source'>;
  readonly #batches: Counter<PartitionLabel>;
  readonly #retries: Counter<PartitionLabel>;
  readonly #dead: Counter<PartitionLabel>;
  readonly #skipped: Counter<PartitionLabel | 'reason'>;
  readonly #seeks: Counter<PartitionLabel>;
  readonly #seconds: Histogram<'topic'>;

  constructor(registry: Registry | undefined, views: () => readonly PartitionView[]) {
    this.registry = registry ?? new Registry();
    this.#events = this.#counter('events_total', 'Events handled', [...partitionLabels, 'source']);
    this.#batches = this.#counter('batches_total', 'Batches handled', partitionLabels);
    this.#retries = this.#counter('retries_total', 'Attempts that failed and were made again', partitionLabels);
    this.#dead = this.#counter('dead_letters_total', 'Records sent to the dead-letter topic', partitionLabels);
    this.#skipped = this.#counter('skipped_total', 'Offsets passed over, by why', [...partitionLabels, 'reason']);
    this.#seeks = this.#counter('seeks_total', 'Times that a sink stood elsewhere than expected', partitionLabels);
    this.#seconds = new Histogram({
      name: 'sluice_consumer_handler_seconds',
      help: 'Duration of a batch in the handler, waits between attempts included',
      labelNames: ['topic'],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 1, 5, 30, 120],
      registers: [this.registry],
    });
    this.#gauge('position', 'The next offset to be handled', views, ({ position }) => position);
    this.#gauge('lag', 'Offsets behind the newest committed record', views, ({ position, end }) =>
      position === null || end === null ? null : end > position ? end - position : 0n,
    );
  }

  handled(batch: ConsumedBatch<unknown>, seconds: number): void {
    const labels = labelsOf(batch);
    this.#events.inc({ ...labels, source: batch.source }, batch.events.length);
    this.#batches.inc(labels);
    this.#seconds.observe({ topic: batch.topic }, seconds);
  }

  retried(place: LogPlace): void {
    this.#retries.inc(labelsOf(place));
  }

  deadLettered(place: { topic: string; partition: number }): void {
    this.#dead.inc(labelsOf(place));
  }

  skipped(place: LogPlace, reason: 'undecodable' | 'expired', count: number): void {
    this.#skipped.inc({ ...labelsOf(place), reason }, count);
  }

  sought(place: LogPlace): void {
    this.#seeks.inc(labelsOf(place));
  }

  #counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter({
      name: `sluice_consumer_${name}`,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
    });
  }

  #gauge(
    name: string,
    help: string,
    views: () => readonly PartitionView[],
    pick: (view: PartitionView) => bigint | null,
  ): void {
    new Gauge({
      name: `sluice_consumer_${name}`,
      help,
      labelNames: [...partitionLabels],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const view of views()) {
          const value = pick(view);
          if (value !== null) this.set(labelsOf(view), Number(value));
        }
      },
    });
  }
}

function labelsOf({ topic, partition }: { topic: string; partition: number }): Record<PartitionLabel, string> {
  return { topic, partition: String(partition) };
}
