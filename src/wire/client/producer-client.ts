import { describeError, SluiceError } from '../../shared/index.ts';
import { apiKeys, type CompressionType, errorCodes, estimateRecordBytes, type ProducerRecord } from '../index.ts';
import { BackOff, untilAborted } from './back-off.ts';
import { ByteBudget } from './byte-budget.ts';
import type { ClusterCore } from './cluster-core.ts';
import type { KafkaCluster } from './kafka-cluster.ts';
import { throwIfError } from './kafka-error.ts';
import { PartitionQueue } from './partition-queue.ts';
import { partitionForKey, StickyPartition } from './partitioner.ts';
import { ProduceSender } from './produce-sender.ts';
import type { DeliveryCallbacks, ProducerBatch, ProducerIdentity } from './producer-batch.ts';

export type Acks = 'all' | 1 | 0;

export interface ProducerOptions {
  cluster: KafkaCluster;
  /** What the broker waits for before it answers; `all` when left out. */
  acks?: Acks;
  /** Numbered batches, so that a retry never appends twice (KIP-98); on with acks `all`, not possible otherwise. */
  idempotent?: boolean;
  compression?: CompressionType;
  /** How long a batch that is not full waits for more records; 5 ms when left out. */
  lingerMs?: number;
  /** Size of a batch before compression; 256 KB when left out. A larger record gets a batch of its own. */
  batchBytes?: number;
  /** Records accepted and not yet answered; `send` waits when they are more. 64 MB when left out. */
  maxInFlightBytes?: number;
  /** What one record may have; 64 MB when left out. What the broker accepts is usually far less. */
  maxRecordBytes?: number;
  /** How long a record is tried to be delivered; 120 s when left out. */
  deliveryTimeoutMs?: number;
  /** Whether a topic that is not there may be created by the broker; yes when left out. */
  allowAutoTopicCreation?: boolean;
}

export interface SendOptions extends DeliveryCallbacks {
  /** Chosen by the key, or evenly for records without one, when left out. */
  partition?: number | undefined;
  signal?: AbortSignal | undefined;
}

interface TopicState {
  partitionCount: number;
  sticky: StickyPartition;
  /** Monotonic time. */
  checkedAtMs: number;
}

/** Kafka's `metadata.max.age.ms`. */
const METADATA_MAX_AGE_MS = 300_000;

let producerCount = 0;

/**
 * Sends records: collected into batches per partition, up to five requests per leader under way, retried in order.
 *
 * - `send` accepts a record and returns at once, or a promise when it has to wait for room. What became of the record is
 *   told by its callbacks, by the counters, and by `flush`, which rejects with the first failure since the flush before.
 * - An idempotent producer ends at the first failure that leaves open whether something was appended: whatever it sent
 *   after that could land in another order.
 */
export class ProducerClient {
  readonly #core: ClusterCore;
  readonly #isIdempotent: boolean;
  readonly #lane: string;
  readonly #lingerMs: number;
  readonly #batchBytes: number;
  readonly #maxRecordBytes: number;
  readonly #allowAutoTopicCreation: boolean;
  readonly #budget: ByteBudget;
  readonly #sender: ProduceSender;
  readonly #topics = new Map<string, TopicState>();
  readonly #lookups = new Map<string, Promise<TopicState>>();
  readonly #closing = new AbortController();
  #identity: ProducerIdentity | null = null;
  #identityLookup: Promise<void> | null = null;
  /** Sends that wait for room or for the topic to be known. */
  readonly #accepting = new Set<Promise<void>>();
  #flushCount = 0;
  #firstFailure: Error | null = null;
  /** Set when nothing more can be sent. */
  #ended: Error | null = null;
  #closed: Promise<void> | null = null;
  #acknowledgedCount = 0;
  #failedCount = 0;

  constructor(options: ProducerOptions) {
    const acks = options.acks ?? 'all';
    this.#core = options.cluster.core;
    this.#isIdempotent = options.idempotent ?? acks === 'all';
    if (this.#isIdempotent && acks !== 'all') {
      throw new SluiceError('bad-option', `expected acks "all" for an idempotent producer, got ${acks}`);
    }
    this.#lane = `produce-${++producerCount}`;
    this.#lingerMs = options.lingerMs ?? 5;
    this.#batchBytes = options.batchBytes ?? 256 * 1024;
    this.#maxRecordBytes = options.maxRecordBytes ?? 64 * 1024 * 1024;
    this.#allowAutoTopicCreation = options.allowAutoTopicCreation ?? true;
    this.#budget = new ByteBudget(options.maxInFlightBytes ?? 64 * 1024 * 1024);
    this.#sender = new ProduceSender(this.#core, {
      acks,
      compression: options.compression ?? 'none',
      lingerMs: this.#lingerMs,
      deliveryTimeoutMs: options.deliveryTimeoutMs ?? 120_000,
      lane: this.#lane,
      identity: () => this.#identity,
      isHurried: () => this.#flushCount > 0 || this.#budget.hasWaiters,
      onDelivered: (queue, batch, baseOffset) => this.#noteDelivered(queue, batch, baseOffset),
      onFailed: (batch, error) => this.#noteFailed(batch, error),
      onEnded: (error) => this.#end(error),
    });
  }

  /** Records that the broker acknowledged; with acks=0, that were sent. */
  get acknowledgedCount(): number {
    return this.#acknowledgedCount;
  }

  get failedCount(): number {
    return this.#failedCount;
  }

  /** Whether nothing can be sent any more: it was closed, or failed in a way that another producer has to be made. */
  get hasEnded(): boolean {
    return this.#ended !== null || this.#closed !== null;
  }

  /** Bytes of records that were accepted and not yet answered. */
  get pendingBytes(): number {
    return this.#budget.takenBytes;
  }

  /**
   * Accepts a record. Returns nothing when there was room, otherwise a promise: whoever awaits it cannot fill the memory.
   * Throws (or rejects) when the producer has ended, the record is too large, or the topic cannot be found.
   */
  send(topic: string, record: ProducerRecord, options: SendOptions = {}): Promise<void> | undefined {
    this.#throwIfEnded();
    const bytes = estimateRecordBytes(record);
    if (bytes > this.#maxRecordBytes) {
      throw new SluiceError(
        'record-too-large',
        `expected a record of at most ${this.#maxRecordBytes} bytes, got ${bytes}`,
      );
    }
    const state = this.#topics.get(topic);
    if (!state || !this.#budget.tryTake(bytes)) return this.#accept(this.#sendLater(topic, record, bytes, options));
    this.#append(topic, state, record, bytes, options);
    return undefined;
  }

  /** Waits until everything sent so far was answered; rejects with the first failure since the last flush. */
  async flush({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    this.#flushCount++;
    try {
      await untilAborted(this.#untilAllAnswered(), signal);
    } finally {
      this.#flushCount--;
    }
    const failure = this.#firstFailure;
    this.#firstFailure = null;
    if (failure) throw failure;
  }

  /** Flushes, for at most `timeoutMs` if given, and closes. Records that were not answered by then fail. */
  close({ timeoutMs }: { timeoutMs?: number } = {}): Promise<void> {
    this.#closed ??= this.#close(timeoutMs);
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Remembers a send that waits, so that a flush behind it includes it. */
  #accept(sending: Promise<void>): Promise<void> {
    this.#accepting.add(sending);
    const forget = (): void => void this.#accepting.delete(sending);
    sending.then(forget, forget);
    return sending;
  }

  async #sendLater(topic: string, record: ProducerRecord, bytes: number, options: SendOptions): Promise<void> {
    const state = this.#topics.get(topic) ?? (await untilAborted(this.#lookUp(topic), options.signal));
    if (!this.#budget.tryTake(bytes)) {
      const granted = this.#budget.take(bytes, options.signal);
      this.#sender.pump();
      await granted;
    }
    if (this.#ended) {
      this.#budget.release(bytes);
      throw this.#ended;
    }
    this.#append(topic, state, record, bytes, options);
  }

  #append(topic: string, state: TopicState, record: ProducerRecord, bytes: number, options: SendOptions): void {
    const partition = options.partition ?? this.#partitionOf(state, record, bytes);
    const nowMs = this.#core.clock.monotonicMs();
    const { isNew, isFull } = this.#queueOf(topic, partition).append(record, bytes, options, nowMs);
    if (nowMs - state.checkedAtMs > METADATA_MAX_AGE_MS) this.#checkAgain(topic, state, nowMs);
    if (isFull) this.#sender.pump();
    else if (isNew) this.#sender.pumpAt(nowMs + this.#lingerMs);
  }

  /** In the background: partitions may have been added. */
  #checkAgain(topic: string, state: TopicState, nowMs: number): void {
    state.checkedAtMs = nowMs;
    this.#lookUp(topic).catch((error: unknown) => {
      this.#core.logger.debug({ topic, error: describeError(error) }, 'MetadataRefreshFailed');
    });
  }

  #partitionOf(state: TopicState, record: ProducerRecord, bytes: number): number {
    const { key } = record;
    if (key === undefined || key === null) return state.sticky.next(bytes, state.partitionCount);
    return partitionForKey(key, state.partitionCount);
  }

  #queueOf(topic: string, partition: number): PartitionQueue {
    const key = `${topic}-${partition}`;
    let queue = this.#sender.queues.get(key);
    if (!queue) {
      const backOff = new BackOff({ firstMs: 100, maxMs: 1000, random: this.#core.random });
      queue = new PartitionQueue(topic, partition, this.#batchBytes, backOff);
      this.#sender.queues.set(key, queue);
    }
    return queue;
  }

  /** Finds out how many partitions a topic has, and who we are; shared by the sends that wait for it, in their order. */
  #lookUp(topic: string): Promise<TopicState> {
    let lookup = this.#lookups.get(topic);
    if (!lookup) {
      lookup = this.#lookUpNow(topic).finally(() => this.#lookups.delete(topic));
      this.#lookups.set(topic, lookup);
    }
    return lookup;
  }

  async #lookUpNow(topic: string): Promise<TopicState> {
    const { signal } = this.#closing;
    // The count comes from the answer itself: what the cluster remembers of the topic may be forgotten by a retry meanwhile.
    const partitionCount = await this.#core.retrying(signal, async () => {
      const response = await this.#core.refreshMetadata([topic], signal, this.#allowAutoTopicCreation);
      const answer = response.topics.find(({ name }) => name === topic);
      throwIfError(answer?.errorCode ?? errorCodes.UNKNOWN_TOPIC_OR_PARTITION, `topic "${topic}"`);
      return answer!.partitions.length;
    });
    if (this.#isIdempotent) await (this.#identityLookup ??= this.#initProducerId());
    const sticky = new StickyPartition(this.#batchBytes, this.#core.random);
    const state = { partitionCount, sticky, checkedAtMs: this.#core.clock.monotonicMs() };
    this.#topics.set(topic, state);
    return state;
  }

  async #initProducerId(): Promise<void> {
    const { signal } = this.#closing;
    try {
      await this.#core.retrying(signal, async () => {
        const request = { transactionalId: null, transactionTimeoutMs: 60_000 };
        const response = await this.#core.request('any', apiKeys.InitProducerId, request, { signal });
        throwIfError(response.errorCode, 'InitProducerId');
        this.#identity = { producerId: response.producerId, producerEpoch: response.producerEpoch };
      });
    } catch (error) {
      this.#identityLookup = null;
      throw error;
    }
  }

  /** Also what waits to be accepted; a send that fails there has told its sender. */
  async #untilAllAnswered(): Promise<void> {
    this.#sender.pump();
    await Promise.allSettled(this.#accepting);
    await this.#untilAnswered();
  }

  /** Resolves when every batch that is on its way now, and what becomes of it by splitting, was answered. */
  #untilAnswered(): Promise<void> {
    return new Promise((resolve) => {
      const flush = { pending: 1, done: resolve };
      for (const queue of this.#sender.queues.values()) {
        for (const batch of queue.batches()) {
          flush.pending++;
          batch.flushes.push(flush);
        }
      }
      settleFlush(flush);
      this.#sender.pump();
    });
  }

  #noteDelivered(queue: PartitionQueue, batch: ProducerBatch, baseOffset: bigint): void {
    this.#acknowledgedCount += batch.records.length;
    batch.deliver(queue.topic, queue.partition, baseOffset);
    this.#settle(batch);
  }

  #noteFailed(batch: ProducerBatch, error: Error): void {
    this.#failedCount += batch.records.length;
    this.#firstFailure ??= error;
    batch.fail(error);
    this.#settle(batch);
  }

  #settle(batch: ProducerBatch): void {
    this.#budget.release(batch.bytes);
    for (const flush of batch.flushes) settleFlush(flush);
  }

  /** Fails everything that was not answered, and every send from now on. */
  #end(error: Error): void {
    if (this.#ended) return;
    this.#ended = error;
    this.#sender.stop(error);
    this.#budget.failWaiters(error);
    for (const queue of this.#sender.queues.values()) {
      const unanswered = [...queue.batches()];
      queue.clear();
      for (const batch of unanswered) this.#noteFailed(batch, error);
    }
  }

  #throwIfEnded(): void {
    if (this.#ended) throw this.#ended;
    if (this.#closed) throw new SluiceError('closed', 'expected an open producer, but it was closed');
  }

  async #close(timeoutMs: number | undefined): Promise<void> {
    try {
      await this.flush(timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(timeoutMs) });
      await this.#core.closeLane(this.#lane); // with acks=0 the last records may still be on their way to the socket
    } finally {
      const closed = new SluiceError('closed', 'the producer was closed');
      this.#closing.abort(closed);
      this.#end(closed);
    }
  }
}

function settleFlush(flush: { pending: number; done: () => void }): void {
  if (--flush.pending === 0) flush.done();
}
