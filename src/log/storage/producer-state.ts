/**
 * What one partition remembers of idempotent producers, to answer retries and to refuse gaps: per producer id the epoch and the
 * last five batches (a Java client has at most five in flight). Rules as in Kafka (KIP-98, KIP-360):
 *
 * * a lower epoch than the known one: INVALID_PRODUCER_EPOCH;
 * * a batch equal in epoch, first and last sequence to one of the five: a duplicate, answered with the original offsets;
 * * a new epoch must begin with sequence 0, the known epoch must go on where it ended (2^31 - 1 is followed by 0):
 *   else OUT_OF_ORDER_SEQUENCE_NUMBER;
 * * a producer id that is not known may begin anywhere: retention may have taken what we knew of it.
 *
 * Entries are never changed in place, so that an append that fails later can be undone by putting the former entry back.
 */
import type { BatchHeader } from '../../wire/index.ts';
import { LogError } from './log-error.ts';
import type { ProducerDescription } from './log-types.ts';

export const rememberedBatchCount = 5;
const sequenceCount = 0x8000_0000;

export interface ProducerBatch {
  baseSequence: number;
  lastSequence: number;
  baseOffset: bigint;
  lastOffset: bigint;
  /** The log append time answered with it, -1 for CreateTime. */
  logAppendTimeMs: bigint;
}

export interface ProducerEntry {
  readonly epoch: number;
  /** Oldest first, 1 to 5. */
  readonly batches: readonly ProducerBatch[];
  /** Wall clock of the last append, for expiry. */
  readonly lastAppendMs: number;
}

export interface ProducerUndo {
  producerId: bigint;
  former: ProducerEntry | undefined;
}

export class ProducerState {
  readonly #entries = new Map<bigint, ProducerEntry>();

  get size(): number {
    return this.#entries.size;
  }

  entries(): Iterable<[bigint, ProducerEntry]> {
    return this.#entries;
  }

  set(producerId: bigint, entry: ProducerEntry): void {
    this.#entries.set(producerId, entry);
  }

  /** The batch this is a retry of, or null when it may be appended; throws LogError when it may not. Changes nothing. */
  check(header: BatchHeader): ProducerBatch | null {
    const entry = this.#entries.get(header.producerId);
    if (!entry) return null;
    if (header.producerEpoch < entry.epoch) throw staleEpoch(header, entry);
    if (header.producerEpoch > entry.epoch) {
      if (header.baseSequence === 0) return null;
      throw outOfOrder(header, 0);
    }
    const duplicate = entry.batches.find(
      (batch) => batch.baseSequence === header.baseSequence && batch.lastSequence === lastSequenceOf(header),
    );
    if (duplicate) return duplicate;
    const expected = (entry.batches.at(-1)!.lastSequence + 1) % sequenceCount;
    if (header.baseSequence !== expected) throw outOfOrder(header, expected);
    return null;
  }

  /** Notes an append that `check` let pass, or that recovery found in the log. */
  append(header: BatchHeader, baseOffset: bigint, logAppendTimeMs: bigint, nowMs: number): ProducerUndo {
    const former = this.#entries.get(header.producerId);
    const known = former && former.epoch === header.producerEpoch ? former.batches : [];
    const batch: ProducerBatch = {
      baseSequence: header.baseSequence,
      lastSequence: lastSequenceOf(header),
      baseOffset,
      lastOffset: baseOffset + BigInt(header.lastOffsetDelta),
      logAppendTimeMs,
    };
    const batches = [...known.slice(1 - rememberedBatchCount), batch];
    this.#entries.set(header.producerId, { epoch: header.producerEpoch, batches, lastAppendMs: nowMs });
    return { producerId: header.producerId, former };
  }

  undo(step: ProducerUndo): void {
    if (step.former) this.#entries.set(step.producerId, step.former);
    else this.#entries.delete(step.producerId);
  }

  /** What batches below `endOffset` say. Sequences have no holes, so before the oldest remembered batch lies the sequence before its own. */
  describe(endOffset: bigint): ProducerDescription[] {
    return [...this.#entries].map(([producerId, { epoch, batches, lastAppendMs }]) => {
      const last = batches.findLast((batch) => batch.lastOffset < endOffset);
      const lastSequence = last?.lastSequence ?? batches[0]!.baseSequence - 1;
      return { producerId, producerEpoch: epoch, lastSequence, lastAppendMs };
    });
  }

  expire(olderThanMs: number): void {
    for (const [producerId, entry] of this.#entries) {
      if (entry.lastAppendMs < olderThanMs) this.#entries.delete(producerId);
    }
  }
}

/** Batches without a producer id (-1), and control batches, which carry no sequence, are outside of these rules. */
export function hasSequence(header: BatchHeader): boolean {
  return header.producerId >= 0n && !header.isControl;
}

function lastSequenceOf(header: BatchHeader): number {
  return (header.baseSequence + header.lastOffsetDelta) % sequenceCount;
}

function staleEpoch(header: BatchHeader, entry: ProducerEntry): LogError {
  return new LogError(
    'INVALID_PRODUCER_EPOCH',
    `producer ${header.producerId} wrote with epoch ${header.producerEpoch}, but epoch ${entry.epoch} has been seen: a newer instance took over`,
  );
}

function outOfOrder(header: BatchHeader, expected: number): LogError {
  return new LogError(
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
    `expected sequence ${expected} from producer ${header.producerId} (epoch ${header.producerEpoch}), got ${header.baseSequence}: records before it did not arrive`,
  );
}
