/**
 * Opens the folder of one partition and makes its segments true again.
 *
 * After a clean shutdown only the end of the last segment is looked at. After a crash every segment from the recovery point
 * on is scanned, byte for byte; the log is cut at the first bad batch, later segments are dropped, indexes and producer state
 * are made anew, and all of it is synced before anything is served: what a reader is shown must survive the next power loss
 * (KAFKA-10101). Every step can be repeated, so a crash during recovery only means to recover again.
 */
import { join } from 'node:path';
import { removeFileIfThere, temporarySuffix } from './durable-file.ts';
import type { LogContext } from './log-context.ts';
import { LogError } from './log-error.ts';
import { LogSegment } from './log-segment.ts';
import type { TopicConfig } from './log-types.ts';
import {
  cleanedSuffix,
  deletedSuffix,
  offsetFileName,
  parseOffsetFileName,
  segmentSuffixes,
  snapshotSuffix,
} from './names.ts';
import { type PartitionIdentity, PartitionState } from './partition-state.ts';
import { replayProducers } from './producer-replay.ts';
import type { ProducerState } from './producer-state.ts';
import { hasIndexFiles, recoverSegment, resumeSegment, sealRecovered } from './segment-recovery.ts';
import { finishSwaps } from './segment-swap.ts';
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
    await this.#dropSnapshots(logEndOffset);
    // After a kill the names found here may not be durable yet, a rolled segment's for one.
    if (this.#isDirectoryChanged || !this.#wasCleanShutdown)
      await this.#context.fileSystem.syncDirectory(this.#identity.directory);
    const leaderEpoch = this.#leaderEpoch(checkpoint?.leaderEpoch ?? 0, logEndOffset, recoveryPoint);
    const cleanedTo = checkpoint?.cleanedTo ?? 0n;
    return this.#state(checkpoint?.logStartOffset ?? 0n, logEndOffset, leaderEpoch, producers, cleanedTo);
  }

  /** After a clean shutdown, when the end of the last segment is as its indexes say; else null. */
  async #takeAsIs(): Promise<OpenedLog | null> {
    if (!this.#wasCleanShutdown) return null;
    const logEndOffset = await resumeSegment(this.#context, this.#segments.at(-1)!);
    if (logEndOffset === null) return null;
    await this.#restoreIndexes(this.#segments.length - 1);
    return { logEndOffset, producers: await this.#producersBefore(logEndOffset) };
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
    if (await finishSwaps(this.#context, directory)) this.#isDirectoryChanged = true;
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
      segment.isSealed = true;
      segment.maxTimestampMs = null;
      const nextOffset = this.#segments[index + 1]!.baseOffset;
      if (await hasIndexFiles(this.#context, segment)) continue;
      await this.#context.indexes.indexesOf(segment, nextOffset);
    }
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
      const recovered = await recoverSegment({
        context: this.#context,
        segment,
        producers,
        isSynced: this.#wasCleanShutdown,
      });
      nextOffset = recovered.nextOffset;
      if (recovered.damage) {
        this.#warnCut(segment, recovered.cutBytes, recovered.damage);
        await this.#dropSegmentsFrom(index + 1, recovered.damage);
      }
      if (index < this.#segments.length - 1) await sealRecovered(this.#context, segment);
    }
    return nextOffset;
  }

  /** From the last one backwards, so that a crash in between leaves no gap. */
  async #dropSegmentsFrom(index: number, reason: string): Promise<void> {
    const dropped = this.#segments.splice(index);
    for (const segment of dropped.reverse()) {
      this.#warnCut(segment, segment.sizeBytes, reason);
      for (const suffix of segmentSuffixes) await this.#remove(offsetFileName(segment.baseOffset, suffix));
      await this.#context.fileSystem.syncDirectory(this.#identity.directory);
    }
  }

  /**
   * Those above the log end are of records that do not exist: their offsets are given again. Of the others one per segment is kept,
   * and the newest, which a clean shutdown has left.
   */
  async #dropSnapshots(logEndOffset: bigint): Promise<void> {
    const bases = new Set(this.#segments.map((segment) => segment.baseOffset));
    const newest = this.#snapshotOffsets.filter((offset) => offset <= logEndOffset).at(-1);
    for (const offset of this.#snapshotOffsets) {
      if (offset > logEndOffset || (offset !== newest && !bases.has(offset))) {
        await this.#remove(offsetFileName(offset, snapshotSuffix));
      }
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

  #state(
    logStartOffset: bigint,
    logEndOffset: bigint,
    leaderEpoch: number,
    producers: ProducerState,
    cleanedTo: bigint,
  ): PartitionState {
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
      cleanedTo: cleanedTo > logEndOffset ? logEndOffset : cleanedTo,
    });
  }

  #warnCut({ baseOffset }: LogSegment, cutBytes: number, reason: string): void {
    const { topic, partition } = this.#identity;
    this.#context.logger.warn({ topic, partition, segment: baseOffset, cutBytes, reason }, 'LogCut');
  }
}

function isLeftOver(name: string, bases: Set<bigint>): boolean {
  if ([temporarySuffix, deletedSuffix, cleanedSuffix].some((suffix) => name.endsWith(suffix))) return true;
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
