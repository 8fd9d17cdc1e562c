/**
 * What one Fetch has gathered so far. `read` takes up, per partition, where it stopped before, so that waiting for many bytes
 * reads each byte once. Order of partitions is the client's: it rotates them, so that none starves behind the byte limit.
 */
import {
  type DeepPartial,
  errorCodes,
  type FetchRequestFetchPartition,
  type FetchRequestFetchTopic,
  type FetchResponseFetchableTopicResponse,
  readBatchHeader,
} from '../../wire/index.ts';
import type { PartitionLog, ReadResult, TopicState } from '../storage/log-types.ts';
import { type BrokerServices, errorAnswer } from './api-handler.ts';
import { checkLeaderEpoch, findTopic, unknownTopicCode } from './topic-lookup.ts';

export interface FetchPlan {
  readonly topics: readonly FetchRequestFetchTopic[];
  readonly maxBytes: number;
  readonly isReadCommitted: boolean;
}

interface PartitionFetch {
  readonly partition: number;
  readonly log: PartitionLog | undefined;
  readonly maxBytes: number;
  /** Where the next read begins, unless `pieces` has a last one: then behind that. */
  nextOffset: bigint;
  errorCode: number;
  highWatermark: bigint;
  lastStableOffset: bigint;
  logStartOffset: bigint;
  readonly pieces: Buffer[];
  bytes: number;
}

export class FetchAttempt {
  readonly #services: BrokerServices;
  readonly #plan: FetchPlan;
  readonly #topics: { readonly reference: FetchRequestFetchTopic; readonly partitions: PartitionFetch[] }[];
  #byteCount = 0;

  constructor(services: BrokerServices, plan: FetchPlan) {
    this.#services = services;
    this.#plan = plan;
    this.#topics = plan.topics.map((reference) => {
      const topic = findTopic(services.logs, { name: reference.topic, topicId: reference.topicId });
      return { reference, partitions: reference.partitions.map((wanted) => openFetch(topic, reference, wanted)) };
    });
  }

  get byteCount(): number {
    return this.#byteCount;
  }

  /** No more can come: the limit is reached, or nothing was asked for. */
  get isFull(): boolean {
    return this.#byteCount >= this.#plan.maxBytes || this.#topics.every(({ partitions }) => partitions.length === 0);
  }

  get hasError(): boolean {
    return this.#topics.some(({ partitions }) => partitions.some((fetch) => fetch.errorCode !== errorCodes.NONE));
  }

  /** Reads what is there, as far as the limits allow. The first batch of an answer may be larger than any limit. */
  async read(): Promise<void> {
    for (const { partitions } of this.#topics) {
      for (const fetch of partitions) await this.#readPartition(fetch);
    }
  }

  async #readPartition(fetch: PartitionFetch): Promise<void> {
    const { log } = fetch;
    if (!log || fetch.errorCode !== errorCodes.NONE) return;
    const lastPiece = fetch.pieces.at(-1);
    if (lastPiece) fetch.nextOffset = offsetAfter(lastPiece);
    fetch.highWatermark = log.highWatermark;
    fetch.lastStableOffset = log.lastStableOffset;
    fetch.logStartOffset = log.logStartOffset;
    const endOffset = this.#plan.isReadCommitted ? log.lastStableOffset : log.highWatermark;
    // Between the high watermark and the log's end lies what is not synced yet: it exists, but there is nothing to see.
    if (fetch.nextOffset >= endOffset && fetch.nextOffset <= log.logEndOffset) return;
    const leftBytes = Math.min(this.#plan.maxBytes - this.#byteCount, fetch.maxBytes - fetch.bytes);
    if (leftBytes <= 0 && this.#byteCount > 0) return;
    try {
      const result = await log.read(fetch.nextOffset, Math.max(leftBytes, 0));
      const records = this.#fitting(result, leftBytes);
      if (records.length > 0) fetch.pieces.push(records);
      fetch.bytes += records.length;
      this.#byteCount += records.length;
      fetch.highWatermark = result.highWatermark;
      fetch.lastStableOffset = result.lastStableOffset;
      fetch.logStartOffset = result.logStartOffset;
    } catch (error) {
      fetch.errorCode = errorAnswer(error, this.#services.logger).errorCode;
    }
  }

  /** Whole batches that the isolation level shows, within the limit unless the answer is empty so far. */
  #fitting({ records, highWatermark, lastStableOffset }: ReadResult, leftBytes: number): Buffer {
    if (records.length > leftBytes && this.#byteCount > 0) return records.subarray(0, 0);
    if (!this.#plan.isReadCommitted || lastStableOffset === highWatermark) return records;
    let position = 0;
    while (position < records.length) {
      const { baseOffset, sizeBytes } = readBatchHeader(records, position);
      if (baseOffset >= lastStableOffset) break;
      position += sizeBytes;
    }
    return records.subarray(0, position);
  }

  /** Resolves when a high watermark has passed what was read, after `timeoutMs`, or when the signal is aborted. */
  whenMoreMayBeThere(timeoutMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const unsubscribes: (() => void)[] = [];
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        for (const unsubscribe of unsubscribes) unsubscribe();
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      signal.addEventListener('abort', done, { once: true });
      for (const { partitions } of this.#topics) {
        for (const { log, highWatermark } of partitions) {
          if (log) unsubscribes.push(log.onceHighWatermarkPasses(highWatermark, done));
        }
      }
      if (signal.aborted) done();
    });
  }

  responses(): DeepPartial<FetchResponseFetchableTopicResponse>[] {
    return this.#topics.map(({ reference, partitions }) => ({
      topic: reference.topic,
      topicId: reference.topicId,
      partitions: partitions.map((fetch) => ({
        partitionIndex: fetch.partition,
        errorCode: fetch.errorCode,
        highWatermark: fetch.highWatermark,
        lastStableOffset: fetch.lastStableOffset,
        logStartOffset: fetch.logStartOffset,
        abortedTransactions: this.#plan.isReadCommitted ? [] : null,
        records: fetch.pieces.length === 1 ? fetch.pieces[0]! : Buffer.concat(fetch.pieces),
      })),
    }));
  }
}

function openFetch(
  topic: TopicState | undefined,
  reference: FetchRequestFetchTopic,
  wanted: FetchRequestFetchPartition,
): PartitionFetch {
  const log = topic?.partitions[wanted.partition];
  const missing = topic ? errorCodes.UNKNOWN_TOPIC_OR_PARTITION : unknownTopicCode(reference);
  const errorCode = log ? checkLeaderEpoch(log, wanted.currentLeaderEpoch) : missing;
  return {
    partition: wanted.partition,
    log,
    maxBytes: Math.max(wanted.partitionMaxBytes, 0),
    nextOffset: wanted.fetchOffset,
    errorCode,
    highWatermark: -1n,
    lastStableOffset: -1n,
    logStartOffset: -1n,
    pieces: [],
    bytes: 0,
  };
}

function offsetAfter(records: Buffer): bigint {
  let position = 0;
  let next = 0n;
  while (position < records.length) {
    const header = readBatchHeader(records, position);
    next = header.lastOffset + 1n;
    position += header.sizeBytes;
  }
  return next;
}
