import { SluiceError } from '../../shared/index.ts';
import { apiKeys, errorCodes, type FetchResponsePartitionData } from '../index.ts';
import { AssignedPartition, type AssignOptions } from './assigned-partition.ts';
import type { ClusterCore } from './cluster-core.ts';
import { endOffsetForEpochOnce, type Isolation } from './cluster-offsets.ts';
import { type AskedPartition, fetchMessage, matchAnswers } from './fetch-exchange.ts';
import { type FetchedPartition, readBatches } from './fetched-partition.ts';
import type { KafkaCluster } from './kafka-cluster.ts';
import { isKafkaError, KafkaError, throwIfError } from './kafka-error.ts';
import type { ClusterPartition } from './metadata-cache.ts';
import { TroubleLog } from './trouble-log.ts';
import { Waker } from './waker.ts';

export interface BatchFetcherOptions {
  cluster: KafkaCluster;
  isolation: Isolation;
  /** What the fetcher may hold that was not yet handed over; 50 MB when left out. A single larger batch still comes through. */
  maxBytes?: number;
  /** Per partition and answer; 1 MB when left out. */
  maxPartitionBytes?: number;
  /** How long the broker waits for `minBytes`, and `poll` for anything at all; 500 ms when left out. */
  maxWaitMs?: number;
  /** 1 when left out: answer as soon as there is anything. */
  minBytes?: number;
  /** How long a topic may be missing from the metadata before its partitions fail; 10 s when left out. */
  missingTopicMs?: number;
}

export interface PartitionProgress {
  /** The next offset that `poll` will hand over. */
  position: bigint;
  /** -1 until the first answer. */
  highWatermark: bigint;
  lastStableOffset: bigint;
  logStartOffset: bigint;
}

/** Answers that say "not here, not now": look at the metadata again and come back. */
const transientErrors: ReadonlySet<number> = new Set([
  errorCodes.NOT_LEADER_OR_FOLLOWER,
  errorCodes.LEADER_NOT_AVAILABLE,
  errorCodes.REPLICA_NOT_AVAILABLE,
  errorCodes.FENCED_LEADER_EPOCH,
  errorCodes.UNKNOWN_LEADER_EPOCH,
  errorCodes.OFFSET_NOT_AVAILABLE,
  errorCodes.KAFKA_STORAGE_ERROR,
  errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
  errorCodes.UNKNOWN_TOPIC_ID,
  errorCodes.INCONSISTENT_TOPIC_ID,
  errorCodes.UNKNOWN_SERVER_ERROR,
  errorCodes.THROTTLING_QUOTA_EXCEEDED,
]);

/** Then the leader is asked again whether another replica is closer; Kafka's `metadata.max.age.ms`. */
const READ_REPLICA_MAX_AGE_MS = 300_000;

let fetcherCount = 0;

/**
 * Reads many partitions as raw record batches, from all their leaders at once.
 *
 * - One fetch per leader is under way at a time, and the next starts when the answer before it was handed over: the broker
 *   works while the caller does, and at most one answer per leader waits in memory.
 * - `poll` never throws for trouble of the cluster: it waits, looks for the new leader, and goes on. What concerns one
 *   partition for good comes as that partition's `error`, once; it is never reset to another offset.
 * - With `client.rack` set, it reads from the replica that the leader names as closer, and from the leader when that one fails.
 * - A position never moves but by what was fetched, and by `assign`.
 */
export class BatchFetcher {
  readonly #core: ClusterCore;
  readonly #isolation: Isolation;
  readonly #maxBytes: number;
  readonly #maxPartitionBytes: number;
  readonly #maxWaitMs: number;
  readonly #minBytes: number;
  readonly #missingTopicMs: number;
  readonly #lane: string;
  readonly #waker: Waker;
  readonly #trouble: TroubleLog;
  readonly #closing = new AbortController();
  readonly #assigned = new Map<string, AssignedPartition>();
  /** Nodes with a fetch under way. */
  readonly #busyNodes = new Set<number>();
  #isRefreshing = false;
  #servedCount = 0;

  constructor(options: BatchFetcherOptions) {
    this.#core = options.cluster.core;
    this.#isolation = options.isolation;
    this.#maxBytes = options.maxBytes ?? 50 * 1024 * 1024;
    this.#maxPartitionBytes = options.maxPartitionBytes ?? 1024 * 1024;
    this.#maxWaitMs = options.maxWaitMs ?? 500;
    this.#minBytes = options.minBytes ?? 1;
    this.#missingTopicMs = options.missingTopicMs ?? 10_000;
    this.#lane = `fetch-${++fetcherCount}`;
    this.#waker = new Waker(this.#core.clock);
    this.#trouble = new TroubleLog(this.#core.logger, this.#core.clock);
  }

  /** Begins to read a partition at an offset, or goes there when it is assigned already; what was fetched before is dropped. */
  assign(topic: string, partition: number, fromOffset: bigint, options: AssignOptions = {}): void {
    const state = new AssignedPartition(topic, partition, fromOffset, options, this.#core.random);
    this.#assigned.set(state.name, state);
    this.#waker.wake();
  }

  unassign(topic: string, partition: number): void {
    this.#assigned.delete(`${topic}-${partition}`);
    this.#trouble.forget(`${topic}-${partition}`);
  }

  /** Hands nothing over until `resume`; what has been fetched already is kept. */
  pause(topic: string, partition: number): void {
    this.#state(topic, partition).isPaused = true;
  }

  resume(topic: string, partition: number): void {
    this.#state(topic, partition).isPaused = false;
    this.#waker.wake();
  }

  isPaused(topic: string, partition: number): boolean {
    return this.#state(topic, partition).isPaused;
  }

  /** Null when the partition is not assigned. Ends move with every answer, also with those that bring no records. */
  progress(topic: string, partition: number): PartitionProgress | null {
    const state = this.#assigned.get(`${topic}-${partition}`);
    if (!state) return null;
    const { highWatermark, lastStableOffset, logStartOffset } = state;
    const position = state.held?.fetchOffset ?? state.position;
    return { position, highWatermark, lastStableOffset, logStartOffset };
  }

  /** Waits for batches or errors of any partition; an empty list after `maxWaitMs` without any. */
  async poll({ signal }: { signal?: AbortSignal } = {}): Promise<FetchedPartition[]> {
    const { clock } = this.#core;
    const deadlineMs = clock.monotonicMs() + this.#maxWaitMs;
    for (;;) {
      signal?.throwIfAborted();
      this.#closing.signal.throwIfAborted();
      const ready = this.#takeReady();
      this.#startFetches();
      const leftMs = deadlineMs - clock.monotonicMs();
      if (ready.length > 0 || leftMs <= 0) return ready;
      await this.#waker.sleep(Math.min(leftMs, this.#nextRetryMs()), signal);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new SluiceError('closed', 'the fetcher was closed'));
    this.#assigned.clear();
    this.#waker.wake();
    this.#core.releaseLane(this.#lane);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #state(topic: string, partition: number): AssignedPartition {
    const state = this.#assigned.get(`${topic}-${partition}`);
    if (!state) throw new SluiceError('not-assigned', `expected an assigned partition, got ${topic}-${partition}`);
    return state;
  }

  #takeReady(): FetchedPartition[] {
    const ready: FetchedPartition[] = [];
    for (const state of this.#assigned.values()) {
      if (!state.held || state.isPaused) continue;
      ready.push(state.held);
      state.held = null;
    }
    return ready;
  }

  #nextRetryMs(): number {
    const nowMs = this.#core.clock.monotonicMs();
    let waitMs = this.#maxWaitMs;
    for (const { retryAtMs } of this.#assigned.values()) {
      if (retryAtMs > nowMs) waitMs = Math.min(waitMs, retryAtMs - nowMs);
    }
    return waitMs;
  }

  /** Starts whatever can be started now. What it starts never throws and wakes `poll` when it is done. */
  #startFetches(): void {
    const nowMs = this.#core.clock.monotonicMs();
    const groups = new Map<number, AskedPartition[]>();
    const nodesNotTaken = new Set<number>();
    const unknownTopics = new Set<string>();
    for (const state of this.#assigned.values()) {
      const leader = this.#leaderOf(state);
      const nodeId = leader ? state.sourceOf(leader.leaderId, nowMs) : -1;
      if (leader && state.held && !state.isPaused) nodesNotTaken.add(nodeId);
      if (!state.isFetchable(nowMs)) continue;
      if (!leader) unknownTopics.add(state.topic);
      else if (state.needsValidation(leader.leaderEpoch)) void this.#validate(state, leader);
      else groups.set(nodeId, [...(groups.get(nodeId) ?? []), { state, leader }]);
    }
    if (unknownTopics.size > 0 && !this.#isRefreshing) void this.#refresh([...unknownTopics]);
    const shareBytes = Math.floor(this.#maxBytes / Math.max(1, groups.size));
    for (const [nodeId, group] of groups) {
      if (this.#busyNodes.has(nodeId) || nodesNotTaken.has(nodeId)) continue;
      void this.#fetch(nodeId, group, shareBytes);
    }
  }

  /** Undefined while nobody is known to lead. A topic that was created anew fails the partition. */
  #leaderOf(state: AssignedPartition): ClusterPartition | undefined {
    const topic = this.#core.metadata.topic(state.topic);
    if (!topic || state.hasFailed) return undefined;
    state.topicId ??= topic.topicId;
    if (state.topicId !== topic.topicId) {
      const detail = `expected topic id ${state.topicId}, got ${topic.topicId}: the topic was deleted and created again`;
      state.fail(new KafkaError(errorCodes.INCONSISTENT_TOPIC_ID, state.name, { detail }));
      return undefined;
    }
    const found = topic.partitions.find((candidate) => candidate.partition === state.partition);
    return found && found.leaderId >= 0 ? found : undefined;
  }

  /** Asks for the leaders of topics; partitions that have none afterwards wait, and fail when their topic stays away. */
  async #refresh(topics: string[]): Promise<void> {
    this.#isRefreshing = true;
    let isReached = false;
    try {
      await this.#core.refreshMetadata(topics, this.#closing.signal);
      isReached = true;
      for (const topic of topics) this.#trouble.recovered('MetadataRecovered', topic);
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#trouble.failed('MetadataRefreshFailed', topics, error);
    }
    this.#isRefreshing = false;
    for (const state of this.#assigned.values()) {
      if (topics.includes(state.topic)) this.#noteRefresh(state, isReached);
    }
    this.#waker.wake();
  }

  #noteRefresh(state: AssignedPartition, isReached: boolean): void {
    if (this.#leaderOf(state)) {
      state.missingSinceMs = null;
      return;
    }
    const nowMs = this.#core.clock.monotonicMs();
    state.retryLater(nowMs);
    const partitions = this.#core.metadata.topic(state.topic)?.partitions ?? [];
    const isThere = partitions.some(({ partition }) => partition === state.partition);
    if (!isReached || state.hasFailed || isThere) return;
    state.missingSinceMs ??= nowMs;
    if (nowMs - state.missingSinceMs < this.#missingTopicMs) return;
    const detail = `it has been missing for ${this.#missingTopicMs} ms`;
    state.fail(new KafkaError(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, state.name, { detail }));
  }

  /** KIP-320: after a change of leaders, is the record before our position still in the log? */
  async #validate(state: AssignedPartition, leader: ClusterPartition): Promise<void> {
    state.isBusy = true;
    try {
      const options = { signal: this.#closing.signal, lane: this.#lane };
      const end = await endOffsetForEpochOnce(this.#core, state.topic, leader, state.positionEpoch, options);
      if (end && end.endOffset < state.position) state.failTruncated(end.endOffset);
      else state.validatedEpoch = leader.leaderEpoch;
    } catch (error) {
      this.#noteFailure([state], error);
    }
    state.isBusy = false;
    this.#waker.wake();
  }

  async #fetch(nodeId: number, group: AskedPartition[], shareBytes: number): Promise<void> {
    this.#busyNodes.add(nodeId);
    for (const { state } of group) state.isBusy = true;
    group.sort((a, b) => a.state.servedAt - b.state.servedAt);
    const message = fetchMessage(group, {
      maxWaitMs: this.#maxWaitMs,
      minBytes: this.#minBytes,
      maxBytes: shareBytes,
      maxPartitionBytes: Math.min(this.#maxPartitionBytes, shareBytes),
      isolation: this.#isolation,
      rack: this.#core.rack,
    });
    try {
      const response = await this.#core.request(nodeId, apiKeys.Fetch, message, {
        lane: this.#lane,
        signal: this.#closing.signal,
        timeoutMs: this.#maxWaitMs + this.#core.requestTimeoutMs,
      });
      throwIfError(response.errorCode, `Fetch from node ${nodeId}`);
      for (const { asked, data } of matchAnswers(group, response)) this.#takeAnswer(nodeId, asked, data);
    } catch (error) {
      this.#noteFailure(
        group.map(({ state }) => state),
        error,
      );
    }
    for (const { state } of group) state.isBusy = false;
    this.#busyNodes.delete(nodeId);
    this.#waker.wake();
  }

  #takeAnswer(nodeId: number, { state, leader }: AskedPartition, data: FetchResponsePartitionData): void {
    if (data.errorCode !== errorCodes.NONE) {
      this.#noteErrorCode(state, data.errorCode, nodeId !== leader.leaderId);
      return;
    }
    this.#trouble.recovered('FetchRecovered', state.name);
    if (data.preferredReadReplica >= 0 && data.preferredReadReplica !== nodeId) {
      const untilMs = this.#core.clock.monotonicMs() + READ_REPLICA_MAX_AGE_MS;
      state.readReplica = { nodeId: data.preferredReadReplica, untilMs };
      return;
    }
    state.highWatermark = data.highWatermark;
    state.lastStableOffset = data.lastStableOffset;
    state.logStartOffset = data.logStartOffset;
    try {
      const batches = readBatches(data, state.position, `Fetch of ${state.name} at ${state.position}`);
      if (batches.length > 0) state.servedAt = ++this.#servedCount;
      state.hold(batches, leader.leaderEpoch);
    } catch (error) {
      if (!isKafkaError(error)) throw error;
      state.fail(error);
    }
  }

  /** What a follower says about offsets may only mean that it lags behind: the leader is asked before anything is believed. */
  #noteErrorCode(state: AssignedPartition, code: number, isFromFollower: boolean): void {
    const error = new KafkaError(code, `Fetch of ${state.name} at ${state.position}`);
    if (isFromFollower || transientErrors.has(code)) this.#noteFailure([state], error);
    else state.fail(error);
  }

  /** Nothing is known any more about where these partitions are led; they wait a moment and look again. */
  #noteFailure(states: readonly AssignedPartition[], error: unknown): void {
    if (this.#closing.signal.aborted) return;
    const nowMs = this.#core.clock.monotonicMs();
    for (const state of states) {
      state.readReplica = null;
      state.retryLater(nowMs);
    }
    this.#core.metadata.forget(states.map(({ topic }) => topic));
    this.#trouble.failed(
      'FetchFailed',
      states.map(({ name }) => name),
      error,
    );
  }
}
