// From the bytes that a Fetch answer holds for one partition to whole, checked batches.
import {
  type BatchHeader,
  errorCodes,
  type FetchResponsePartitionData,
  readControlBatch,
  splitBatches,
  validateBatch,
  WireError,
} from '../index.ts';
import { KafkaError, type LogTruncatedError } from './kafka-error.ts';

export interface FetchedBatch {
  /** The whole batch as it is in the log; a view into the answer, which stays in memory as long as any view of it does. */
  bytes: Buffer;
  header: BatchHeader;
  /** Belongs to a transaction that was aborted: its records are no data. Only ever true with read_committed. */
  isAborted: boolean;
}

export interface FetchedPartition {
  topic: string;
  /** All zeros in a cluster without topic ids. */
  topicId: string;
  partition: number;
  /** What was asked for. The first batch may begin before it: records below are to be skipped. */
  fetchOffset: bigint;
  /** In order of offset, control batches (`header.isControl`) among them. */
  batches: FetchedBatch[];
  /** Where the next fetch goes on: one after the last offset of the batches, be there records or not. */
  nextOffset: bigint;
  highWatermark: bigint;
  lastStableOffset: bigint;
  logStartOffset: bigint;
  /** Of the last batch; what a checkpoint at `nextOffset` should remember (KIP-320). -1: not known. */
  leaderEpoch: number;
  /** Fetching of this partition has stopped for good: OFFSET_OUT_OF_RANGE, a corrupt batch, a topic that is gone... */
  error: KafkaError | LogTruncatedError | null;
}

/** Throws a KafkaError (CORRUPT_MESSAGE, MESSAGE_TOO_LARGE, UNSUPPORTED_FOR_MESSAGE_FORMAT) with the WireError as cause. */
export function readBatches(data: FetchResponsePartitionData, fetchOffset: bigint, what: string): FetchedBatch[] {
  const { records } = data;
  if (!records || records.length === 0) return [];
  const aborted = new AbortedTransactions(data.abortedTransactions ?? []);
  const batches: FetchedBatch[] = [];
  let wholeBytes = 0;
  try {
    for (const bytes of splitBatches(records)) {
      wholeBytes += bytes.length;
      const header = validateBatch(bytes, 0);
      const isAborted = aborted.includes(header, bytes);
      if (header.lastOffset >= fetchOffset) batches.push({ bytes, header, isAborted });
    }
  } catch (error) {
    throw asKafkaError(error, what);
  }
  if (wholeBytes === 0) {
    const detail = `expected at least one whole batch, got the first ${records.length} bytes of one`;
    throw new KafkaError(errorCodes.MESSAGE_TOO_LARGE, what, { detail });
  }
  return batches;
}

/**
 * Tells which batches of an answer belong to aborted transactions (KIP-98). The broker lists, per transaction that was
 * aborted and reaches into the answer, the producer and its first offset; its abort marker in the log ends it.
 */
class AbortedTransactions {
  /** By first offset, descending: the next to begin is last. */
  readonly #toCome: { producerId: bigint; firstOffset: bigint }[];
  readonly #producers = new Set<bigint>();

  constructor(transactions: readonly { producerId: bigint; firstOffset: bigint }[]) {
    this.#toCome = [...transactions].sort((a, b) => (a.firstOffset > b.firstOffset ? -1 : 1));
  }

  /** To be asked about every batch, in order of offset. */
  includes(header: BatchHeader, bytes: Buffer): boolean {
    while (this.#toCome.length > 0 && this.#toCome.at(-1)!.firstOffset <= header.lastOffset) {
      this.#producers.add(this.#toCome.pop()!.producerId);
    }
    if (header.producerId < 0n || !this.#producers.has(header.producerId)) return false;
    if (header.isControl) {
      if (readControlBatch(bytes).type === 'abort') this.#producers.delete(header.producerId);
      return false;
    }
    return header.isTransactional;
  }
}

function asKafkaError(error: unknown, what: string): unknown {
  if (!(error instanceof WireError)) return error;
  const code =
    error.code === 'unsupported-version' ? errorCodes.UNSUPPORTED_FOR_MESSAGE_FORMAT : errorCodes.CORRUPT_MESSAGE;
  return new KafkaError(code, what, { detail: error.message, cause: error });
}
