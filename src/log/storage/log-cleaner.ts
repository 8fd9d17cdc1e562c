/**
 * Compaction of one partition (cleanup.policy=compact): keeps the last record of each key, at its offset. Only sealed segments are cleaned.
 * A map of the newest offset of each key is made from what is new since the last cleaning; then all sealed segments up
 * to there are written again without the records that a newer one supersedes, small neighbours together, and swapped in.
 *
 * Kept besides: records without a key (from the time before the policy was compact), and tombstones until `delete.retention.ms` after
 * the first cleaning that kept them. A cleaning begins at the front of the log, so when a tombstone goes nothing is left that it deletes.
 */
import { describeError } from '../../shared/index.ts';
import { RecordCursor } from '../../wire/index.ts';
import { readBatchHeader } from './batch-bytes.ts';
import { cleanBatch, deleteHorizonOf } from './clean-batch.ts';
import { CleanedSegment } from './cleaned-segment.ts';
import { KeyOffsetMap } from './key-offset-map.ts';
import type { LogContext } from './log-context.ts';
import type { LogSegment } from './log-segment.ts';
import type { PartitionState } from './partition-state.ts';
import { readBatches } from './segment-scan.ts';
import type { SegmentSealer } from './segment-sealer.ts';
import { swapIn } from './segment-swap.ts';
import { Serial } from './serial.ts';
import { isCompacted } from './topic-config.ts';

/** Offsets in a segment are relative to its base, as int32. */
const maxRelativeOffset = 0x7fff_ffffn;

interface Pass {
  newest: KeyOffsetMap;
  nowMs: number;
  signal: AbortSignal;
}

interface Source {
  segment: LogSegment;
  /** Offset behind its last record. */
  nextOffset: bigint;
}

export class LogCleaner {
  readonly #state: PartitionState;
  readonly #sealer: SegmentSealer;
  readonly #context: LogContext;
  readonly #serial = new Serial();

  constructor(state: PartitionState, sealer: SegmentSealer, context: LogContext) {
    this.#state = state;
    this.#sealer = sealer;
    this.#context = context;
  }

  /** Cleans once if enough is new. Rejects when it cannot; the log is as before then. */
  clean(nowMs: number, signal: AbortSignal): Promise<void> {
    return this.#serial.run(async () => {
      if (!isCompacted(this.#state.config) || this.#state.isStopped) return;
      await this.#sealer.idle();
      const sources = await this.#cleanable(nowMs);
      if (!this.#isWorthIt(sources)) return;
      const { newest, end } = await this.#mapKeys(sources, signal);
      const inMap = sources.filter(({ segment }) => segment.baseOffset < end);
      if (!(await this.#cleanAll(inMap, { newest, nowMs, signal }))) return;
      if (end > this.#state.cleanedTo) this.#state.cleanedTo = end;
    });
  }

  idle(): Promise<void> {
    return this.#serial.run(async () => {});
  }

  /** The sealed segments from the front on, without those that hold a record younger than min.compaction.lag.ms. */
  async #cleanable(nowMs: number): Promise<Source[]> {
    const { segments, config, highWatermark } = this.#state;
    const sources: Source[] = [];
    for (const [index, segment] of segments.entries()) {
      const nextOffset = this.#state.nextOffsetOfSegment(index);
      if (!segment.isSealed || index === segments.length - 1 || nextOffset > highWatermark) break;
      if (config.minCompactionLagMs > 0) {
        if (segment.maxTimestampMs === null) await this.#context.indexes.indexesOf(segment, nextOffset);
        if (Number(segment.maxTimestampMs) > nowMs - config.minCompactionLagMs) break;
      }
      sources.push({ segment, nextOffset });
    }
    return sources;
  }

  #isWorthIt(sources: readonly Source[]): boolean {
    let dirtyBytes = 0;
    let totalBytes = 0;
    for (const { segment, nextOffset } of sources) {
      totalBytes += segment.sizeBytes;
      if (nextOffset > this.#state.cleanedTo) dirtyBytes += segment.sizeBytes;
    }
    return dirtyBytes > 0 && dirtyBytes / totalBytes >= this.#state.config.minCleanableDirtyRatio;
  }

  /** The newest offset of each key that is new, and up to where the map has room for all of them. */
  async #mapKeys(sources: readonly Source[], signal: AbortSignal): Promise<{ newest: KeyOffsetMap; end: bigint }> {
    const newest = new KeyOffsetMap(this.#context.cleanerMapBytes);
    let end = this.#state.cleanedTo;
    for (const { segment, nextOffset } of sources) {
      if (nextOffset <= this.#state.cleanedTo) continue;
      for await (const bytes of this.#batches(segment, signal)) {
        const cursor = new RecordCursor(bytes);
        while (cursor.next()) {
          if (cursor.offset < this.#state.cleanedTo) continue;
          const key = cursor.key();
          if (key && !newest.set(key, cursor.offset)) return { newest, end: cursor.offset };
        }
      }
      end = nextOffset;
    }
    return { newest, end };
  }

  /** Neighbours go into one segment while they fit, and while nothing of them is left. False when the log changed under it. */
  async #cleanAll(sources: readonly Source[], pass: Pass): Promise<boolean> {
    let rest = sources;
    while (rest.length > 0) {
      const { segment } = rest[0]!;
      const cleaned = await CleanedSegment.create(this.#context, segment.directory, segment.baseOffset);
      try {
        const group = await this.#cleanGroup(rest, cleaned, pass);
        rest = rest.slice(group.length);
        if (group.length === 1 && !cleaned.isDifferent) await cleaned.discard();
        else if (!(await this.#swap(group, await cleaned.finish(group.at(-1)!.nextOffset)))) return false;
      } catch (error) {
        await cleaned.discard();
        throw error;
      }
    }
    return true;
  }

  /** Fills one segment; returns what went into it. */
  async #cleanGroup(sources: readonly Source[], cleaned: CleanedSegment, pass: Pass): Promise<Source[]> {
    const group: Source[] = [];
    const firstOffset = sources[0]!.segment.baseOffset;
    for (const source of sources) {
      const fits =
        cleaned.sizeBytes + source.segment.sizeBytes <= this.#state.config.segmentBytes &&
        source.nextOffset - firstOffset <= maxRelativeOffset;
      if (cleaned.hasRecords && !fits) break;
      await this.#cleanSource(source, cleaned, pass);
      group.push(source);
    }
    return group;
  }

  async #cleanSource({ segment }: Source, cleaned: CleanedSegment, { newest, nowMs, signal }: Pass): Promise<void> {
    const { logStartOffset, config } = this.#state;
    const deleteHorizonMs = BigInt(nowMs + config.deleteRetentionMs);
    for await (const bytes of this.#batches(segment, signal)) {
      const horizonMs = deleteHorizonOf(readBatchHeader(bytes));
      const isHorizonOver = horizonMs !== null && horizonMs <= BigInt(nowMs);
      const isKept = (cursor: RecordCursor): boolean => {
        if (cursor.offset < logStartOffset) return false;
        if (isHorizonOver && cursor.valueStart < 0) return false;
        const key = cursor.key();
        const latest = key ? newest.offsetOf(key) : null;
        return latest === null || latest <= cursor.offset;
      };
      const kept = cleanBatch(bytes, { coveredTo: cleaned.nextOffset, isKept, deleteHorizonMs });
      await cleaned.append(kept, kept === bytes);
    }
  }

  async #swap(group: readonly Source[], cleaned: LogSegment): Promise<boolean> {
    const sources = group.map(({ segment }) => segment);
    const formerBytes = sources.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    if (!(await swapIn(this.#state, this.#context, sources, cleaned))) return false;
    const { topic, partition } = this.#state.identity;
    this.#context.logger.info(
      { topic, partition, baseOffset: cleaned.baseOffset, formerBytes, sizeBytes: cleaned.sizeBytes },
      'SegmentsCleaned',
    );
    return true;
  }

  async *#batches(segment: LogSegment, signal: AbortSignal): AsyncGenerator<Buffer> {
    const file = await this.#context.fileSystem.open(segment.path('.log'), 'read');
    try {
      const { baseOffset: fromOffset, sizeBytes: fileBytes } = segment;
      for await (const { bytes } of readBatches({ file, fileBytes, fromOffset })) {
        signal.throwIfAborted();
        this.#state.assertServing();
        yield bytes;
      }
    } catch (error) {
      throw new Error(`${segment.path('.log')} cannot be cleaned: ${describeError(error)}`, { cause: error });
    } finally {
      await file.close();
    }
  }
}
