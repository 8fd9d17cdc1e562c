/**
 * Opens the folder of one partition and makes its segments true again.
 *
 * After a clean shutdown only the end of the last segment is looked at. After a crash every segment from the recovery point
 * on is scanned, byte for byte; the log is cut at the first bad batch, later segments are dropped, indexes and producer state
 * are made anew, and all of it is synced before anything is served: what a reader is shown must survive the next power loss
 * (KAFKA-10101). Every step can be repeated, so a crash during recovery only means to recover again.
 */
import { join } from 'node:path';
import { batchOverheadBytes, readBatchHeader } from './batch-bytes.ts';
import { checkIndexes, readExactly } from './batch-location.ts';
import { removeFileIfThere, temporarySuffix } from './durable-file.ts';
import type { LogContext } from './log-context.ts';
import { LogError } from './log-error.ts';
import { LogSegment, newIndexes } from './log-segment.ts';
import type { TopicConfig } from './log-types.ts';
import { deletedSuffix, offsetFileName, parseOffsetFileName, segmentSuffixes, snapshotSuffix } from './names.ts';
import { type PartitionIdentity, PartitionState } from './partition-state.ts';
import { replayProducers } from './producer-replay.ts';
import type { ProducerState } from './producer-state.ts';
import { hasSequence } from './producer-state.ts';
import { scanSegment } from './segment-scan.ts';
import { syncDirectoryOrFail, syncOrFail } from './sync-or-fail.ts';
import { PartitionTail } from './tail-cache.ts';

export interface OpenPartitionOptions {
  identity: PartitionIdentity;
  config: TopicConfig;
  context: LogContext;
  wasCleanShutdown: boolean;
}

export async function openPartition(options: OpenPartitionOptions): Promise<PartitionState> {
  return new PartitionRecovery(options).run();
}

interface OpenedLog {
  logEndOffset: bigint;
  producers: ProducerState;
}

class PartitionRecovery {
  readonly #identity: PartitionIdentity;
  readonly #config: TopicConfig;
  readonly #context: LogContext;
  readonly #wasCleanShutdown: boolean;
  #segments: LogSegment[] = [];
  #snapshotOffsets: bigint[] = [];
  #isDirectoryChanged = false;

  constructor(options: OpenPartitionOptions) {
    this.#identity = options.identity;
    this.#config = options.config;
    this.#context = options.context;
    this.#wasCleanShutdown = options.wasCleanShutdown;
  }

  async run(): Promise<PartitionState> {
    await this.#listFiles();
    const checkpoint = this.#context.checkpoints.get(this.#identity.directoryName, this.#identity.topicId);
    const recoveryPoint = checkpoint?.recoveryPoint ?? 0n;
    const { logEndOffset, producers } = (await this.#takeAsIs()) ?? (await this.#recover(recoveryPoint));
    await this.#dropSnapshotsAbove(logEndOffset);
    // After a kill the names found here may not be durable yet, a rolled segment's for one.
    if (this.#isDirectoryChanged || !this.#wasCleanShutdown)
      await syncDirectoryOrFail(this.#context.fileSystem, this.#identity.directory);
    const leaderEpoch = this.#leaderEpoch(checkpoint?.leaderEpoch ?? 0, logEndOffset, recoveryPoint);
    return this.#state(checkpoint?.logStartOffset ?? 0n, logEndOffset, leaderEpoch, producers);
  }

  /** After a clean shutdown, when the end of the last segment is as its indexes say; else null. */
  async #takeAsIs(): Promise<OpenedLog | null> {
    if (!this.#wasCleanShutdown) return null;
    const active = this.#segments.at(-1)!;
    const indexes = await this.#context.indexes.read(active);
    if (!indexes || active.sizeBytes === 0) return null;
    const first = await this.#context.files.use(active.path('.log'), async (file) => {
      const nextOffset = await checkIndexes({ file, segment: active, indexes, check: 'batches' });
      const header = nextOffset === null ? null : readBatchHeader(await readExactly(file, 0, batchOverheadBytes));
      return header && { nextOffset: nextOffset!, timestampMs: header.maxTimestamp };
    });
    if (!first) return null;
    active.resume(indexes, this.#firstAppendMs(first.timestampMs));
    await this.#restoreIndexes(this.#segments.length - 1);
    return { logEndOffset: first.nextOffset, producers: await this.#producersBefore(first.nextOffset) };
  }

  async #recover(recoveryPoint: bigint): Promise<OpenedLog> {
    const scanIndex = this.#wasCleanShutdown ? this.#segments.length - 1 : this.#firstSegmentToScan(recoveryPoint);
    const producers = await this.#producersBefore(this.#segments[scanIndex]!.baseOffset);
    await this.#restoreIndexes(scanIndex);
    return { logEndOffset: await this.#scanFrom(scanIndex, producers), producers };
  }

  async #listFiles(): Promise<void> {
    const { fileSystem, indexIntervalBytes } = this.#context;
    const { directory } = this.#identity;
    const names = await fileSystem.list(directory);
    const bases = names.flatMap((name) => parseOffsetFileName(name, '.log') ?? []).sort(ascending);
    if (bases.length === 0) throw noSegments(directory);
    for (const name of names) if (isLeftOver(name, new Set(bases))) await this.#remove(name);
    for (const baseOffset of bases) {
      const status = await fileSystem.stat(join(directory, offsetFileName(baseOffset, '.log')));
      this.#segments.push(new LogSegment({ directory, baseOffset, indexIntervalBytes, sizeBytes: status!.sizeBytes }));
    }
    this.#snapshotOffsets = names.flatMap((name) => parseOffsetFileName(name, snapshotSuffix) ?? []).sort(ascending);
  }

  /** The segment that holds the recovery point; the last one in any case. */
  #firstSegmentToScan(recoveryPoint: bigint): number {
    const after = this.#segments.findIndex((segment) => segment.baseOffset > recoveryPoint);
    return Math.max(0, (after < 0 ? this.#segments.length : after) - 1);
  }

  /** From the newest good snapshot, and the headers of the records behind it. */
  #producersBefore(offset: bigint): Promise<ProducerState> {
    return replayProducers({
      context: this.#context,
      directory: this.#identity.directory,
      segments: this.#segments,
      snapshotOffsets: this.#snapshotOffsets,
      upTo: offset,
    });
  }

  /** Sealed segments that are not scanned must have their indexes. */
  async #restoreIndexes(scanIndex: number): Promise<void> {
    for (const [index, segment] of this.#segments.slice(0, scanIndex).entries()) {
      segment.maxTimestampMs = null;
      const nextOffset = this.#segments[index + 1]!.baseOffset;
      if (await this.#hasIndexFiles(segment)) continue;
      await this.#context.indexes.indexesOf(segment, nextOffset);
    }
  }

  async #hasIndexFiles(segment: LogSegment): Promise<boolean> {
    const { fileSystem } = this.#context;
    const offsets = await fileSystem.stat(segment.path('.index'));
    const times = await fileSystem.stat(segment.path('.timeindex'));
    return (
      offsets !== null &&
      times !== null &&
      offsets.sizeBytes % 8 === 0 &&
      times.sizeBytes % 12 === 0 &&
      times.sizeBytes > 0
    );
  }

  /** Returns the log end. Segments behind a bad batch, or behind a gap, are dropped. */
  async #scanFrom(scanIndex: number, producers: ProducerState): Promise<bigint> {
    let nextOffset = this.#segments[scanIndex]!.baseOffset;
    for (let index = scanIndex; index < this.#segments.length; index++) {
      const segment = this.#segments[index]!;
      if (segment.baseOffset !== nextOffset) {
        await this.#dropSegmentsFrom(index, `segment ${segment.baseOffset} does not begin at ${nextOffset}`);
        break;
      }
      const scan = await this.#scanSegment(segment, producers);
      nextOffset = scan.nextOffset;
      if (scan.damage) await this.#dropSegmentsFrom(index + 1, scan.damage);
      if (index < this.#segments.length - 1) await this.#seal(segment);
    }
    return nextOffset;
  }

  async #scanSegment(
    segment: LogSegment,
    producers: ProducerState,
  ): Promise<{ nextOffset: bigint; damage: string | null }> {
    const { fileSystem, clock } = this.#context;
    const fileBytes = segment.sizeBytes;
    segment.indexes = newIndexes(segment.baseOffset);
    segment.sizeBytes = 0;
    const nowMs = clock.nowMs();
    const file = await fileSystem.open(segment.path('.log'), 'write');
    segment.file = file;
    const scan = await scanSegment({
      file,
      fileBytes,
      fromOffset: segment.baseOffset,
      check: 'batches',
      onBatch: (header) => {
        segment.firstAppendMs ??= this.#firstAppendMs(header.maxTimestamp);
        segment.noteBatch(header.lastOffset, header.sizeBytes, header.maxTimestamp);
        const logAppendTimeMs = header.timestampType === 'LogAppendTime' ? header.maxTimestamp : -1n;
        if (hasSequence(header)) producers.append(header, header.baseOffset, logAppendTimeMs, nowMs);
        return true;
      },
    });
    if (scan.damage) {
      this.#warnCut(segment, scan.endPosition, fileBytes, scan.damage);
      await file.truncate(scan.endPosition);
    }
    if (scan.damage || !this.#wasCleanShutdown) await syncOrFail(file);
    segment.visibleBytes = segment.sizeBytes;
    return scan;
  }

  /** Not kept on disk; the first record's own time, if it is not in the future, is near enough to roll by. */
  #firstAppendMs(timestampMs: bigint): number {
    const nowMs = this.#context.clock.nowMs();
    return timestampMs < 0n || Number(timestampMs) > nowMs ? nowMs : Number(timestampMs);
  }

  async #seal(segment: LogSegment): Promise<void> {
    segment.completeTimeIndex();
    await this.#context.indexes.write(segment, segment.indexes!);
    await segment.file!.close();
    segment.file = null;
    this.#context.indexes.keep(segment, segment.indexes!);
  }

  /** From the last one backwards, so that a crash in between leaves no gap. */
  async #dropSegmentsFrom(index: number, reason: string): Promise<void> {
    const dropped = this.#segments.splice(index);
    for (const segment of dropped.reverse()) {
      this.#warnCut(segment, 0, segment.sizeBytes, reason);
      for (const suffix of segmentSuffixes) await this.#remove(offsetFileName(segment.baseOffset, suffix));
      await syncDirectoryOrFail(this.#context.fileSystem, this.#identity.directory);
    }
  }

  /** Offsets above the log end are given again: a snapshot taken above it is of records that do not exist. */
  async #dropSnapshotsAbove(logEndOffset: bigint): Promise<void> {
    for (const offset of this.#snapshotOffsets.filter((other) => other > logEndOffset)) {
      await this.#remove(offsetFileName(offset, snapshotSuffix));
    }
  }

  async #remove(name: string): Promise<void> {
    await removeFileIfThere(this.#context.fileSystem, join(this.#identity.directory, name));
    this.#isDirectoryChanged = true;
  }

  /** Records that were synced are gone: readers that have seen them must notice (KIP-320). */
  #leaderEpoch(former: number, logEndOffset: bigint, recoveryPoint: bigint): number {
    if (logEndOffset >= recoveryPoint) return former;
    const { topic, partition } = this.#identity;
    this.#context.logger.error({ topic, partition, logEndOffset, recoveryPoint }, 'SyncedRecordsLost');
    return former + 1;
  }

  #state(logStartOffset: bigint, logEndOffset: bigint, leaderEpoch: number, producers: ProducerState): PartitionState {
    const first = this.#segments[0]!.baseOffset;
    const start = logStartOffset > first ? logStartOffset : first;
    return new PartitionState({
      identity: this.#identity,
      config: this.#config,
      segments: this.#segments,
      producers,
      tail: new PartitionTail(this.#context.tailCache),
      logStartOffset: start > logEndOffset ? logEndOffset : start,
      logEndOffset,
      leaderEpoch,
    });
  }

  #warnCut(segment: LogSegment, keptBytes: number, fileBytes: number, reason: string): void {
    const { topic, partition } = this.#identity;
    const fields = {
      topic,
      partition,
      segment: segment.baseOffset,
      keptBytes,
      cutBytes: fileBytes - keptBytes,
      reason,
    };
    this.#context.logger.warn(fields, 'LogCut');
  }
}

function isLeftOver(name: string, bases: Set<bigint>): boolean {
  if (name.endsWith(temporarySuffix) || name.endsWith(deletedSuffix)) return true;
  const base = parseOffsetFileName(name, '.index') ?? parseOffsetFileName(name, '.timeindex');
  return base !== null && !bases.has(base);
}

function noSegments(directory: string): LogError {
  const message = `expected at least one segment in ${directory}, found none: restore its files, or delete the topic's file under topics/ to give it up`;
  return new LogError('KAFKA_STORAGE_ERROR', message);
}

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
