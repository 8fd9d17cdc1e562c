import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

const requestBuckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The Prometheus metrics of what takes events in. Labels hold only names that we chose or that were configured. */
export class IngestMetrics {
  readonly registry = new Registry();
  readonly #events = this.#counter('ingest_events_total', 'Events acknowledged by the log', ['source', 'topic']);
  readonly #bytes = this.#counter('ingest_event_bytes_total', 'Bytes of the events acknowledged', ['source', 'topic']);
  readonly #failed = this.#counter('ingest_events_failed_total', 'Events that were not written', ['source', 'reason']);
  readonly #refused = this.#counter(
    'ingest_requests_refused_total',
    'Requests that were not carried out, by HTTP status',
    ['status'],
  );
  readonly #repeated = this.#counter(
    'ingest_repeated_requests_total',
    'Requests answered from an earlier one by their key',
    [],
  );
  readonly #dropped = this.#counter(
    'ingest_dropped_total',
    'Datagrams that were lost, here or before we could read them',
    ['where'],
  );
  readonly #requests = new Histogram({
    name: 'sluice_ingest_request_seconds',
    help: 'From the head of a request to its answer, which waits for the log',
    labelNames: ['route'] as const,
    buckets: requestBuckets,
    registers: [this.registry],
  });
  readonly #underway = new Gauge({
    name: 'sluice_ingest_requests_underway',
    help: 'Requests that are being read or wait for the log',
    registers: [this.registry],
  });

  constructor(options: { processMetrics?: boolean } = {}) {
    if (options.processMetrics ?? true) collectDefaultMetrics({ register: this.registry });
  }

  noteWritten(source: string, topic: string, bytes: number): void {
    this.#events.inc({ source, topic });
    this.#bytes.inc({ source, topic }, bytes);
  }

  noteTailed(topic: string, count: number, bytes: number): void {
    this.#events.inc({ source: 'tail', topic }, count);
    this.#bytes.inc({ source: 'tail', topic }, bytes);
  }

  noteFailed(source: string, reason: string): void {
    this.#failed.inc({ source, reason });
  }

  noteRefused(status: number): void {
    this.#refused.inc({ status: String(status) });
  }

  noteRepeated(): void {
    this.#repeated.inc();
  }

  noteDropped(where: 'memory' | 'kernel', count = 1): void {
    this.#dropped.inc({ where }, count);
  }

  /** To be called when the request begins; the result when it ends. */
  startRequest(route: string): () => void {
    const stop = this.#requests.startTimer({ route });
    this.#underway.inc();
    return () => {
      this.#underway.dec();
      stop();
    };
  }

  #counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter({ name: `sluice_${name}`, help, labelNames, registers: [this.registry] });
  }
}
