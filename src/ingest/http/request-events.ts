import { jsonFieldText } from '../../shared/index.ts';
import type { RecordHeader } from '../../wire/index.ts';
import { type EventWriter, mayBeWritten, type WrittenEvent } from '../event-writer.ts';
import type { IngestMetrics } from '../ingest-metrics.ts';
import { flawOf } from './split-events.ts';

/** What became of one event. */
export type EventOutcome =
  | { kind: 'written'; written: WrittenEvent }
  /** It cannot be written as it is. */
  | { kind: 'refused'; reason: string }
  /** The log did not confirm it. `isInDoubt`: it may be there all the same. */
  | { kind: 'failed'; reason: string; isInDoubt: boolean };

export interface RequestEventsOptions {
  writer: EventWriter;
  metrics: IngestMetrics;
  /** For the metrics: which door the events came through. */
  source: string;
  topic: string;
  /** For every event of the request. */
  key: string | null;
  /** Top-level field of each event whose value is its key. */
  keyField: string | null;
  maxEventBytes: number;
  maxEvents: number;
  signal: AbortSignal;
}

/** Writes the events of one request, and knows what became of each. */
export class RequestEvents {
  readonly outcomes: (EventOutcome | undefined)[] = [];
  readonly #options: RequestEventsOptions;
  #pendingCount = 0;
  #allAnswered: (() => void) | null = null;

  constructor(options: RequestEventsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.outcomes.length;
  }

  get isFull(): boolean {
    return this.count >= this.#options.maxEvents;
  }

  /** Takes the next event; what it returns is to be awaited before the one after it. */
  add(event: Buffer, headers: readonly RecordHeader[] = []): Promise<void> | undefined {
    const index = this.outcomes.push(undefined) - 1;
    const flaw = flawOf(event, this.#options.maxEventBytes);
    if (flaw !== null) {
      this.outcomes[index] = { kind: 'refused', reason: flaw };
      this.#options.metrics.noteFailed(this.#options.source, 'refused');
      return undefined;
    }
    return this.#send(index, event, headers);
  }

  /** An event that an earlier request has written. */
  addWritten(written: WrittenEvent): void {
    this.outcomes.push({ kind: 'written', written });
  }

  /** Resolves when every event has its outcome. */
  async answered(): Promise<EventOutcome[]> {
    if (this.#pendingCount > 0) await new Promise<void>((resolve) => (this.#allAnswered = resolve));
    return this.outcomes as EventOutcome[];
  }

  #send(index: number, value: Buffer, headers: readonly RecordHeader[]): Promise<void> | undefined {
    const { writer, topic, key, keyField, signal } = this.#options;
    const record = { key: keyField === null ? key : jsonFieldText(value, keyField), value, headers };
    this.#pendingCount++;
    const callbacks = {
      onWritten: (written: WrittenEvent) => this.#settle(index, { kind: 'written', written }, value.length),
      onFailed: (error: Error) => this.#fail(index, error),
    };
    try {
      const waiting = writer.send(topic, record, callbacks, signal);
      return waiting?.catch((error: Error) => this.#fail(index, error));
    } catch (error) {
      this.#fail(index, error as Error);
      return undefined;
    }
  }

  #fail(index: number, error: Error): void {
    if (this.outcomes[index]) return;
    const isInDoubt = mayBeWritten(error);
    this.#settle(index, isInDoubt ? failed : { kind: 'refused', reason: error.message }, 0);
  }

  #settle(index: number, outcome: EventOutcome, bytes: number): void {
    const { metrics, source, topic } = this.#options;
    this.outcomes[index] = outcome;
    if (outcome.kind === 'written') metrics.noteWritten(source, topic, bytes);
    else metrics.noteFailed(source, outcome.kind);
    if (--this.#pendingCount === 0) this.#allAnswered?.();
  }
}

/** What the log did not confirm; the reason is in our log, with names that are none of the client's business. */
const failed: EventOutcome = { kind: 'failed', reason: 'the log did not confirm it in time', isInDoubt: true };
