/**
 * What the parts of one partition's log (appender, writer, reader, retention) share. Offsets obey
 *
 *   logStartOffset <= highWatermark <= logEndOffset,   segments sorted by base offset, the last one active.
 *
 * Changes are made synchronously. What takes several steps on disk goes one at a time: writes, rolls and syncs in `writes`, removals
 * from the front in `removals`. The two do not meet: one changes the last segment, the other never touches it.
 */
import type { LogError } from './log-error.ts';
import type { LogSegment } from './log-segment.ts';
import type { TopicConfig } from './log-types.ts';
import type { ProducerState } from './producer-state.ts';
import { ReadGate } from './read-gate.ts';
import { Serial } from './serial.ts';
import type { PartitionTail } from './tail-cache.ts';

export interface PartitionIdentity {
  topic: string;
  partition: number;
  topicId: string;
  /** The folder `<topic>-<partition>`: its name and its path. */
  directoryName: string;
  directory: string;
}

export interface PartitionStateOptions {
  identity: PartitionIdentity;
  config: TopicConfig;
  segments: LogSegment[];
  producers: ProducerState;
  tail: PartitionTail;
  logStartOffset: bigint;
  logEndOffset: bigint;
  leaderEpoch: number;
  cleanedTo?: bigint;
}

interface Waiter {
  offset: bigint;
  wake: () => void;
}

export class PartitionState {
  readonly identity: PartitionIdentity;
  readonly writes = new Serial();
  readonly removals = new Serial();
  /** Around every use of segment files by readers. */
  readonly fileReads = new ReadGate();
  readonly tail: PartitionTail;
  readonly leaderEpoch: number;
  readonly producers: ProducerState;
  config: TopicConfig;
  segments: LogSegment[];
  logStartOffset: bigint;
  logEndOffset: bigint;
  /** Offset up to which compaction has seen the log; records behind it are new to it. */
  cleanedTo: bigint;
  #highWatermark: bigint;
  #stopped: LogError | null = null;
  #appendsRefused: LogError | null = null;
  readonly #waiters = new Set<Waiter>();

  constructor(options: PartitionStateOptions) {
    this.identity = options.identity;
    this.config = options.config;
    this.segments = options.segments;
    this.producers = options.producers;
    this.tail = options.tail;
    this.logStartOffset = options.logStartOffset;
    this.logEndOffset = options.logEndOffset;
    this.leaderEpoch = options.leaderEpoch;
    this.cleanedTo = options.cleanedTo ?? 0n;
    this.#highWatermark = options.logEndOffset;
  }

  get highWatermark(): bigint {
    return this.#highWatermark;
  }

  get active(): LogSegment {
    return this.segments[this.segments.length - 1]!;
  }

  get hasWaiters(): boolean {
    return this.#waiters.size > 0;
  }

  get isStopped(): boolean {
    return this.#stopped !== null;
  }

  /** Throws what the log was stopped with: deleted, closed, or failed. */
  assertServing(): void {
    if (this.#stopped) throw this.#stopped;
  }

  assertAppending(): void {
    const refusal = this.#stopped ?? this.#appendsRefused;
    if (refusal) throw refusal;
  }

  refuseAppends(reason: LogError): void {
    this.#appendsRefused ??= reason;
  }

  /** Nothing is served from now on; readers that wait are woken to find out. */
  stop(reason: LogError): void {
    this.#stopped ??= reason;
    this.#wake(() => true);
  }

  raiseHighWatermark(offset: bigint): void {
    if (offset <= this.#highWatermark) return;
    this.#highWatermark = offset;
    this.#wake((waiter) => waiter.offset < offset);
  }

  /** `wake` is called once, never from within this call. Returns an unsubscribe. */
  onceHighWatermarkPasses(offset: bigint, wake: () => void): () => void {
    const waiter = { offset, wake };
    this.#waiters.add(waiter);
    if (this.#stopped || offset < this.#highWatermark) queueMicrotask(() => this.#wake((other) => other === waiter));
    return () => this.#waiters.delete(waiter);
  }

  /** The segment that holds (or would hold) the offset, which must not be below the first one's base. */
  segmentIndexOf(offset: bigint): number {
    let low = 0;
    let high = this.segments.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.segments[middle]!.baseOffset <= offset) low = middle;
      else high = middle;
    }
    return low;
  }

  /** Offset behind the last record of `segments[index]`. */
  nextOffsetOfSegment(index: number): bigint {
    return this.segments[index + 1]?.baseOffset ?? this.logEndOffset;
  }

  /** Puts one segment in the place of several that follow each other. */
  replaceSegments(sources: readonly LogSegment[], replacement: LogSegment): void {
    const index = this.segments.indexOf(sources[0]!);
    this.segments = this.segments.toSpliced(index, sources.length, replacement);
  }

  /** Forgets `segments` from the first one on that begins at or above `offset`, which must leave one. */
  dropSegmentsFrom(offset: bigint): void {
    this.segments = this.segments.filter((segment) => segment.baseOffset < offset);
  }

  #wake(isDue: (waiter: Waiter) => boolean): void {
    for (const waiter of [...this.#waiters]) {
      if (isDue(waiter) && this.#waiters.delete(waiter)) waiter.wake();
    }
  }
}
