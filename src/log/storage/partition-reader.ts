import { larger } from '../../shared/index.ts';
/** Reads of one partition: by offset from memory or segments, by timestamp through the time indexes. Never at or above the high watermark. */
import { type BatchHeader, RecordCursor } from '../../wire/index.ts';
import type { FoundBatch } from './batch-location.ts';
import type { LogContext } from './log-context.ts';
import { errnoOf, LogError } from './log-error.ts';
import type { LogSegment } from './log-segment.ts';
import type { ReadResult } from './log-types.ts';
import type { PartitionState } from './partition-state.ts';
import { SegmentReader } from './segment-reader.ts';

/** One read allocates at most so much, however much the client allows. */
const maxReadBytes = 8 << 20;
/** What a batch may inflate to when a timestamp is looked up in it. */
const maxDecompressedBytes = 64 << 20;

export interface OffsetAndTimestamp {
  offset: bigint;
  timestampMs: bigint;
}

export class PartitionReader {
  readonly #state: PartitionState;
  readonly #context: LogContext;
  readonly #segments: SegmentReader;

  constructor(state: PartitionState, context: LogContext) {
    this.#state = state;
    this.#context = context;
    this.#segments = new SegmentReader(context);
  }

  async read(offset: bigint, maxBytes: number): Promise<ReadResult> {
    return this.#outlivingRemoval(async () => {
      const { highWatermark } = this.#state;
      this.#checkRange(offset);
      if (offset === highWatermark) return this.#result(Buffer.alloc(0), highWatermark);
      const limit = Math.min(Math.max(maxBytes, 0), maxReadBytes);
      const cached = this.#state.tail.read(offset, limit);
      if (cached) return this.#result(cached, highWatermark);
      const records = await this.#state.fileReads.shared(() => this.#readSegment(offset, limit));
      return this.#result(records, highWatermark);
    });
  }

  async offsetForTimestamp(timestampMs: bigint): Promise<OffsetAndTimestamp | null> {
    return this.#outlivingRemoval(() => this.#state.fileReads.shared(() => this.#offsetForTimestamp(timestampMs)));
  }

  async offsetOfMaxTimestamp(): Promise<OffsetAndTimestamp | null> {
    return this.#outlivingRemoval(() => this.#state.fileReads.shared(() => this.#offsetOfMaxTimestamp()));
  }

  /**
   * Batches carry the epoch they were written in, and epochs only rise: one ends where the first batch of a later one begins. That
   * is in the last segment that does not itself begin with a later one, or right behind it.
   */
  async endOfEpoch(leaderEpoch: number): Promise<{ leaderEpoch: number; endOffset: bigint }> {
    return this.#outlivingRemoval(() => this.#state.fileReads.shared(() => this.#endOfEpoch(leaderEpoch)));
  }

  async #endOfEpoch(leaderEpoch: number): Promise<{ leaderEpoch: number; endOffset: bigint }> {
    let holder: LogSegment | null = null;
    let end: BatchHeader | null = null;
    for (const segment of this.#readable()) {
      const first = await this.#firstBatch(segment, () => true);
      if (first && first.leaderEpoch > leaderEpoch) end = first;
      if (end) break;
      holder = segment;
    }
    let reached = leaderEpoch;
    if (holder) {
      reached = 0;
      const later = await this.#firstBatch(holder, (header) => {
        if (header.leaderEpoch <= leaderEpoch) reached = Math.max(reached, header.leaderEpoch);
        return header.leaderEpoch > leaderEpoch;
      });
      end = later ?? end;
    }
    const { highWatermark, logStartOffset } = this.#state;
    return { leaderEpoch: reached, endOffset: end ? larger(end.baseOffset, logStartOffset) : highWatermark };
  }

  /** Segments with something to read. */
  #readable(): LogSegment[] {
    const { logStartOffset } = this.#state;
    return this.#state.segments.filter(
      (segment) => segment.visibleBytes > 0 && this.#nextOffsetOf(segment) > logStartOffset,
    );
  }

  async #firstBatch(segment: LogSegment, matches: (header: BatchHeader) => boolean): Promise<BatchHeader | null> {
    const from = larger(segment.baseOffset, this.#state.logStartOffset);
    return (await this.#segments.findBatch(segment, this.#nextOffsetOf(segment), from, matches))?.header ?? null;
  }

  async #offsetForTimestamp(timestampMs: bigint): Promise<OffsetAndTimestamp | null> {
    for (const segment of [...this.#state.segments]) {
      const nextOffset = this.#nextOffsetOf(segment);
      if (nextOffset <= this.#state.logStartOffset || segment.visibleBytes === 0) continue;
      if (segment.maxTimestampMs !== null && segment.maxTimestampMs < timestampMs) continue;
      const { times } = await this.#context.indexes.indexesOf(segment, nextOffset);
      if (segment.maxTimestampMs! < timestampMs) continue;
      const fromIndex = times.lookup(timestampMs)?.offset ?? segment.baseOffset;
      const from = larger(larger(fromIndex, this.#state.logStartOffset), segment.baseOffset);
      const found = await this.#firstRecord(segment, nextOffset, from, timestampMs);
      if (found) return found;
    }
    return null;
  }

  async #offsetOfMaxTimestamp(): Promise<OffsetAndTimestamp | null> {
    let largest: bigint | null = null;
    for (const segment of [...this.#state.segments]) {
      const timestampMs = await this.#largestVisibleTimestamp(segment);
      if (timestampMs !== null && (largest === null || timestampMs > largest)) largest = timestampMs;
    }
    return largest === null ? null : this.#offsetForTimestamp(largest);
  }

  #result(records: Buffer, highWatermark: bigint): ReadResult {
    return { records, highWatermark, lastStableOffset: highWatermark, logStartOffset: this.#state.logStartOffset };
  }

  #checkRange(offset: bigint): void {
    const { logStartOffset, highWatermark, identity } = this.#state;
    if (offset >= logStartOffset && offset <= highWatermark) return;
    throw new LogError(
      'OFFSET_OUT_OF_RANGE',
      `expected an offset from ${logStartOffset} to ${highWatermark} of ${identity.topic}-${identity.partition}, got ${offset}`,
    );
  }

  #readSegment(offset: bigint, maxBytes: number): Promise<Buffer> {
    const segment = this.#state.segments[this.#state.segmentIndexOf(offset)]!;
    return this.#segments.read(segment, this.#nextOffsetOf(segment), offset, maxBytes);
  }

  /** A file may be missing because its segment is just being removed: when that is done the answer is another one. */
  async #outlivingRemoval<T>(task: () => Promise<T>): Promise<T> {
    this.#state.assertServing();
    try {
      return await task();
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
    await this.#state.removals.run(async () => {});
    this.#state.assertServing();
    try {
      return await task();
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
      const { directory } = this.#state.identity;
      throw new LogError('KAFKA_STORAGE_ERROR', `a segment file of ${directory} is missing: restore it`, {
        cause: error,
      });
    }
  }

  async #firstRecord(
    segment: LogSegment,
    nextOffset: bigint,
    fromOffset: bigint,
    timestampMs: bigint,
  ): Promise<OffsetAndTimestamp | null> {
    let from = fromOffset;
    for (;;) {
      const batch = await this.#segments.findBatch(
        segment,
        nextOffset,
        from,
        (header) => header.maxTimestamp >= timestampMs,
      );
      if (!batch || batch.header.baseOffset >= this.#state.highWatermark) return null;
      const record = firstRecordIn(
        await this.#segments.readBatch(segment, batch),
        batch,
        timestampMs,
        this.#state.logStartOffset,
      );
      if (record) return record;
      from = batch.header.lastOffset + 1n;
      if (from >= nextOffset || from >= this.#state.highWatermark) return null;
    }
  }

  /** The active segment knows its largest timestamp including what is not synced yet: then its visible part is walked. */
  async #largestVisibleTimestamp(segment: LogSegment): Promise<bigint | null> {
    const nextOffset = this.#nextOffsetOf(segment);
    if (segment.visibleBytes === 0 || nextOffset <= this.#state.logStartOffset) return null;
    if (segment.maxTimestampMs === null) await this.#context.indexes.indexesOf(segment, nextOffset);
    const isVisible = segment.offsetOfMaxTimestamp < this.#state.highWatermark;
    if (isVisible && segment.baseOffset >= this.#state.logStartOffset)
      return segment.maxTimestampMs! < 0n ? null : segment.maxTimestampMs;
    let largest = -1n;
    await this.#segments.findBatch(
      segment,
      nextOffset,
      larger(segment.baseOffset, this.#state.logStartOffset),
      (header) => {
        if (header.maxTimestamp > largest) largest = header.maxTimestamp;
        return false;
      },
    );
    return largest < 0n ? null : largest;
  }

  #nextOffsetOf(segment: LogSegment): bigint {
    return this.#state.nextOffsetOfSegment(this.#state.segments.indexOf(segment));
  }
}

/** The only place where the broker looks into a batch: the client wants the record, not the batch. */
function firstRecordIn(
  bytes: Buffer,
  batch: FoundBatch,
  timestampMs: bigint,
  logStartOffset: bigint,
): OffsetAndTimestamp | null {
  const { header } = batch;
  if (header.timestampType === 'LogAppendTime') {
    return { offset: larger(header.baseOffset, logStartOffset), timestampMs: header.maxTimestamp };
  }
  const cursor = new RecordCursor(bytes, { maxDecompressedBytes });
  while (cursor.next()) {
    if (cursor.timestamp >= timestampMs && cursor.offset >= logStartOffset) {
      return { offset: cursor.offset, timestampMs: cursor.timestamp };
    }
  }
  return null;
}
