import { zeroUuid } from '../index.ts';
import { BackOff } from './back-off.ts';
import type { FetchedBatch, FetchedPartition } from './fetched-partition.ts';
import { type KafkaError, LogTruncatedError } from './kafka-error.ts';

export interface AssignOptions {
  /** Leader epoch of the record before the offset: the position is checked against the leader's log first (KIP-320). */
  leaderEpoch?: number | undefined;
  /** The topic's id; meeting another one is an error of the partition. */
  topicId?: string | undefined;
}

/**
 * What a BatchFetcher knows of one partition. The object is the assignment: an answer that was asked for on behalf of
 * another object does not count. At most one of busy, held and failed is true; only otherwise it is fetched.
 */
export class AssignedPartition {
  readonly topic: string;
  readonly partition: number;
  /** What the topic must be, known from the assignment or from the first look at the metadata. */
  topicId: string | null;
  /** The next offset to fetch. */
  position: bigint;
  /** Leader epoch of the record before `position`; -1: not known, so it cannot be validated. */
  positionEpoch: number;
  /** The leader epoch for which the position was last found to be in the leader's log; -1: none yet. */
  validatedEpoch = -1;
  /** The replica that the leader pointed us to because it is closer (KIP-392), and until when (monotonic ms). */
  readReplica: { nodeId: number; untilMs: number } | null = null;
  isPaused = false;
  /** A fetch or a validation is under way. */
  isBusy = false;
  /** Fetched, or failed, and not yet handed over. */
  held: FetchedPartition | null = null;
  hasFailed = false;
  /** Monotonic time before which it is left alone, after an error that is worth another try. */
  retryAtMs = 0;
  /** Monotonic time since which its topic has been missing; null while it is there. */
  missingSinceMs: number | null = null;
  /** Counts up; the partition that was served longest ago is asked for first. */
  servedAt = 0;
  highWatermark = -1n;
  lastStableOffset = -1n;
  logStartOffset = -1n;
  readonly #backOff: BackOff;

  constructor(topic: string, partition: number, position: bigint, options: AssignOptions, random: () => number) {
    this.topic = topic;
    this.partition = partition;
    this.position = position;
    this.topicId = options.topicId ?? null;
    this.positionEpoch = options.leaderEpoch ?? -1;
    this.#backOff = new BackOff({ firstMs: 100, maxMs: 1000, random });
  }

  get name(): string {
    return `${this.topic}-${this.partition}`;
  }

  isFetchable(nowMs: number): boolean {
    return !this.isPaused && !this.isBusy && !this.held && !this.hasFailed && this.retryAtMs <= nowMs;
  }

  needsValidation(leaderEpoch: number): boolean {
    return this.positionEpoch >= 0 && this.validatedEpoch !== leaderEpoch;
  }

  /** The node to fetch from: the leader, or the replica that it named. */
  sourceOf(leaderId: number, nowMs: number): number {
    if (this.readReplica && this.readReplica.untilMs <= nowMs) this.readReplica = null;
    return this.readReplica?.nodeId ?? leaderId;
  }

  /** Keeps batches for `poll` and moves the position past them. `leaderEpoch` is the epoch in which the leader answered. */
  hold(batches: FetchedBatch[], leaderEpoch: number): void {
    const last = batches.at(-1)?.header;
    this.#backOff.reset();
    if (!last) return;
    const fetchOffset = this.position;
    this.position = last.lastOffset + 1n;
    if (last.leaderEpoch >= 0) this.positionEpoch = last.leaderEpoch;
    this.validatedEpoch = leaderEpoch;
    this.held = this.#result(fetchOffset, batches, null);
  }

  /** Ends the fetching of this partition; `poll` will tell. */
  fail(error: KafkaError | LogTruncatedError): void {
    this.hasFailed = true;
    this.held = this.#result(this.position, [], error);
  }

  /** `endOffset`: where the log ends in which the position's epoch was written; negative when that is unknown. */
  failTruncated(endOffset: bigint): void {
    const diverging = endOffset < 0n ? null : endOffset;
    this.fail(new LogTruncatedError(this.topic, this.partition, this.position, this.positionEpoch, diverging));
  }

  retryLater(nowMs: number): void {
    this.retryAtMs = nowMs + this.#backOff.nextMs();
  }

  #result(fetchOffset: bigint, batches: FetchedBatch[], error: FetchedPartition['error']): FetchedPartition {
    return {
      topic: this.topic,
      topicId: this.topicId ?? zeroUuid,
      partition: this.partition,
      fetchOffset,
      batches,
      nextOffset: this.position,
      highWatermark: this.highWatermark,
      lastStableOffset: this.lastStableOffset,
      logStartOffset: this.logStartOffset,
      leaderEpoch: this.positionEpoch,
      error,
    };
  }
}
