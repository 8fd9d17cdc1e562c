import type { RecordRules } from '../table/record-rules.ts';
import type { BatchIndex } from './batch-records.ts';
import { ByteHeap } from './byte-heap.ts';
import type { Failure } from './json-scanner.ts';
import type { EncoderOptions, ValueDecoding } from './parquet-engine.ts';
import { RecordFilter } from './record-filter.ts';
import { RecordShaper } from './record-shaper.ts';

/** Room that is kept for the next batch. */
const keptBytes = 8 * 1024 * 1024;

/**
 * What happens to the values of a batch before their fields are read: they are decoded to JSON, filtered, and shaped as the contract asks. The
 * results lie in one block of memory, to which the index points afterwards; keys stay where they are.
 */
export class ValueStages {
  readonly #decoding: ValueDecoding | null;
  readonly #filter: RecordFilter | null;
  readonly #shaper: RecordShaper | null;
  readonly #decoded = new ByteHeap();
  readonly #shaped = new ByteHeap();
  readonly #failures = new Map<number, Failure>();
  readonly #filtered = new Set<number>();

  /** Null when values are to be read as they came. */
  static open({ decode, rules, timeField, layout }: EncoderOptions): ValueStages | null {
    const hasRules = rules !== undefined && (rules.filter !== null || needsShape(rules));
    const kept = [...(timeField === null ? [] : [timeField]), ...(layout?.partitionBy ?? [])];
    return decode || hasRules ? new ValueStages(decode ?? null, rules ?? null, kept) : null;
  }

  private constructor(decoding: ValueDecoding | null, rules: RecordRules | null, kept: readonly string[]) {
    this.#decoding = decoding;
    this.#filter = rules === null || rules.filter === null ? null : new RecordFilter(rules.filter);
    this.#shaper = rules !== null && needsShape(rules) ? new RecordShaper(rules, this.#shaped, kept) : null;
  }

  /** Why the record at that position cannot be loaded; null when nothing speaks against it yet. */
  failureAt(position: number): Failure | null {
    return this.#failures.size === 0 ? null : (this.#failures.get(position) ?? null);
  }

  /** Positions of the records that the filter leaves out, rising. */
  get filtered(): ReadonlySet<number> {
    return this.#filtered;
  }

  /** Works on the records at [first, next) of the index. */
  async run(index: BatchIndex, first: number, next: number, signal: AbortSignal): Promise<void> {
    this.#failures.clear();
    this.#filtered.clear();
    for (const heap of [this.#decoded, this.#shaped]) {
      if (heap.bytes.length > keptBytes) heap.release();
      heap.length = 0;
    }
    if (this.#decoding !== null) await this.#decode(this.#decoding, index, first, next, signal);
    if (this.#filter !== null) this.#leaveOut(this.#filter, index, first, next);
    if (this.#shaper !== null) this.#shape(this.#shaper, index, first, next);
  }

  async #decode(
    decoding: ValueDecoding,
    index: BatchIndex,
    first: number,
    next: number,
    signal: AbortSignal,
  ): Promise<void> {
    const heap = this.#decoded;
    await decoding.prepare(valuesOf(index, first, next), signal);
    for (let position = first; position < next; position++) {
      const value = valueAt(index, position);
      if (value === null) {
        if (decoding.tombstone) this.#leave(position, decoding.tombstone);
        continue;
      }
      const text = decoding.decode(value);
      const start = heap.length;
      if (Buffer.isBuffer(text)) heap.append(text, 0, text.length);
      else this.#leave(position, text);
      index.valueStarts[position] = start;
      index.valueEnds[position] = heap.length;
    }
    index.payload = heap.bytes;
  }

  /** A value that is no row: wrong, or left out by the settings of its format. */
  #leave(position: number, failure: Failure): void {
    if (failure.code === 'filtered') this.#filtered.add(position);
    else this.#failures.set(position, failure);
  }

  #leaveOut(filter: RecordFilter, { payload, valueStarts, valueEnds }: BatchIndex, first: number, next: number): void {
    for (let position = first; position < next; position++) {
      const start = valueStarts[position]!;
      if (start < 0 || this.#failures.has(position) || this.#filtered.has(position)) continue;
      if (!filter.matches(payload, start, valueEnds[position]!)) this.#filtered.add(position);
    }
    const rising = [...this.#filtered].sort((a, b) => a - b);
    this.#filtered.clear();
    for (const position of rising) this.#filtered.add(position);
  }

  #shape(shaper: RecordShaper, index: BatchIndex, first: number, next: number): void {
    const heap = this.#shaped;
    const { payload, valueStarts, valueEnds } = index;
    for (let position = first; position < next; position++) {
      const start = valueStarts[position]!;
      if (start < 0 || this.#failures.has(position)) continue;
      const shapedStart = heap.length;
      if (!this.#filtered.has(position)) {
        const failure = shaper.shape(payload, start, valueEnds[position]!);
        if (failure !== null) this.#failures.set(position, failure);
      }
      valueStarts[position] = shapedStart;
      valueEnds[position] = heap.length;
    }
    index.payload = heap.bytes;
  }
}

/** True when records have to be written anew; a filter alone only looks at them. */
function needsShape({ columns, personal }: RecordRules): boolean {
  if (personal.length > 0) return true;
  return (columns ?? []).some(
    (column) => column.default !== null || column.from.length !== 1 || column.from[0] !== column.name,
  );
}

function* valuesOf(index: BatchIndex, first: number, next: number): Generator<Buffer> {
  for (let position = first; position < next; position++) {
    const value = valueAt(index, position);
    if (value !== null) yield value;
  }
}

function valueAt({ payload, valueStarts, valueEnds }: BatchIndex, position: number): Buffer | null {
  const start = valueStarts[position]!;
  if (start < 0) return null;
  return Buffer.from(payload.buffer, payload.byteOffset + start, valueEnds[position]! - start);
}
