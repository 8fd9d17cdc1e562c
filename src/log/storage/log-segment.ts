/**
 * One segment of a partition: what is known of `<base offset>.log` and its indexes. The last segment of a log is the active one:
 * it has a writable file and its indexes are in memory only; they are written when it is sealed (at a roll or a clean shutdown),
 * because after a crash the active segment is scanned anyway.
 *
 * Sizes: `sizeBytes` counts what was appended, of which `visibleBytes` is synced and may be read.
 */
import { join } from 'node:path';
import type { LogFile } from './log-file-system.ts';
import { offsetFileName, type SegmentSuffix } from './names.ts';
import { OffsetIndex } from './offset-index.ts';
import { TimeIndex } from './time-index.ts';

export interface SegmentIndexes {
  offsets: OffsetIndex;
  times: TimeIndex;
}

/** What an append changes in memory, to take it back when the disk is full. */
export interface SegmentMark {
  sizeBytes: number;
  offsetEntryCount: number;
  timeEntryCount: number;
  bytesSinceIndexEntry: number;
  maxTimestampMs: bigint;
  offsetOfMaxTimestamp: bigint;
  firstAppendMs: number | null;
}

export interface LogSegmentOptions {
  directory: string;
  baseOffset: bigint;
  indexIntervalBytes: number;
  indexes?: SegmentIndexes;
  sizeBytes?: number;
}

export class LogSegment {
  readonly directory: string;
  readonly baseOffset: bigint;
  readonly indexIntervalBytes: number;
  /** The writable file; null until the segment is created on disk, and again once it is sealed. */
  file: LogFile | null = null;
  /** It is complete on disk, with its indexes, and so is the name of its successor. */
  isSealed = false;
  /** It is as a clean shutdown left it: nothing to write at the next one. */
  isAsClosed = false;
  /** Null for sealed segments whose indexes are not in memory: SegmentIndexCache loads them. */
  indexes: SegmentIndexes | null;
  sizeBytes: number;
  visibleBytes: number;
  /** Length of the file where zeros lie behind the batches (preallocation.ts); no larger than `sizeBytes` where there are none. */
  allocatedBytes = 0;
  /** The disk was too full for it. */
  isPreallocationRefused = false;
  /** -1 for none yet; of a sealed segment that was not written by this process: unknown (null) until its time index is loaded. */
  maxTimestampMs: bigint | null = -1n;
  /** Last offset of the batch that has it. */
  offsetOfMaxTimestamp = -1n;
  /** Wall clock of the first append; null while empty. */
  firstAppendMs: number | null = null;
  bytesSinceIndexEntry = 0;

  constructor(options: LogSegmentOptions) {
    this.directory = options.directory;
    this.baseOffset = options.baseOffset;
    this.indexIntervalBytes = options.indexIntervalBytes;
    this.indexes = options.indexes ?? null;
    this.sizeBytes = options.sizeBytes ?? 0;
    this.visibleBytes = this.sizeBytes;
  }

  path(suffix: SegmentSuffix): string {
    return join(this.directory, offsetFileName(this.baseOffset, suffix));
  }

  /** Accounts for a batch behind the others. As in Kafka, the index entry of a batch is written before the batch is counted. */
  noteBatch(lastOffset: bigint, sizeBytes: number, maxTimestampMs: bigint): void {
    if (maxTimestampMs > this.maxTimestampMs!) {
      this.maxTimestampMs = maxTimestampMs;
      this.offsetOfMaxTimestamp = lastOffset;
    }
    if (this.bytesSinceIndexEntry > this.indexIntervalBytes) {
      this.indexes!.offsets.append(lastOffset, this.sizeBytes);
      this.indexes!.times.maybeAppend(this.maxTimestampMs!, this.offsetOfMaxTimestamp);
      this.bytesSinceIndexEntry = 0;
    }
    this.sizeBytes += sizeBytes;
    this.isAsClosed = false;
    this.bytesSinceIndexEntry += sizeBytes;
  }

  /** Completes the time index: its last entry is the largest timestamp. */
  completeTimeIndex(): void {
    this.indexes!.times.maybeAppend(this.maxTimestampMs!, this.offsetOfMaxTimestamp);
  }

  /** Goes on as the active segment where a clean shutdown left it. */
  resume(indexes: SegmentIndexes, firstAppendMs: number): void {
    this.indexes = indexes;
    this.maxTimestampMs = indexes.times.last?.timestampMs ?? -1n;
    this.offsetOfMaxTimestamp = indexes.times.last?.offset ?? -1n;
    this.bytesSinceIndexEntry = this.sizeBytes - (indexes.offsets.lookupPosition(this.sizeBytes)?.position ?? 0);
    this.firstAppendMs = firstAppendMs;
    this.isAsClosed = true;
  }

  /** The same segment before its first batch, to build its indexes again. */
  emptyCopy(): LogSegment {
    return new LogSegment({
      directory: this.directory,
      baseOffset: this.baseOffset,
      indexIntervalBytes: this.indexIntervalBytes,
      indexes: newIndexes(this.baseOffset),
    });
  }

  mark(): SegmentMark {
    return {
      sizeBytes: this.sizeBytes,
      offsetEntryCount: this.indexes!.offsets.entryCount,
      timeEntryCount: this.indexes!.times.entryCount,
      bytesSinceIndexEntry: this.bytesSinceIndexEntry,
      maxTimestampMs: this.maxTimestampMs!,
      offsetOfMaxTimestamp: this.offsetOfMaxTimestamp,
      firstAppendMs: this.firstAppendMs,
    };
  }

  restore(mark: SegmentMark): void {
    this.sizeBytes = mark.sizeBytes;
    this.indexes!.offsets.truncate(mark.offsetEntryCount);
    this.indexes!.times.truncate(mark.timeEntryCount);
    this.bytesSinceIndexEntry = mark.bytesSinceIndexEntry;
    this.maxTimestampMs = mark.maxTimestampMs;
    this.offsetOfMaxTimestamp = mark.offsetOfMaxTimestamp;
    this.firstAppendMs = mark.firstAppendMs;
  }
}

export function newIndexes(baseOffset: bigint): SegmentIndexes {
  return { offsets: new OffsetIndex(baseOffset), times: new TimeIndex(baseOffset) };
}
