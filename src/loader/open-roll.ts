import type { NotLanded, RollCause } from '../offsets/index.ts';
import { larger, smaller } from '../shared/index.ts';
import type { AppendOutcome, SealedFile, TableEncoder } from '../warehouse/index.ts';
import type { FetchedBatch } from '../wire/client/index.ts';
import { RecordCursor } from '../wire/index.ts';
import type { DeadLetterSpool, SealedDeadLetters } from './dead-letter-spool.ts';
import { OffsetRuns } from './offset-runs.ts';

/** Everything of [first, next) in finished local files, ready to be uploaded and committed. */
export interface SealedRoll {
  first: bigint;
  /** Exclusive. */
  next: bigint;
  files: SealedFile[];
  deadLetters: SealedDeadLetters | null;
  notLanded: NotLanded;
  landedCount: bigint;
  deadCount: bigint;
  cause: RollCause;
  /** Of the last batch read; -1 unknown. */
  leaderEpoch: number;
}

/**
 * What a partition has read since its last roll: [first, next), contiguous, every offset accounted for as landed, dead, filtered
 * or control. The invariant that `seal` checks: landed + dead + filtered + control = next - first.
 */
export class OpenRoll {
  readonly #openEncoder: (batch: Buffer) => Promise<TableEncoder>;
  readonly #spool: DeadLetterSpool;
  #encoder: TableEncoder | null = null;
  #control = new OffsetRuns();
  #filtered = new OffsetRuns();
  #first: bigint;
  #next: bigint;
  #landedCount = 0n;
  #deadCount = 0n;
  #deadCodes = new Map<string, number>();
  #leaderEpoch = -1;

  /** The encoder is opened with the first batch that has records: the columns may have to be inferred from them. */
  constructor(options: {
    openEncoder: (batch: Buffer) => Promise<TableEncoder>;
    spool: DeadLetterSpool;
    first: bigint;
  }) {
    this.#openEncoder = options.openEncoder;
    this.#spool = options.spool;
    this.#first = options.first;
    this.#next = options.first;
  }

  get first(): bigint {
    return this.#first;
  }

  get next(): bigint {
    return this.#next;
  }

  get isEmpty(): boolean {
    return this.#next === this.#first;
  }

  /** Null before the first batch with records. */
  get encoder(): TableEncoder | null {
    return this.#encoder;
  }

  get memoryBytes(): number {
    return this.#encoder?.memoryBytes ?? 0;
  }

  get encodedBytes(): number {
    return this.#encoder?.encodedBytes ?? 0;
  }

  get rowCount(): number {
    return this.#encoder?.rowCount ?? 0;
  }

  /** Files that a roll would make. */
  get folderCount(): number {
    return this.#encoder?.folderCount ?? 0;
  }

  get landedCount(): bigint {
    return this.#landedCount;
  }

  get deadCount(): bigint {
    return this.#deadCount;
  }

  /** Refused records by code. */
  get deadCodes(): ReadonlyMap<string, number> {
    return this.#deadCodes;
  }

  /** Runs the ledger record will have to list; a roll with very many is committed early. */
  get runCount(): number {
    return this.#control.runCount + this.#filtered.runCount + this.#spool.runCount;
  }

  /**
   * Takes the records of one batch up to `endOffset` (exclusive; null: no end). False when a record needs wider columns than the
   * open rows have: then everything before it is in, and the rest of the batch has to come again after `seal`.
   */
  async absorb(batch: FetchedBatch, endOffset: bigint | null, signal?: AbortSignal): Promise<boolean> {
    const { header } = batch;
    const from = larger(header.baseOffset, this.#next);
    const last = header.lastOffset + 1n;
    const end = endOffset === null ? last : smaller(last, endOffset);
    this.skipTo(end <= from ? end : from);
    if (end <= from) return true;
    this.#leaderEpoch = header.leaderEpoch;
    if (batch.isAborted || header.isControl) {
      this.skipTo(end);
      return true;
    }

    this.#encoder ??= await this.#openEncoder(batch.bytes);
    const outcome = await this.#encoder.append(batch.bytes, from, end, signal ? { signal } : {});
    await this.#spool.add(outcome.refused);
    this.#note(outcome, batch.bytes, from, outcome.stoppedAt ?? end);
    return outcome.stoppedAt === undefined;
  }

  #note(outcome: AppendOutcome, bytes: Buffer, from: bigint, end: bigint): void {
    const { landedCount, refused, filtered = [] } = outcome;
    for (const { code } of refused) this.#deadCodes.set(code, (this.#deadCodes.get(code) ?? 0) + 1);
    const filteredBefore = this.#filtered.count;
    for (const { first, next } of filtered) this.#filtered.add(first, next);
    const present = landedCount + refused.length + Number(this.#filtered.count - filteredBefore);
    this.#landedCount += BigInt(landedCount);
    this.#deadCount += BigInt(refused.length);
    if (BigInt(present) !== end - from) this.#noteAbsent(bytes, from, end, present);
    this.#next = end;
  }

  /** Moves on past offsets that hold no record for us: markers, aborted batches, offsets that compaction took. */
  skipTo(next: bigint): void {
    if (next <= this.#next) return;
    this.#control.add(this.#next, next);
    this.#next = next;
  }

  /** Finishes the files and hands everything over; goes on empty at `next`. The encoder must have the kept schema by now. */
  async seal(cause: RollCause, signal?: AbortSignal): Promise<SealedRoll> {
    const accounted = this.#landedCount + this.#deadCount + this.#filtered.count + this.#control.count;
    if (accounted !== this.#next - this.#first) {
      throw new Error(
        `expected every offset of [${this.#first}, ${this.#next}) accounted for, got ${accounted} of them`,
      );
    }
    const files = (await this.#encoder?.seal(signal ? { signal } : {})) ?? [];
    const { file, runs } = await this.#spool.seal();
    const roll: SealedRoll = {
      first: this.#first,
      next: this.#next,
      files,
      deadLetters: file,
      notLanded: { dead: runs, filtered: this.#filtered.take(), control: this.#control.take(), gaps: [] },
      landedCount: this.#landedCount,
      deadCount: this.#deadCount,
      cause,
      leaderEpoch: this.#leaderEpoch,
    };
    const rows = files.reduce((sum, sealed) => sum + BigInt(sealed.rowCount), 0n);
    if (rows !== roll.landedCount) {
      throw new Error(`expected ${roll.landedCount} rows in the files of [${roll.first}, ${roll.next}), got ${rows}`);
    }
    this.#first = this.#next;
    this.#landedCount = 0n;
    this.#deadCount = 0n;
    this.#deadCodes = new Map();
    return roll;
  }

  /** Drops all that is open, the columns it had shown too, and goes on at `first`. */
  async restartAt(first: bigint): Promise<void> {
    await this.#encoder?.close();
    this.#encoder = null;
    await this.#spool.discard();
    this.#control.take();
    this.#filtered.take();
    this.#first = first;
    this.#next = first;
    this.#landedCount = 0n;
    this.#deadCount = 0n;
    this.#deadCodes = new Map();
  }

  async close(): Promise<void> {
    await this.#spool.discard();
    await this.#encoder?.close();
    this.#encoder = null;
  }

  /** A compacted batch has fewer records than offsets: the absent ones are named one by one, for the audit. */
  #noteAbsent(bytes: Buffer, from: bigint, end: bigint, expectedCount: number): void {
    const cursor = new RecordCursor(bytes);
    let expected = from;
    let present = 0;
    while (cursor.next()) {
      const offset = cursor.offset;
      if (offset < from || offset >= end) continue;
      this.#control.add(expected, offset);
      expected = offset + 1n;
      present++;
    }
    this.#control.add(expected, end);
    if (present !== expectedCount) {
      throw new Error(
        `expected the encoder to land, refuse or filter ${present} records of [${from}, ${end}), got ${expectedCount}`,
      );
    }
  }
}
