/**
 * The synchronous half of an append: check, give offsets, copy into memory, queue for the writer. Either all batches of a call
 * are accepted or nothing has changed.
 */
import { type BatchHeader, RecordCursor } from '../../wire/index.ts';
import { AppendGroup } from './append-group.ts';
import { patchBatch, stampLogAppendTime, validateBatch, WireError } from './batch-bytes.ts';
import type { LogContext } from './log-context.ts';
import { LogError } from './log-error.ts';
import { LogSegment, newIndexes } from './log-segment.ts';
import type { AppendResult } from './log-types.ts';
import type { PartitionState } from './partition-state.ts';
import type { PartitionWriter } from './partition-writer.ts';
import { encodeProducerSnapshot } from './producer-snapshot.ts';
import { hasSequence, type ProducerBatch, type ProducerUndo } from './producer-state.ts';
import type { SegmentPin } from './segment-pin.ts';
import { isCompacted } from './topic-config.ts';

/** Offsets are kept relative to the segment's base as int32. */
const maxRelativeOffset = 0x7fff_ffffn;

interface CheckedBatch {
  header: BatchHeader;
  /** A view of the caller's bytes. */
  bytes: Buffer;
  baseOffset: bigint;
}

export class BatchAppender {
  readonly #state: PartitionState;
  readonly #writer: PartitionWriter;
  readonly #context: LogContext;
  readonly #pin: SegmentPin;

  constructor(state: PartitionState, writer: PartitionWriter, context: LogContext, pin: SegmentPin) {
    this.#pin = pin;
    this.#state = state;
    this.#writer = writer;
    this.#context = context;
  }

  append(records: Buffer): AppendResult {
    this.#state.assertAppending();
    this.#context.commit.assertWorking();
    const batches = this.#validate(records);
    const duplicate = this.#findDuplicate(batches);
    if (duplicate) return this.#writer.duplicateResult(duplicate);
    this.#pin.assertAppending();
    const nowMs = this.#context.clock.nowMs();
    const logAppendTimeMs = this.#state.config.messageTimestampType === 'LogAppendTime' ? BigInt(nowMs) : -1n;
    const rollSnapshot = this.#mustRoll(records.length, batches, nowMs) ? this.#snapshot() : null;
    const undos = this.#noteProducers(batches, logAppendTimeMs, nowMs);
    const group = (rollSnapshot ? null : this.#writer.formingGroup) ?? this.#newGroup(rollSnapshot);
    group.undos.push(...undos);
    group.start.segment.firstAppendMs ??= nowMs;
    for (const batch of batches) this.#place(batch, group, logAppendTimeMs);
    this.#writer.notePending(records.length);
    return this.#writer.result(group, batches[0]!.baseOffset, logAppendTimeMs);
  }

  /** Begins a new segment although nothing is appended (all of the active one has expired). */
  roll(): AppendGroup {
    const group = this.#newGroup(this.#snapshot());
    this.#writer.notePending(0);
    return group;
  }

  #validate(records: Buffer): CheckedBatch[] {
    const batches: CheckedBatch[] = [];
    let nextOffset = this.#state.logEndOffset;
    for (let position = 0; position < records.length; ) {
      const header = validateProduced(records, position);
      this.#checkAllowed(header);
      if (isCompacted(this.#state.config)) checkKeys(records.subarray(position, position + header.sizeBytes));
      batches.push({ header, bytes: records.subarray(position, position + header.sizeBytes), baseOffset: nextOffset });
      position += header.sizeBytes;
      nextOffset += BigInt(header.recordCount);
    }
    if (batches.length === 0) throw new LogError('INVALID_RECORD', 'expected at least one record batch, got none');
    if (records.length > this.#state.config.segmentBytes) {
      throw new LogError(
        'RECORD_LIST_TOO_LARGE',
        `expected at most segment.bytes = ${this.#state.config.segmentBytes} bytes, got ${records.length}`,
      );
    }
    return batches;
  }

  #checkAllowed(header: BatchHeader): void {
    if (header.sizeBytes > this.#state.config.maxMessageBytes) {
      throw new LogError(
        'MESSAGE_TOO_LARGE',
        `expected batches of at most max.message.bytes = ${this.#state.config.maxMessageBytes} bytes, got ${header.sizeBytes}`,
      );
    }
    if (header.producerId >= 0n && (header.producerEpoch < 0 || header.baseSequence < 0)) {
      throw new LogError('INVALID_RECORD', 'expected an epoch and a first sequence of 0 or more beside a producer id');
    }
    if (header.isControl)
      throw new LogError('INVALID_RECORD', 'expected records, got a control batch, which only brokers write');
    if (header.isTransactional) {
      throw new LogError('INVALID_TXN_STATE', 'expected no transactional.id: this broker does not offer transactions');
    }
  }

  /** A retry carries the same batches: either all of them are known, or none is. */
  #findDuplicate(batches: CheckedBatch[]): ProducerBatch | null {
    let first: ProducerBatch | null = null;
    let last: ProducerBatch | null = null;
    for (const { header } of batches) {
      if (!hasSequence(header)) return null;
      const duplicate = batches.length === 1 ? this.#state.producers.check(header) : this.#duplicateOrNull(header);
      if (!duplicate) return null;
      first ??= duplicate;
      last = duplicate;
    }
    return first && last ? { ...first, lastOffset: last.lastOffset } : null;
  }

  /** Among several batches a later one is out of order only until those before it are noted. */
  #duplicateOrNull(header: BatchHeader): ProducerBatch | null {
    try {
      return this.#state.producers.check(header);
    } catch (error) {
      if (error instanceof LogError) return null;
      throw error;
    }
  }

  #noteProducers(batches: CheckedBatch[], logAppendTimeMs: bigint, nowMs: number): ProducerUndo[] {
    const undos: ProducerUndo[] = [];
    const { producers } = this.#state;
    try {
      for (const { header, baseOffset } of batches) {
        if (!hasSequence(header)) continue;
        producers.check(header);
        undos.push(producers.append(header, baseOffset, logAppendTimeMs, nowMs));
      }
    } catch (error) {
      for (const undo of undos.reverse()) producers.undo(undo);
      throw error;
    }
    return undos;
  }

  #place(batch: CheckedBatch, group: AppendGroup, logAppendTimeMs: bigint): void {
    const { header, bytes, baseOffset } = batch;
    const { segment } = group.start;
    const lastOffset = baseOffset + BigInt(header.lastOffsetDelta);
    patchBatch(bytes, 0, { baseOffset, leaderEpoch: this.#state.leaderEpoch });
    if (logAppendTimeMs >= 0n) stampLogAppendTime(bytes, logAppendTimeMs);
    segment.noteBatch(lastOffset, bytes.length, logAppendTimeMs >= 0n ? logAppendTimeMs : header.maxTimestamp);
    const chunk = this.#state.tail.append(bytes, baseOffset, lastOffset + 1n);
    group.add(chunk, bytes.length, lastOffset + 1n);
    this.#state.logEndOffset = lastOffset + 1n;
  }

  #mustRoll(sizeBytes: number, batches: CheckedBatch[], nowMs: number): boolean {
    const { active, config } = this.#state;
    if (active.sizeBytes === 0) return false;
    const last = batches.at(-1)!;
    return (
      active.sizeBytes + sizeBytes > config.segmentBytes ||
      nowMs - (active.firstAppendMs ?? nowMs) >= config.segmentMs ||
      last.baseOffset + BigInt(last.header.lastOffsetDelta) - active.baseOffset > maxRelativeOffset
    );
  }

  /** Taken before the first batch of the new segment is noted. */
  #snapshot(): Buffer {
    return encodeProducerSnapshot(this.#state.logEndOffset, this.#state.producers);
  }

  #newGroup(rollSnapshot: Buffer | null): AppendGroup {
    const state = this.#state;
    if (rollSnapshot) {
      state.segments.push(
        new LogSegment({
          directory: state.identity.directory,
          baseOffset: state.logEndOffset,
          indexIntervalBytes: this.#context.indexIntervalBytes,
          indexes: newIndexes(state.logEndOffset),
        }),
      );
    }
    const group = new AppendGroup({
      segment: state.active,
      rollSnapshot,
      baseOffset: state.logEndOffset,
      segmentMark: state.active.mark(),
      tailMark: state.tail.mark(),
    });
    this.#writer.enqueue(group);
    return group;
  }
}

/** The one case in which an append looks into records: compaction would not know what to do with one that has no key. */
function checkKeys(batch: Buffer): void {
  try {
    const cursor = new RecordCursor(batch);
    while (cursor.next()) {
      if (cursor.keyStart < 0) {
        throw new LogError(
          'INVALID_RECORD',
          `expected a key: the topic is compacted, got none in record ${cursor.offsetDelta}`,
        );
      }
    }
  } catch (error) {
    if (error instanceof WireError) throw new LogError('CORRUPT_MESSAGE', error.message, { cause: error });
    throw error;
  }
}

function validateProduced(records: Buffer, position: number): BatchHeader {
  try {
    return validateBatch(records, position, { requireDense: true });
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    const name = error.code === 'unsupported-version' ? 'UNSUPPORTED_FOR_MESSAGE_FORMAT' : 'CORRUPT_MESSAGE';
    throw new LogError(name, error.message, { cause: error });
  }
}
