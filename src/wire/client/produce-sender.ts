import { SluiceError } from '../../shared/index.ts';
import {
  apiKeys,
  type CompressionType,
  type DeepPartial,
  errorCodes,
  estimateRecordBytes,
  type ProduceRequest,
  type ProduceResponse,
  type ProduceResponsePartitionProduceResponse,
} from '../index.ts';
import type { ClusterCore } from './cluster-core.ts';
import type { KafkaConnection } from './kafka-connection.ts';
import { isRetriable, KafkaError } from './kafka-error.ts';
import type { PartitionQueue } from './partition-queue.ts';
import type { ProducerBatch, ProducerIdentity } from './producer-batch.ts';
import { wasAppended } from './producer-memory.ts';
import { TroubleLog } from './trouble-log.ts';

export interface SenderOptions {
  acks: 'all' | 1 | 0;
  compression: CompressionType;
  lingerMs: number;
  deliveryTimeoutMs: number;
  lane: string;
  /** Null: not idempotent. */
  identity: () => ProducerIdentity | null;
  /** Whether batches go out before their linger time is over: a flush, or senders that wait for room. */
  isHurried: () => boolean;
  /** The batch is on its way no longer; each is told exactly once, a split one as its parts. */
  onDelivered: (queue: PartitionQueue, batch: ProducerBatch, baseOffset: bigint) => void;
  onFailed: (batch: ProducerBatch, error: Error) => void;
  /** Nothing can be sent any more. Batches that were not answered have not been told. */
  onEnded: (error: Error) => void;
}

interface SentBatch {
  queue: PartitionQueue;
  batch: ProducerBatch;
}

interface LeaderState {
  inFlight: number;
  isConnecting: boolean;
}

/** Kafka's `max.in.flight.requests.per.connection`; brokers remember the last five batches of an idempotent producer. */
const MAX_REQUESTS_IN_FLIGHT = 5;
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
/** The broker's own time limit ends first. */
const ANSWER_GRACE_MS = 5_000;

/** After these the broker takes nothing more from this producer id. */
const endingErrors: ReadonlySet<number> = new Set([
  errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
  errorCodes.UNKNOWN_PRODUCER_ID,
  errorCodes.INVALID_PRODUCER_EPOCH,
  errorCodes.PRODUCER_FENCED,
  errorCodes.CLUSTER_AUTHORIZATION_FAILED,
  errorCodes.UNSUPPORTED_VERSION,
]);

/** Takes batches out of the partition queues, sends them to the leaders, and decides by the answers what becomes of them. */
export class ProduceSender {
  /** In the order in which they are served; who was served goes to the end. */
  readonly queues = new Map<string, PartitionQueue>();
  readonly #core: ClusterCore;
  readonly #options: SenderOptions;
  readonly #leaders = new Map<number, LeaderState>();
  readonly #closing = new AbortController();
  readonly #trouble: TroubleLog;
  #isRefreshing = false;
  #timer: NodeJS.Timeout | null = null;
  #timerDueMs = Number.POSITIVE_INFINITY;

  constructor(core: ClusterCore, options: SenderOptions) {
    this.#core = core;
    this.#options = options;
    this.#trouble = new TroubleLog(core.logger, core.clock);
  }

  /** Sends what is ready, and comes back by itself when more will be. */
  pump(): void {
    if (this.#closing.signal.aborted) return;
    const nowMs = this.#core.clock.monotonicMs();
    const readyLeaders = new Set<number>();
    const unknownTopics = new Set<string>();
    let dueMs = Number.POSITIVE_INFINITY;
    for (const queue of this.queues.values()) {
      this.#expire(queue, nowMs);
      if (!this.#isSendable(queue, nowMs)) {
        dueMs = Math.min(dueMs, queue.dueAtMs(this.#options.lingerMs));
        continue;
      }
      const leaderId = this.#leaderOf(queue);
      if (leaderId === undefined) unknownTopics.add(queue.topic);
      else readyLeaders.add(leaderId);
    }
    if (unknownTopics.size > 0 && !this.#isRefreshing) void this.#refresh([...unknownTopics]);
    for (const leaderId of readyLeaders) void this.#drive(leaderId);
    this.pumpAt(dueMs);
  }

  /** Pumps at a monotonic time, unless that happens earlier anyway. */
  pumpAt(dueMs: number): void {
    if (dueMs >= this.#timerDueMs || dueMs === Number.POSITIVE_INFINITY) return;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timerDueMs = dueMs;
    const waitMs = Math.max(1, dueMs - this.#core.clock.monotonicMs());
    this.#timer = setTimeout(() => {
      this.#timerDueMs = Number.POSITIVE_INFINITY;
      this.pump();
    }, waitMs);
  }

  /** Stops for good; what is in flight is not waited for. */
  stop(reason: Error): void {
    this.#closing.abort(reason);
    if (this.#timer) clearTimeout(this.#timer);
    this.#core.releaseLane(this.#options.lane);
  }

  #isSendable(queue: PartitionQueue, nowMs: number): boolean {
    // Without sequences the broker would append a second batch although the first is to be retried.
    if (queue.inFlightCount > 0 && !this.#options.identity()) return false;
    return queue.isReady(nowMs, this.#options.lingerMs, this.#options.isHurried());
  }

  #leaderOf({ topic, partition }: PartitionQueue): number | undefined {
    const partitions = this.#core.metadata.topic(topic)?.partitions;
    const leaderId = partitions?.find((candidate) => candidate.partition === partition)?.leaderId ?? -1;
    return leaderId < 0 ? undefined : leaderId;
  }

  async #refresh(topics: string[]): Promise<void> {
    this.#isRefreshing = true;
    try {
      await this.#core.refreshMetadata(topics, this.#closing.signal);
      for (const topic of topics) this.#trouble.recovered('MetadataRecovered', topic);
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      this.#trouble.failed('MetadataRefreshFailed', topics, error);
    } finally {
      this.#isRefreshing = false;
    }
    const nowMs = this.#core.clock.monotonicMs();
    for (const queue of this.queues.values()) {
      if (topics.includes(queue.topic) && this.#leaderOf(queue) === undefined) queue.waitForLeader(nowMs);
    }
    this.pump();
  }

  /** Sends requests to one leader while it has fewer than five under way and there is something for it. */
  async #drive(leaderId: number): Promise<void> {
    const leader = this.#leaders.get(leaderId) ?? { inFlight: 0, isConnecting: false };
    this.#leaders.set(leaderId, leader);
    if (leader.isConnecting || leader.inFlight >= MAX_REQUESTS_IN_FLIGHT) return;
    leader.isConnecting = true;
    let connection: KafkaConnection;
    try {
      connection = await this.#core.connection(leaderId, this.#options.lane, this.#closing.signal);
      this.#trouble.recovered('LeaderReached', `node ${leaderId}`);
    } catch (error) {
      this.#noteUnreachable(leaderId, error);
      return;
    } finally {
      leader.isConnecting = false;
    }
    while (leader.inFlight < MAX_REQUESTS_IN_FLIGHT && connection.isOpen) {
      const sent = this.#collect(leaderId);
      if (sent.length === 0) return;
      void this.#transmit(leader, connection, sent);
    }
  }

  #noteUnreachable(leaderId: number, error: unknown): void {
    if (this.#closing.signal.aborted) return;
    this.#trouble.failed('LeaderUnreachable', [`node ${leaderId}`], error);
    const nowMs = this.#core.clock.monotonicMs();
    for (const queue of this.queues.values()) {
      if (this.#leaderOf(queue) !== leaderId || queue.isEmpty) continue;
      queue.waitForLeader(nowMs);
      this.#core.metadata.forget([queue.topic]);
    }
    this.pump();
  }

  /** At most one batch of each partition, as the protocol has it. */
  #collect(leaderId: number): SentBatch[] {
    const nowMs = this.#core.clock.monotonicMs();
    const sent: SentBatch[] = [];
    let bytes = 0;
    for (const [key, queue] of [...this.queues]) {
      if (!this.#isSendable(queue, nowMs) || this.#leaderOf(queue) !== leaderId) continue;
      if (sent.length > 0 && bytes + queue.headBytes > MAX_REQUEST_BYTES) break;
      bytes += queue.headBytes;
      sent.push({ queue, batch: queue.takeHead(this.#options.identity() !== null) });
      this.queues.delete(key);
      this.queues.set(key, queue);
    }
    return sent;
  }

  async #transmit(leader: LeaderState, connection: KafkaConnection, taken: SentBatch[]): Promise<void> {
    leader.inFlight++;
    const sent = taken.filter((item) => this.#encode(item));
    try {
      const response = await this.#send(connection, sent);
      this.#takeAnswers(sent, response);
    } catch (error) {
      // A callback of whoever sent the records threw: what it stands for is not known.
      this.#options.onEnded(error as Error);
    }
    leader.inFlight--;
    this.pump();
  }

  /** False when the records cannot be encoded, for which nobody but they are to blame. */
  #encode({ queue, batch }: SentBatch): boolean {
    try {
      batch.encode(this.#options.compression, this.#options.identity(), BigInt(this.#core.clock.nowMs()));
      return true;
    } catch (error) {
      queue.refused(batch, this.#core.clock.monotonicMs());
      this.#options.onFailed(batch, error as Error);
      return false;
    }
  }

  /** The answer; null when there will be none: acks=0, or the connection broke, and then the batches wait to be sent again. */
  async #send(connection: KafkaConnection, sent: readonly SentBatch[]): Promise<ProduceResponse | null> {
    const { signal } = this.#closing;
    try {
      if (this.#options.acks !== 0) {
        const timeoutMs = this.#core.requestTimeoutMs + ANSWER_GRACE_MS;
        return await connection.request(apiKeys.Produce, this.#requestOf(sent), { signal, timeoutMs });
      }
      await connection.sendUnanswered(apiKeys.Produce, this.#requestOf(sent), signal);
    } catch (error) {
      for (const { queue, batch } of sent) this.#retry(queue, batch, error as Error);
      return null;
    }
    for (const { queue, batch } of sent) this.#noteDelivered(queue, batch, -1n);
    return null;
  }

  #requestOf(sent: readonly SentBatch[]): DeepPartial<ProduceRequest> {
    const topics = new Map<string, { index: number; records: Buffer }[]>();
    for (const { queue, batch } of sent) {
      const partitions = topics.get(queue.topic) ?? [];
      partitions.push({ index: queue.partition, records: batch.encoded });
      topics.set(queue.topic, partitions);
    }
    return {
      acks: this.#options.acks === 'all' ? -1 : this.#options.acks,
      timeoutMs: this.#core.requestTimeoutMs,
      topicData: [...topics].map(([name, partitionData]) => ({ name, partitionData })),
    };
  }

  #takeAnswers(sent: readonly SentBatch[], response: ProduceResponse | null): void {
    if (!response) return;
    const answers = new Map<string, ProduceResponsePartitionProduceResponse>();
    for (const { name, partitionResponses } of response.responses) {
      for (const answer of partitionResponses) answers.set(`${name}-${answer.index}`, answer);
    }
    for (const { queue, batch } of sent)
      this.#takeAnswer(queue, batch, answers.get(`${queue.topic}-${queue.partition}`));
  }

  #takeAnswer(
    queue: PartitionQueue,
    batch: ProducerBatch,
    answer: ProduceResponsePartitionProduceResponse | undefined,
  ): void {
    const code = answer?.errorCode ?? errorCodes.UNKNOWN_SERVER_ERROR;
    if (code === errorCodes.NONE || code === errorCodes.DUPLICATE_SEQUENCE_NUMBER) {
      this.#noteDelivered(queue, batch, code === errorCodes.NONE ? answer!.baseOffset : -1n);
      return;
    }
    const nowMs = this.#core.clock.monotonicMs();
    const detail = [answer?.errorMessage, ...(answer?.recordErrors ?? []).map((e) => e.batchIndexErrorMessage)];
    const error = new KafkaError(code, `Produce to ${queue.topic}-${queue.partition}`, {
      detail: detail.filter((text) => text).join('; '),
    });
    const isTooLarge = code === errorCodes.MESSAGE_TOO_LARGE || code === errorCodes.RECORD_LIST_TOO_LARGE;
    if (isTooLarge && batch.records.length > 1) {
      queue.replace(batch, batch.split(estimateRecordBytes), nowMs);
    } else if (
      error.isRetriable ||
      (code === errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER && queue.hasOlderTrouble(batch))
    ) {
      this.#retry(queue, batch, error);
    } else if (code === errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER && batch.attempts > 1) {
      void this.#settleSequence(queue, batch, error);
    } else if (endingErrors.has(code)) {
      this.#options.onEnded(error);
    } else {
      queue.refused(batch, nowMs);
      this.#options.onFailed(batch, error);
    }
  }

  /** A batch that went out before may be in the log, only the broker forgot it: then it was delivered. Else the producer ends. */
  async #settleSequence(queue: PartitionQueue, batch: ProducerBatch, error: KafkaError): Promise<void> {
    const { signal } = this.#closing;
    const identity = this.#options.identity();
    let isInLog = false;
    try {
      isInLog =
        identity !== null && (await wasAppended(this.#core, queue.topic, queue.partition, batch, identity, signal));
    } catch (cause) {
      if (isRetriable(cause)) {
        this.#retry(queue, batch, cause as Error);
        this.pump();
        return;
      }
    }
    if (signal.aborted) return;
    try {
      if (!isInLog) throw error;
      const { topic, partition } = queue;
      this.#core.logger.debug({ topic, partition, sequence: batch.baseSequence }, 'BatchFoundInLog');
      this.#noteDelivered(queue, batch, -1n);
    } catch (ending) {
      this.#options.onEnded(ending as Error); // out of order indeed, or a callback threw
    }
    this.pump();
  }

  #noteDelivered(queue: PartitionQueue, batch: ProducerBatch, baseOffset: bigint): void {
    queue.delivered(batch, this.#core.clock.monotonicMs());
    this.#options.onDelivered(queue, batch, baseOffset);
  }

  #retry(queue: PartitionQueue, batch: ProducerBatch, error: Error): void {
    if (this.#closing.signal.aborted) return;
    this.#core.metadata.forget([queue.topic]);
    const { topic, partition } = queue;
    const fields = { topic, partition, sequence: batch.baseSequence, attempt: batch.attempts, error: error.message };
    this.#core.logger.debug(fields, 'ProduceRetried');
    queue.retry(batch, this.#core.clock.monotonicMs(), error);
  }

  /**
   * A record that was never sent just fails. One that was may have been appended, and then the broker expects the next
   * sequence, otherwise this one: an idempotent producer cannot go on.
   */
  #expire(queue: PartitionQueue, nowMs: number): void {
    for (;;) {
      const batch = queue.expiredHead(nowMs - this.#options.deliveryTimeoutMs);
      if (!batch || this.#closing.signal.aborted) return;
      const error = new SluiceError(
        'delivery-timeout',
        `could not deliver ${batch.records.length} records to ${queue.topic}-${queue.partition} within ${this.#options.deliveryTimeoutMs} ms`,
        { cause: queue.lastError ?? undefined },
      );
      if (batch.attempts > 0 && this.#options.identity()) {
        this.#options.onEnded(error);
      } else {
        queue.dropHead();
        this.#options.onFailed(batch, error);
      }
    }
  }
}
