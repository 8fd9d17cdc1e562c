/**
 * The asynchronous half of an append: writes groups, rolls segments, syncs, raises the high watermark. Driven by GroupCommit.
 *
 * The old segment of a roll is synced before the new one exists, and the new one's directory entry before anything is written to
 * it; so after a crash every segment but the last is whole. A full disk takes back, in memory and on disk, the group that
 * did not fit and everything behind it, and the log goes on; every other failure is thrown to GroupCommit and is final.
 */
import { faultPoint } from '../../shared/index.ts';
import type { AppendGroup } from './append-group.ts';
import { GroupAppendResult } from './group-append-result.ts';
import type { CommitMember } from './group-commit.ts';
import type { LogContext } from './log-context.ts';
import { isDiskFull, LogError } from './log-error.ts';
import type { LogSegment } from './log-segment.ts';
import type { AppendResult } from './log-types.ts';
import type { PartitionState } from './partition-state.ts';
import type { ProducerBatch } from './producer-state.ts';
import { SegmentSealer } from './segment-sealer.ts';

export class PartitionWriter implements CommitMember {
  readonly #state: PartitionState;
  readonly #context: LogContext;
  readonly sealer: SegmentSealer;
  readonly #requestSync = (group: AppendGroup): void => {
    if (group.isSyncRequested) return;
    group.isSyncRequested = true;
    this.scheduleIfUnsynced();
  };
  /** Not yet handed to the operating system; the last one may still be forming. */
  #pending: AppendGroup[] = [];
  /** Written, not synced; all in one segment. */
  #unsynced: AppendGroup[] = [];

  constructor(state: PartitionState, context: LogContext) {
    this.#state = state;
    this.#context = context;
    this.sealer = new SegmentSealer(context);
  }

  /** The group that still takes appends, or null. */
  get formingGroup(): AppendGroup | null {
    const last = this.#pending.at(-1);
    return last?.isForming ? last : null;
  }

  get hasPending(): boolean {
    return this.#pending.length > 0;
  }

  get hasUnsynced(): boolean {
    return this.#unsynced.length > 0;
  }

  /** On the monotonic clock; infinite when nothing waits. */
  get unsyncedSinceMs(): number {
    return this.#unsynced[0]?.writtenMs ?? Number.POSITIVE_INFINITY;
  }

  get isSyncWanted(): boolean {
    return this.hasUnsynced && (this.#state.hasWaiters || this.#unsynced.some((group) => group.isSyncRequested));
  }

  /** Everything below it was synced, and the indexes of the segments that end below it. */
  get recoveryPoint(): bigint {
    const unsealed = this.sealer.firstUnsealedOffset;
    return unsealed !== null && unsealed < this.#state.highWatermark ? unsealed : this.#state.highWatermark;
  }

  enqueue(group: AppendGroup): void {
    this.#pending.push(group);
  }

  notePending(sizeBytes: number): void {
    this.#context.commit.notePending(sizeBytes);
    this.#context.commit.schedule(this);
  }

  /** Somebody waits for what is not synced yet. */
  scheduleIfUnsynced(): void {
    if (this.hasPending || this.hasUnsynced) this.#context.commit.schedule(this);
  }

  result(group: AppendGroup, baseOffset: bigint, logAppendTimeMs: bigint): AppendResult {
    const { logEndOffset, logStartOffset } = this.#state;
    const lastOffset = logEndOffset - 1n;
    const answer = { baseOffset, lastOffset, logAppendTimeMs, logStartOffset, isDuplicate: false };
    return new GroupAppendResult(answer, group, this.#requestSync);
  }

  /** The answer to a retry: it waits for the original, which may be on its way to the disk. */
  duplicateResult({ baseOffset, lastOffset, logAppendTimeMs }: ProducerBatch): AppendResult {
    const original = [...this.#unsynced, ...this.#pending].find((group) => group.nextOffset > lastOffset);
    const { logStartOffset } = this.#state;
    const answer = { baseOffset, lastOffset, logAppendTimeMs, logStartOffset, isDuplicate: true };
    return new GroupAppendResult(answer, original ?? null, this.#requestSync);
  }

  writeNext(): Promise<void> {
    return this.#state.writes.run(() => this.#writeNext());
  }

  sync(): Promise<void> {
    return this.#state.writes.run(() => this.#sync());
  }

  /** Rejects whatever waits. Nothing more is written. */
  rejectAll(error: LogError): void {
    this.#context.commit.notePending(-sum(this.#pending));
    this.#context.commit.noteUnsynced(-sum(this.#unsynced));
    for (const group of [...this.#unsynced, ...this.#pending]) group.reject(error);
    this.#pending = [];
    this.#unsynced = [];
  }

  async #writeNext(): Promise<void> {
    const group = this.#pending[0];
    if (!group) return;
    group.isForming = false;
    faultPoint('log.before-write');
    try {
      if (group.start.rollSnapshot) await this.#roll(group.start.segment, group.start.rollSnapshot);
      await this.#write(group);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      await this.#takeBack(group, error);
      return;
    }
    // A log that was stopped meanwhile has rejected its groups already.
    if (this.#pending[0] !== group) return;
    this.#pending.shift();
    this.#unsynced.push(group);
    this.#noteWritten(group);
  }

  async #write(group: AppendGroup): Promise<void> {
    const { segment, segmentMark } = group.start;
    if (group.sizeBytes === 0) return;
    segment.file ??= await this.#context.fileSystem.open(segment.path('.log'), 'write');
    const views = group.writes.map(({ chunk, from, to }) => chunk.view(from, to));
    await segment.file.write(views, segmentMark.sizeBytes);
    // Only where syncs are waited for: others are rare and large.
    if (!group.isSyncRequested && !this.#state.hasWaiters) return;
    await this.#context.preallocation.extend(
      segment,
      segmentMark.sizeBytes + group.sizeBytes,
      this.#state.config.segmentBytes,
    );
  }

  #noteWritten(group: AppendGroup): void {
    faultPoint('log.after-write');
    group.writtenMs = this.#context.clock.monotonicMs();
    for (const { chunk, to } of group.writes) chunk.noteWritten(to);
    this.#context.commit.notePending(-group.sizeBytes);
    this.#context.commit.noteUnsynced(group.sizeBytes);
    group.written.resolve();
  }

  async #sync(): Promise<void> {
    const groups = this.#unsynced;
    if (groups.length === 0) return;
    const { file } = groups.at(-1)!.start.segment;
    if (file) await file.datasync();
    faultPoint('log.after-sync');
    if (this.#unsynced === groups) this.#noteSynced();
  }

  #noteSynced(): void {
    const groups = this.#unsynced;
    this.#unsynced = [];
    this.#context.commit.noteUnsynced(-sum(groups));
    for (const group of groups) {
      group.start.segment.visibleBytes = group.start.segmentMark.sizeBytes + group.sizeBytes;
      for (const { chunk, to, nextOffset } of group.writes) chunk.noteVisible(to, nextOffset);
    }
    this.#state.raiseHighWatermark(groups.at(-1)!.nextOffset);
    for (const group of groups) group.durable.resolve();
  }

  async #roll(segment: LogSegment, snapshot: Buffer): Promise<void> {
    await this.#sync();
    const { fileSystem, logger } = this.#context;
    await this.#context.files.forget(segment.path('.log'));
    segment.file = await fileSystem.open(segment.path('.log'), 'create');
    faultPoint('log.mid-roll');
    await fileSystem.syncDirectory(segment.directory);
    const old = this.#state.segments[this.#state.segments.indexOf(segment) - 1]!;
    this.sealer.seal(old, { offset: segment.baseOffset, bytes: snapshot });
    const { topic, partition } = this.#state.identity;
    logger.debug({ topic, partition, baseOffset: segment.baseOffset }, 'SegmentRolled');
  }

  /** Undoes, newest first, the group that did not fit and everything behind it: their offsets will be given again. */
  async #takeBack(group: AppendGroup, error: unknown): Promise<void> {
    const rejected = this.#pending;
    this.#pending = [];
    const { segment, segmentMark, tailMark, baseOffset, rollSnapshot } = group.start;
    for (const undo of rejected.flatMap((other) => other.undos).reverse()) this.#state.producers.undo(undo);
    const isOnDisk = segment.file !== null || rollSnapshot === null;
    this.#state.dropSegmentsFrom(isOnDisk ? segment.baseOffset + 1n : segment.baseOffset);
    this.#state.tail.restore(tailMark, baseOffset);
    if (isOnDisk) segment.restore(segmentMark);
    this.#state.logEndOffset = baseOffset;
    this.#context.commit.notePending(-sum(rejected));
    const { topic, partition } = this.#state.identity;
    this.#context.logger.error({ topic, partition, baseOffset, rejectedBytes: sum(rejected) }, 'AppendFailedDiskFull');
    try {
      await segment.file?.truncate(segmentMark.sizeBytes);
      segment.allocatedBytes = segmentMark.sizeBytes;
    } finally {
      const message = `no space left for ${topic}-${partition} in ${segment.directory}: free some, or lower its retention`;
      const refusal = new LogError('KAFKA_STORAGE_ERROR', message, { cause: error });
      for (const other of rejected) other.reject(refusal);
    }
  }
}

function sum(groups: AppendGroup[]): number {
  return groups.reduce((total, group) => total + group.sizeBytes, 0);
}
