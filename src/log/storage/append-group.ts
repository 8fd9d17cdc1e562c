/**
 * The appends of one partition that go to disk together: all that arrived since the previous group began to be written. Its
 * batches lie next to each other in one segment; a group that begins a new segment says so in `roll`.
 *
 *   forming -> writing -> written -> durable          (or rejected: the disk was full, the log was deleted or has failed)
 */
import type { LogSegment, SegmentMark } from './log-segment.ts';
import { Outcome } from './outcome.ts';
import type { ProducerUndo } from './producer-state.ts';
import type { TailMark } from './tail-cache.ts';
import type { TailChunk } from './tail-chunk.ts';

export interface GroupStart {
  segment: LogSegment;
  /** Set when `segment` is new and not yet on disk: the producer state of everything before it, as its snapshot file holds it. */
  rollSnapshot: Buffer | null;
  baseOffset: bigint;
  segmentMark: SegmentMark;
  tailMark: TailMark;
}

export class AppendGroup {
  readonly start: GroupStart;
  readonly written = new Outcome();
  readonly durable = new Outcome();
  readonly undos: ProducerUndo[] = [];
  /** Views to write, contiguous in the file from `start.segmentMark.sizeBytes` on. */
  readonly writes: { chunk: TailChunk; from: number; to: number; nextOffset: bigint }[] = [];
  /** Offset behind its last record. */
  nextOffset: bigint;
  sizeBytes = 0;
  isForming = true;
  isSyncRequested = false;
  writtenMs = 0;

  constructor(start: GroupStart) {
    this.start = start;
    this.nextOffset = start.baseOffset;
  }

  add(chunk: TailChunk, sizeBytes: number, nextOffset: bigint): void {
    const last = this.writes.at(-1);
    if (last?.chunk === chunk) {
      last.to = chunk.usedBytes;
      last.nextOffset = nextOffset;
    } else {
      this.writes.push({ chunk, from: chunk.usedBytes - sizeBytes, to: chunk.usedBytes, nextOffset });
    }
    this.sizeBytes += sizeBytes;
    this.nextOffset = nextOffset;
  }

  reject(error: unknown): void {
    this.written.reject(error);
    this.durable.reject(error);
  }
}
