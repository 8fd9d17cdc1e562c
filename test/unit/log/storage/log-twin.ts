/**
 * What a log promised so far, kept beside it: which bytes were given which offset, what was acknowledged, what readers were
 * shown. A log recovered from any crash must agree with it.
 */
import { expect } from 'vitest';
import type { LogManager, PartitionLog } from '../../../../src/log/storage/index.ts';
import { readBatchHeader, splitBatches } from '../../../../src/wire/index.ts';
import { readAll } from './log-fixture.ts';

interface TwinBatch {
  bytes: Buffer;
  /** The moment of its append, in steps of the twin. */
  step: number;
}

/** The promises at one moment; a crash state is held against those of its own moment. */
export interface Promised {
  step: number;
  ackedEnd: bigint;
  shownEnd: bigint;
  logStart: bigint;
  isDeleted: boolean;
}

export class PartitionTwin {
  readonly topic: string;
  readonly partition: number;
  readonly topicId: string;
  /** By base offset: several when an append was taken back (full disk, crash) and its offsets given again. */
  readonly #batches = new Map<bigint, TwinBatch[]>();
  step = 0;
  ackedEnd = 0n;
  shownEnd = 0n;
  logStart = 0n;
  /** The furthest that a removal may have come. */
  mayBeRemovedTo = 0n;
  isDeleteAsked = false;
  isDeleted = false;

  constructor(log: PartitionLog) {
    this.topic = log.topic;
    this.partition = log.partition;
    this.topicId = log.topicId;
  }

  noteAppend(baseOffset: bigint, bytes: Buffer): void {
    this.step++;
    const known = this.#batches.get(baseOffset) ?? [];
    this.#batches.set(baseOffset, [...known, { bytes: Buffer.from(bytes), step: this.step }]);
  }

  noteDurable(lastOffset: bigint): void {
    if (lastOffset >= this.ackedEnd) this.ackedEnd = lastOffset + 1n;
  }

  noteShown(log: PartitionLog): void {
    if (log.highWatermark > this.shownEnd) this.shownEnd = log.highWatermark;
    if (log.logStartOffset > this.logStart) this.logStart = log.logStartOffset;
  }

  promised(): Promised {
    const { step, ackedEnd, shownEnd, logStart, isDeleted } = this;
    return { step, ackedEnd, shownEnd, logStart, isDeleted };
  }

  /** Holds a recovered log against what was promised before the crash. */
  async verify(log: PartitionLog | undefined, promised: Promised): Promise<void> {
    if (promised.isDeleted) return expect(log?.topicId).not.toBe(this.topicId);
    if (!log && this.isDeleteAsked) return;
    expect(log?.topicId, 'a created topic survives under its id').toBe(this.topicId);
    const found = log!;
    expect(found.highWatermark, 'all that was recovered is synced').toBe(found.logEndOffset);
    expect(
      found.logEndOffset >= promised.ackedEnd,
      `acknowledged to ${promised.ackedEnd}, recovered ${found.logEndOffset}`,
    ).toBe(true);
    expect(
      found.logEndOffset >= promised.shownEnd,
      `shown to ${promised.shownEnd}, recovered ${found.logEndOffset}`,
    ).toBe(true);
    expect(found.logStartOffset >= promised.logStart, 'a removal that was seen is not undone').toBe(true);
    expect(
      found.logStartOffset <= this.mayBeRemovedTo,
      `start ${found.logStartOffset}, removed to ${this.mayBeRemovedTo}`,
    ).toBe(true);
    await this.verifyContent(found, promised.step);
  }

  /** Every offset from log start to log end is there, once, with bytes that were appended at it. */
  async verifyContent(log: PartitionLog, upToStep = this.step): Promise<void> {
    let offset: bigint | null = null;
    const nextSequences = new Map<bigint, number>();
    for (const bytes of await readAll(log)) {
      const header = readBatchHeader(bytes);
      if (offset === null) expect(header.lastOffset >= log.logStartOffset).toBe(true);
      else expect(header.baseOffset, 'offsets are dense').toBe(offset);
      offset = header.lastOffset + 1n;
      if (header.producerId >= 0n) {
        const expected = nextSequences.get(header.producerId) ?? header.baseSequence;
        expect(header.baseSequence, 'what an idempotent producer sent is there once, in order').toBe(expected);
        nextSequences.set(header.producerId, expected + header.recordCount);
      }
      const candidates = (this.#batches.get(header.baseOffset) ?? []).filter((batch) => batch.step <= upToStep);
      expect(
        candidates.some((batch) => batch.bytes.equals(bytes)),
        `batch ${header.baseOffset} is one that was appended there`,
      ).toBe(true);
    }
    if (log.logStartOffset < log.logEndOffset) expect(offset).toBe(log.logEndOffset);
  }

  /** What a reader got: batches that follow each other, each as it was appended. */
  verifyRead(records: Buffer, offset: bigint): void {
    let expected: bigint | null = null;
    for (const bytes of splitBatches(records)) {
      const header = readBatchHeader(bytes);
      if (expected === null) expect(header.baseOffset <= offset && offset <= header.lastOffset).toBe(true);
      else expect(header.baseOffset, 'a read has no gap').toBe(expected);
      expect(this.#batches.get(header.baseOffset)!.some((batch) => batch.bytes.equals(bytes))).toBe(true);
      expected = header.lastOffset + 1n;
    }
  }

  /** The log goes on from where a crash left it: what was recovered is shown, what was lost may be replaced. */
  continueFrom(log: PartitionLog): void {
    this.ackedEnd = log.logEndOffset;
    this.shownEnd = log.logEndOffset;
    this.logStart = log.logStartOffset;
  }
}

export async function verifyAll(manager: LogManager, twins: Iterable<[PartitionTwin, Promised]>): Promise<void> {
  for (const [twin, promised] of twins) {
    const topic = manager.topicById(twin.topicId);
    await twin.verify(topic?.partitions[twin.partition], promised);
  }
}
