import { type CompressionType, encodeBatch, type ProducerRecord } from '../index.ts';

export interface Delivery {
  topic: string;
  partition: number;
  /** -1: not known (acks=0, or a duplicate that the broker had dropped from its memory). */
  offset: bigint;
}

export interface DeliveryCallbacks {
  onDelivered?: ((delivery: Delivery) => void) | undefined;
  onFailed?: ((error: Error) => void) | undefined;
}

export interface ProducerIdentity {
  producerId: bigint;
  producerEpoch: number;
}

/** Records on their way to one partition as one record batch: open while it is filled, then sealed, sent and answered. */
export class ProducerBatch {
  readonly records: ProducerRecord[] = [];
  /** By position in `records`; sparse, because most senders only count. */
  readonly callbacks = new Map<number, DeliveryCallbacks>();
  /** Upper bound of the encoded size, before compression. */
  bytes = 0;
  readonly createdAtMs: number;
  /** Sequence of the first record (KIP-98); -1: not yet given, or given up. */
  baseSequence = -1;
  /** Times it went out. After the first nobody knows whether it was appended until the broker says so. */
  attempts = 0;
  readonly flushes: { pending: number; done: () => void }[] = [];
  #encoded: Buffer | null = null;

  constructor(createdAtMs: number) {
    this.createdAtMs = createdAtMs;
  }

  append(record: ProducerRecord, bytes: number, callbacks: DeliveryCallbacks | undefined): void {
    if (callbacks?.onDelivered || callbacks?.onFailed) this.callbacks.set(this.records.length, callbacks);
    this.records.push(record);
    this.bytes += bytes;
  }

  /** Sequence of the last record. */
  get lastSequence(): number {
    return nextSequence(this.baseSequence, this.records.length - 1);
  }

  /** Makes the bytes to send, unless they are there: a retry sends the same again. Throws WireError. */
  encode(compression: CompressionType, identity: ProducerIdentity | null, timestampMs: bigint): void {
    this.#encoded ??= encodeBatch(this.records, {
      compression,
      timestampMs,
      ...(identity ? { ...identity, baseSequence: this.baseSequence } : {}),
    });
  }

  get encoded(): Buffer {
    if (!this.#encoded) throw new Error('expected a batch that was encoded');
    return this.#encoded;
  }

  /** To be numbered anew: a record before it was refused and never took its sequence. */
  giveUpSequence(): void {
    this.baseSequence = -1;
    this.#encoded = null;
  }

  /** Two halves with the same sequences in total, for a broker that finds the batch too large. Not for a single record. */
  split(sizeOf: (record: ProducerRecord) => number): [ProducerBatch, ProducerBatch] {
    const middle = this.records.length >> 1;
    const halves: [ProducerBatch, ProducerBatch] = [
      new ProducerBatch(this.createdAtMs),
      new ProducerBatch(this.createdAtMs),
    ];
    this.records.forEach((record, i) => {
      halves[i < middle ? 0 : 1].append(record, sizeOf(record), this.callbacks.get(i));
    });
    if (this.baseSequence >= 0) {
      halves[0].baseSequence = this.baseSequence;
      halves[1].baseSequence = nextSequence(this.baseSequence, middle);
    }
    for (const flush of this.flushes) {
      flush.pending++;
      halves[0].flushes.push(flush);
      halves[1].flushes.push(flush);
    }
    return halves;
  }

  deliver(topic: string, partition: number, baseOffset: bigint): void {
    for (const [i, { onDelivered }] of this.callbacks) {
      onDelivered?.({ topic, partition, offset: baseOffset < 0n ? -1n : baseOffset + BigInt(i) });
    }
  }

  fail(error: Error): void {
    for (const { onFailed } of this.callbacks.values()) onFailed?.(error);
  }
}

/** Sequences go from 0 to 2^31 - 1 and begin again. */
export function nextSequence(sequence: number, recordCount: number): number {
  return (sequence + recordCount) % 0x80000000;
}

/** Sequences wrap to 0 after 2^31 - 1; those of batches that are on their way together are never far apart. */
export function isAtOrAfter(sequence: number, other: number): boolean {
  return ((sequence - other) & 0x7fffffff) < 0x40000000;
}
