import type { ProducerRecord } from '../index.ts';
import type { BackOff } from './back-off.ts';
import { type DeliveryCallbacks, isAtOrAfter, nextSequence, ProducerBatch } from './producer-batch.ts';

/**
 * The batches of one partition on their way out, in order: `pending` (the last one may still be open), then in flight.
 *
 * Retries keep the order: as soon as one batch has to go again, nothing more is sent until every batch in flight was
 * answered; then those that failed go first, oldest sequence first. With an idempotent producer the broker itself refuses
 * what comes after a missing batch (OUT_OF_ORDER_SEQUENCE_NUMBER), so nothing can overtake; without, only one batch is in
 * flight at a time.
 */
export class PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  readonly #batchBytes: number;
  readonly #backOff: BackOff;
  readonly #pending: ProducerBatch[] = [];
  readonly #inFlight = new Set<ProducerBatch>();
  readonly #toRetry: ProducerBatch[] = [];
  #isOpen = false;
  #isDraining = false;
  #nextSequence = 0;
  /** The sequence of a batch that the broker refused: those after it are numbered anew from here. */
  #renumberFrom: number | null = null;
  /** Monotonic time before which nothing is sent. */
  retryAtMs = 0;
  lastError: Error | null = null;

  constructor(topic: string, partition: number, batchBytes: number, backOff: BackOff) {
    this.topic = topic;
    this.partition = partition;
    this.#batchBytes = batchBytes;
    this.#backOff = backOff;
  }

  get isEmpty(): boolean {
    return this.#pending.length === 0 && this.#inFlight.size === 0 && this.#toRetry.length === 0;
  }

  get inFlightCount(): number {
    return this.#inFlight.size;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Every batch that was not answered for good. */
  *batches(): Generator<ProducerBatch> {
    yield* this.#inFlight;
    yield* this.#toRetry;
    yield* this.#pending;
  }

  /** Returns the batch that the record went into, and whether it is one that was begun with it. */
  append(
    record: ProducerRecord,
    bytes: number,
    callbacks: DeliveryCallbacks | undefined,
    nowMs: number,
  ): { isNew: boolean; isFull: boolean } {
    let last = this.#isOpen ? this.#pending.at(-1) : undefined;
    if (last && last.bytes + bytes > this.#batchBytes) last = undefined;
    const isNew = !last;
    if (!last) {
      last = new ProducerBatch(nowMs);
      this.#pending.push(last);
      this.#isOpen = true;
    }
    last.append(record, bytes, callbacks);
    return { isNew, isFull: last.bytes >= this.#batchBytes };
  }

  /** Whether the oldest batch may go now: full, followed by another, waited for `lingerMs`, or `hurry`. */
  isReady(nowMs: number, lingerMs: number, hurry: boolean): boolean {
    const head = this.#pending[0];
    if (!head || this.#isDraining || this.retryAtMs > nowMs) return false;
    return hurry || this.#isHeadSealed || nowMs - head.createdAtMs >= lingerMs;
  }

  /** The monotonic time at which the head becomes ready if nothing else happens; infinite when an answer comes first. */
  dueAtMs(lingerMs: number): number {
    const head = this.#pending[0];
    if (!head || this.#isDraining) return Number.POSITIVE_INFINITY;
    return Math.max(this.retryAtMs, this.#isHeadSealed ? 0 : head.createdAtMs + lingerMs);
  }

  get headBytes(): number {
    return this.#pending[0]?.bytes ?? 0;
  }

  /** The oldest batch that waits to be sent, when it was begun before `createdBeforeMs`. */
  expiredHead(createdBeforeMs: number): ProducerBatch | undefined {
    const head = this.#pending[0];
    return head && !this.#isDraining && head.createdAtMs < createdBeforeMs ? head : undefined;
  }

  dropHead(): void {
    this.#pending.shift();
    if (this.#pending.length === 0) this.#isOpen = false;
  }

  /** Nobody leads the partition, or cannot be reached: leave it alone for a moment. */
  waitForLeader(nowMs: number): void {
    this.retryAtMs = nowMs + this.#backOff.nextMs();
  }

  /** Takes the head out to be sent and, for an idempotent producer, gives it its sequence. */
  takeHead(isIdempotent: boolean): ProducerBatch {
    const batch = this.#pending.shift()!;
    if (this.#pending.length === 0) this.#isOpen = false;
    if (isIdempotent && batch.baseSequence < 0) {
      batch.baseSequence = this.#nextSequence;
      this.#nextSequence = nextSequence(this.#nextSequence, batch.records.length);
    }
    batch.attempts++;
    this.#inFlight.add(batch);
    return batch;
  }

  /** Whether an older batch has no answer yet, or a bad one: then a sequence that is out of order is no wonder. */
  hasOlderTrouble(batch: ProducerBatch): boolean {
    if (this.#isDraining) return true;
    for (const other of this.#inFlight) {
      if (other === batch) return false;
      return true;
    }
    return false;
  }

  delivered(batch: ProducerBatch, nowMs: number): void {
    this.#inFlight.delete(batch);
    this.#backOff.reset();
    this.#finishDraining(nowMs);
  }

  retry(batch: ProducerBatch, nowMs: number, error: Error): void {
    this.lastError = error;
    this.#isDraining = true;
    this.#inFlight.delete(batch);
    this.#toRetry.push(batch);
    this.#finishDraining(nowMs);
  }

  /** The broker refused the batch and so did not take its sequences. */
  refused(batch: ProducerBatch, nowMs: number): void {
    this.#isDraining = true;
    this.#inFlight.delete(batch);
    if (batch.baseSequence >= 0) this.#renumberFrom ??= batch.baseSequence;
    this.#finishDraining(nowMs);
  }

  /** Takes two smaller batches in place of one that was too large. */
  replace(batch: ProducerBatch, halves: readonly ProducerBatch[], nowMs: number): void {
    this.#isDraining = true;
    this.#inFlight.delete(batch);
    this.#toRetry.push(...halves);
    this.#finishDraining(nowMs, { isImmediate: true });
  }

  clear(): void {
    this.#pending.length = 0;
    this.#toRetry.length = 0;
    this.#inFlight.clear();
    this.#isOpen = false;
  }

  get #isHeadSealed(): boolean {
    return !this.#isOpen || this.#pending.length > 1 || this.#pending[0]!.bytes >= this.#batchBytes;
  }

  #finishDraining(nowMs: number, options: { isImmediate?: boolean } = {}): void {
    if (!this.#isDraining || this.#inFlight.size > 0) return;
    this.#isDraining = false;
    const again = this.#toRetry.splice(0).sort(byAge);
    if (again.length > 0 && !options.isImmediate) this.retryAtMs = nowMs + this.#backOff.nextMs();
    if (this.#pending.length === 0) this.#isOpen = false;
    this.#pending.unshift(...again);
    this.#renumber();
  }

  #renumber(): void {
    if (this.#renumberFrom === null) return;
    let isBehind = false;
    for (const batch of this.#pending) {
      if (batch.baseSequence < 0) break;
      isBehind ||= isAtOrAfter(batch.baseSequence, this.#renumberFrom);
      if (isBehind) batch.giveUpSequence();
    }
    this.#nextSequence = this.#renumberFrom;
    this.#renumberFrom = null;
  }
}

/** Older sequences first; batches without one keep their order. */
function byAge(a: ProducerBatch, b: ProducerBatch): number {
  if (a.baseSequence < 0 || b.baseSequence < 0 || a.baseSequence === b.baseSequence) return 0;
  return isAtOrAfter(a.baseSequence, b.baseSequence) ? 1 : -1;
}
