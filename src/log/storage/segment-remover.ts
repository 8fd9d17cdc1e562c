/**
 * Removes the beginning of a log: expired segments, and what DeleteRecords gave up. A segment goes by renaming its log file to
 * `.deleted` and syncing the folder, oldest first and one at a time, so that a crash can neither bring back a
 * record whose removal was seen nor leave a gap; this needs no space on a full disk. Readers inside the segment finish.
 */

import { join } from 'node:path';
import { faultPoint } from '../../shared/index.ts';
import type { PartitionCheckpoint } from './checkpoint-file.ts';
import { removeFileIfThere } from './durable-file.ts';
import type { LogContext } from './log-context.ts';
import { isDiskFull, LogError } from './log-error.ts';
import type { LogSegment } from './log-segment.ts';
import { deletedSuffix, offsetFileName, snapshotSuffix } from './names.ts';
import type { PartitionState } from './partition-state.ts';
import type { DueSegment, SegmentPin } from './segment-pin.ts';
import type { SegmentSealer } from './segment-sealer.ts';

export class SegmentRemover {
  readonly #state: PartitionState;
  readonly #sealer: SegmentSealer;
  readonly #context: LogContext;
  readonly #pin: SegmentPin;

  constructor(state: PartitionState, sealer: SegmentSealer, context: LogContext, pin: SegmentPin) {
    this.#pin = pin;
    this.#state = state;
    this.#sealer = sealer;
    this.#context = context;
  }

  /** Durable before anybody can see it. Throws LogError OFFSET_OUT_OF_RANGE above the high watermark. */
  async advanceLogStart(offset: bigint): Promise<void> {
    this.#state.assertServing();
    const { highWatermark, identity } = this.#state;
    if (offset > highWatermark || offset < 0n) {
      const message = `expected a new log start of at most ${highWatermark} for ${identity.directoryName}, got ${offset}`;
      throw new LogError('OFFSET_OUT_OF_RANGE', message);
    }
    await this.#state.removals.run(async () => {
      if (offset <= this.#state.logStartOffset) return;
      await this.#checkpointLogStart(offset);
      if (offset > this.#state.logStartOffset) this.#state.logStartOffset = offset;
      await this.#removeWhile((_segment, nextOffset) => nextOffset <= this.#state.logStartOffset);
    });
  }

  async removeExpired(nowMs: number): Promise<void> {
    await this.#state.removals.run(async () => {
      await this.#sealer.idle();
      let left = this.#pin.countRemovable(await this.#dueSegments(nowMs));
      await this.#removeWhile(() => left-- > 0);
    });
  }

  /** From the oldest on, as long as retention has done with them. */
  async #dueSegments(nowMs: number): Promise<DueSegment[]> {
    const { retentionBytes } = this.#state.config;
    let surplus = retentionBytes < 0 ? 0 : this.#totalBytes() - retentionBytes;
    const due: DueSegment[] = [];
    for (const [index, segment] of [...this.#state.segments].entries()) {
      const nextOffset = this.#state.nextOffsetOfSegment(index);
      if (!segment.isSealed || nextOffset > this.#state.highWatermark) break;
      const isSurplus = retentionBytes >= 0 && surplus >= segment.sizeBytes;
      const isBelowStart = nextOffset <= this.#state.logStartOffset;
      if (!isSurplus && !isBelowStart && !(await this.#isExpired(segment, nextOffset, nowMs))) break;
      surplus -= segment.sizeBytes;
      due.push({ segment, nextOffset });
    }
    return due;
  }

  async isActiveSegmentExpired(nowMs: number): Promise<boolean> {
    const { active, logEndOffset, highWatermark } = this.#state;
    return active.sizeBytes > 0 && logEndOffset === highWatermark && this.#isExpired(active, logEndOffset, nowMs);
  }

  /** A record dated in the future must not keep a segment for ever, hence the time of the last write as an upper bound. */
  async #isExpired(segment: LogSegment, nextOffset: bigint, nowMs: number): Promise<boolean> {
    const { retentionMs } = this.#state.config;
    if (retentionMs < 0) return false;
    if (segment.maxTimestampMs === null) await this.#context.indexes.indexesOf(segment, nextOffset);
    const largestMs = segment.maxTimestampMs! < 0n ? Number.POSITIVE_INFINITY : Number(segment.maxTimestampMs);
    const modifiedMs = (await this.#context.fileSystem.stat(segment.path('.log')))?.modifiedMs ?? nowMs;
    return nowMs - Math.min(largestMs, modifiedMs) > retentionMs;
  }

  async #removeWhile(isDue: (segment: LogSegment, nextOffset: bigint) => boolean | Promise<boolean>): Promise<void> {
    await this.#sealer.idle();
    const removed: LogSegment[] = [];
    // The active segment is not sealed, nor is its predecessor until the roll is durable: there is always one on disk.
    for (;;) {
      const segment = this.#state.segments[0]!;
      const nextOffset = this.#state.nextOffsetOfSegment(0);
      if (
        this.#state.isStopped ||
        !segment.isSealed ||
        nextOffset > this.#state.highWatermark ||
        !(await isDue(segment, nextOffset))
      )
        break;
      await this.#remove(segment, nextOffset);
      removed.push(segment);
    }
    for (const segment of removed) await this.#removeFiles(segment);
  }

  async #remove(segment: LogSegment, nextOffset: bigint): Promise<void> {
    const { fileSystem, files, indexes, logger } = this.#context;
    const path = segment.path('.log');
    await fileSystem.rename(path, path + deletedSuffix);
    faultPoint('log.mid-retention');
    await fileSystem.syncDirectory(segment.directory);
    this.#state.segments = this.#state.segments.filter((other) => other !== segment);
    if (nextOffset > this.#state.logStartOffset) this.#state.logStartOffset = nextOffset;
    indexes.forget(segment);
    await files.forget(path);
    const { topic, partition } = this.#state.identity;
    logger.info({ topic, partition, baseOffset: segment.baseOffset, sizeBytes: segment.sizeBytes }, 'SegmentDeleted');
  }

  async #removeFiles(segment: LogSegment): Promise<void> {
    const { fileSystem } = this.#context;
    await removeFileIfThere(fileSystem, segment.path('.log') + deletedSuffix);
    await removeFileIfThere(fileSystem, segment.path('.index'));
    await removeFileIfThere(fileSystem, segment.path('.timeindex'));
    await removeFileIfThere(fileSystem, join(segment.directory, offsetFileName(segment.baseOffset, snapshotSuffix)));
  }

  async #checkpointLogStart(logStartOffset: bigint): Promise<void> {
    const { checkpoints } = this.#context;
    const { directoryName, topicId } = this.#state.identity;
    const former = checkpoints.get(directoryName, topicId) ?? this.#firstCheckpoint();
    checkpoints.set(directoryName, { ...former, logStartOffset });
    try {
      await checkpoints.write();
    } catch (error) {
      checkpoints.set(directoryName, former);
      if (!isDiskFull(error)) throw error;
      throw new LogError('KAFKA_STORAGE_ERROR', `no space left to note the new log start of ${directoryName}`, {
        cause: error,
      });
    }
  }

  #firstCheckpoint(): PartitionCheckpoint {
    const { logStartOffset, leaderEpoch, cleanedTo, identity } = this.#state;
    return { topicId: identity.topicId, logStartOffset, recoveryPoint: 0n, leaderEpoch, cleanedTo };
  }

  #totalBytes(): number {
    return this.#state.segments.reduce((total, segment) => total + segment.sizeBytes, 0);
  }
}
