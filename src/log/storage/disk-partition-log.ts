/** The log of one partition on disk: the face that the broker sees, over appender, writer, reader and retention. */
import { BatchAppender } from './batch-appender.ts';
import { LogCleaner } from './log-cleaner.ts';
import type { LogContext } from './log-context.ts';
import type { LogError } from './log-error.ts';
import type { AppendResult, PartitionLog, ProducerDescription, ReadResult, TopicConfig } from './log-types.ts';
import { PartitionReader } from './partition-reader.ts';
import type { PartitionState } from './partition-state.ts';
import { PartitionWriter } from './partition-writer.ts';
import { encodeProducerSnapshot } from './producer-snapshot.ts';
import { SegmentPin } from './segment-pin.ts';
import { SegmentRemover } from './segment-remover.ts';

export class DiskPartitionLog implements PartitionLog {
  readonly #state: PartitionState;
  readonly #context: LogContext;
  readonly #writer: PartitionWriter;
  readonly #appender: BatchAppender;
  readonly #reader: PartitionReader;
  readonly #remover: SegmentRemover;
  readonly #cleaner: LogCleaner;
  readonly #pin: SegmentPin;

  constructor(state: PartitionState, context: LogContext) {
    this.#state = state;
    this.#context = context;
    this.#writer = new PartitionWriter(state, context);
    this.#pin = new SegmentPin(state, context);
    this.#appender = new BatchAppender(state, this.#writer, context, this.#pin);
    this.#reader = new PartitionReader(state, context);
    this.#remover = new SegmentRemover(state, this.#writer.sealer, context, this.#pin);
    this.#cleaner = new LogCleaner(state, this.#writer.sealer, context);
  }

  get topic(): string {
    return this.#state.identity.topic;
  }

  get partition(): number {
    return this.#state.identity.partition;
  }

  get topicId(): string {
    return this.#state.identity.topicId;
  }

  get directoryName(): string {
    return this.#state.identity.directoryName;
  }

  get directory(): string {
    return this.#state.identity.directory;
  }

  get logStartOffset(): bigint {
    return this.#state.logStartOffset;
  }

  get logEndOffset(): bigint {
    return this.#state.logEndOffset;
  }

  get highWatermark(): bigint {
    return this.#state.highWatermark;
  }

  /** The high watermark, as there are no transactions. */
  get lastStableOffset(): bigint {
    return this.#state.highWatermark;
  }

  get leaderEpoch(): number {
    return this.#state.leaderEpoch;
  }

  get sizeBytes(): number {
    return this.#state.segments.reduce((total, segment) => total + segment.sizeBytes, 0);
  }

  get pinnedFrom(): bigint | null {
    return this.#pin.landedTo;
  }

  append(records: Buffer): AppendResult {
    return this.#appender.append(records);
  }

  read(offset: bigint, maxBytes: number): Promise<ReadResult> {
    return this.#reader.read(offset, maxBytes);
  }

  offsetForTimestamp(timestampMs: bigint): Promise<{ offset: bigint; timestampMs: bigint } | null> {
    return this.#reader.offsetForTimestamp(timestampMs);
  }

  offsetOfMaxTimestamp(): Promise<{ offset: bigint; timestampMs: bigint } | null> {
    return this.#reader.offsetOfMaxTimestamp();
  }

  onceHighWatermarkPasses(offset: bigint, wake: () => void): () => void {
    const unsubscribe = this.#state.onceHighWatermarkPasses(offset, wake);
    this.#writer.scheduleIfUnsynced();
    return unsubscribe;
  }

  async endOfEpoch(leaderEpoch: number): Promise<{ leaderEpoch: number; endOffset: bigint } | null> {
    if (leaderEpoch > this.#state.leaderEpoch) return null;
    if (leaderEpoch === this.#state.leaderEpoch) return { leaderEpoch, endOffset: this.#state.highWatermark };
    return this.#reader.endOfEpoch(leaderEpoch);
  }

  async describeProducers(): Promise<ProducerDescription[]> {
    this.#state.assertServing();
    const { logEndOffset } = this.#state;
    if (logEndOffset > this.#state.highWatermark) {
      await new Promise<void>((resolve) => this.onceHighWatermarkPasses(logEndOffset - 1n, resolve));
      this.#state.assertServing();
    }
    return this.#state.producers.describe(this.#state.highWatermark);
  }

  advanceLogStart(offset: bigint): Promise<void> {
    return this.#remover.advanceLogStart(offset);
  }

  /** Removes whole segments by age and size; then rolls, if all that the active one holds has expired, and removes that too. */
  async applyRetention(nowMs: number): Promise<void> {
    if (this.#state.isStopped || this.#state.config.cleanupPolicy === 'compact') return;
    // First what needs no space: a full disk may have no room for the new segment of a roll.
    await this.#remover.removeExpired(nowMs);
    if (!(await this.#remover.isActiveSegmentExpired(nowMs))) return;
    const group = this.#appender.roll();
    group.isSyncRequested = true;
    await group.durable.promise;
    await this.#remover.removeExpired(nowMs);
  }

  clean(nowMs: number, signal: AbortSignal): Promise<void> {
    return this.#cleaner.clean(nowMs, signal);
  }

  get isStopped(): boolean {
    return this.#state.isStopped;
  }

  expireProducers(olderThanMs: number): void {
    this.#state.producers.expire(olderThanMs);
  }

  changeConfig(config: TopicConfig): void {
    this.#state.config = config;
  }

  /** Hands what a restart must know to the checkpoint file, which is written later. */
  noteCheckpoint(): void {
    const { identity, logStartOffset, leaderEpoch } = this.#state;
    const { directoryName, topicId } = identity;
    // A new log start is in the checkpoint before it is in the state: it must not be taken back in between.
    const noted = this.#context.checkpoints.get(directoryName, topicId)?.logStartOffset ?? 0n;
    this.#context.checkpoints.set(directoryName, {
      topicId,
      logStartOffset: noted > logStartOffset ? noted : logStartOffset,
      recoveryPoint: this.#writer.recoveryPoint,
      leaderEpoch,
      cleanedTo: this.#state.cleanedTo,
    });
  }

  /** Readers go on, and what was appended is still written. */
  refuseAppends(reason: LogError): void {
    this.#state.refuseAppends(reason);
  }

  /** Refuses everything from now on and rejects what waits. */
  stop(reason: LogError): void {
    this.#state.stop(reason);
    this.#writer.rejectAll(reason);
    this.#state.tail.clear();
  }

  /** After the last sync of a clean shutdown: writes indexes and producer state of the active segment, closes the files. */
  async seal(): Promise<void> {
    const { active, logEndOffset, producers } = this.#state;
    await this.#writer.sealer.idle();
    if (active.sizeBytes === 0 || active.isAsClosed) return;
    this.#writer.sealer.seal(active, { offset: logEndOffset, bytes: encodeProducerSnapshot(logEndOffset, producers) });
    await this.#writer.sealer.idle();
  }

  /** Waits for what is under way on disk and closes the files; the log must be stopped. */
  async closeFiles(): Promise<void> {
    await this.#state.writes.run(async () => {});
    await this.#cleaner.idle();
    await this.#state.removals.run(async () => {});
    await this.#writer.sealer.idle();
    for (const segment of this.#state.segments) {
      await segment.file?.close();
      segment.file = null;
      this.#context.indexes.forget(segment);
      await this.#context.files.forget(segment.path('.log'));
    }
  }
}
