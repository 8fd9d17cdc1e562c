/** An idempotent producer as Kafka's clients are: at most five batches in flight, retried in order until each is acknowledged. */
import { expect } from 'vitest';
import type { AppendResult, PartitionLog } from '../../../../src/log/storage/index.ts';
import { batchOf, readHeaders } from './log-fixture.ts';
import type { PartitionTwin } from './log-twin.ts';

interface SentBatch {
  values: string[];
  baseSequence: number;
  baseOffset: bigint;
  durable: Promise<void>;
}

export interface RetryPlan {
  twin: PartitionTwin;
  producerId: bigint;
  batches: { values: string[]; baseSequence: number }[];
}

const maxInFlight = 5;

export class TwinProducer {
  readonly #twin: PartitionTwin;
  readonly #producerId: bigint;
  #nextSequence = 0;
  #inFlight: SentBatch[] = [];

  constructor(twin: PartitionTwin, producerId: bigint) {
    this.#twin = twin;
    this.#producerId = producerId;
  }

  async send(log: PartitionLog, values: string[]): Promise<void> {
    if (this.#inFlight.length === maxInFlight) await this.#inFlight[0]!.durable;
    const baseSequence = this.#nextSequence;
    this.#nextSequence += values.length;
    this.#append(log, { values, baseSequence, baseOffset: -1n, durable: Promise.resolve() });
  }

  /** What it would retry if the broker died now. */
  unacknowledged(): RetryPlan {
    return { twin: this.#twin, producerId: this.#producerId, batches: [...this.#inFlight] };
  }

  /** What a client does after it lost its connection: the unacknowledged batches again, each of which must end up in the log once. */
  retry(log: PartitionLog): void {
    const unacknowledged = this.#inFlight;
    this.#inFlight = [];
    for (const sent of unacknowledged) this.#append(log, sent);
  }

  #append(log: PartitionLog, sent: SentBatch): void {
    const { values, baseSequence } = sent;
    const batch = batchOf({ values, producerId: this.#producerId, producerEpoch: 0, baseSequence });
    const result = log.append(batch);
    if (result.isDuplicate)
      expect(result.baseOffset, 'a retry is answered with the first offset').toBe(sent.baseOffset);
    else this.#twin.noteAppend(result.baseOffset, batch);
    const next = {
      values,
      baseSequence,
      baseOffset: result.baseOffset,
      durable: this.#whenDurable(result, baseSequence),
    };
    next.durable.catch(() => {});
    this.#inFlight.push(next);
  }

  async #whenDurable(result: AppendResult, baseSequence: number): Promise<void> {
    await result.durable;
    this.#twin.noteDurable(result.lastOffset);
    this.#inFlight = this.#inFlight.filter((sent) => sent.baseSequence !== baseSequence);
  }
}

/** Retries against a recovered log: afterwards each batch is in it exactly once, in order. */
export async function verifyRetries(log: PartitionLog, { producerId, batches }: RetryPlan): Promise<void> {
  const results = batches.map(({ values, baseSequence }) =>
    log.append(batchOf({ values, producerId, producerEpoch: 0, baseSequence })),
  );
  await Promise.all(results.map((result) => result.durable));
  const own = (await readHeaders(log)).filter((header) => header.producerId === producerId);
  for (const [index, { baseSequence, recordCount }] of own.slice(0, -1).entries()) {
    expect(own[index + 1]!.baseSequence, 'sequences go on').toBe(baseSequence + recordCount);
  }
  for (const { baseSequence } of batches) {
    expect(own.filter((header) => header.baseSequence === baseSequence).length, `sequence ${baseSequence} once`).toBe(
      1,
    );
  }
}
