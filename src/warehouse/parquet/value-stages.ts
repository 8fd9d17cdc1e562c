import type { BatchIndex } from './batch-records.ts';
import { ByteHeap } from './byte-heap.ts';
import type { Failure } from './json-scanner.ts';
import type { ValueDecoding } from './parquet-engine.ts';

/** Room that is kept for the next batch. */
const keptBytes = 8 * 1024 * 1024;

/**
 * What happens to the values of a batch before their fields are read: they are decoded to JSON. The results lie in one block of memory, to
 * which the index points afterwards; keys stay where they are.
 */
export class ValueStages {
  readonly #decoding: ValueDecoding;
  readonly #heap = new ByteHeap();
  readonly #failures = new Map<number, Failure>();

  constructor(decoding: ValueDecoding) {
    this.#decoding = decoding;
  }

  /** Why the record at that position cannot be loaded; null when nothing speaks against it yet. */
  failureAt(position: number): Failure | null {
    return this.#failures.size === 0 ? null : (this.#failures.get(position) ?? null);
  }

  /** Works on the records at [first, next) of the index. */
  async run(index: BatchIndex, first: number, next: number, signal: AbortSignal): Promise<void> {
    this.#failures.clear();
    if (this.#heap.bytes.length > keptBytes) this.#heap.release();
    this.#heap.length = 0;
    await this.#decoding.prepare(valuesOf(index, first, next), signal);
    for (let position = first; position < next; position++) this.#decode(index, position);
    index.payload = this.#heap.bytes;
  }

  #decode(index: BatchIndex, position: number): void {
    const value = valueAt(index, position);
    if (value === null) return;
    const text = this.#decoding.decode(value);
    const heap = this.#heap;
    const start = heap.length;
    if (Buffer.isBuffer(text)) heap.append(text, 0, text.length);
    else this.#failures.set(position, text);
    index.valueStarts[position] = start;
    index.valueEnds[position] = heap.length;
  }
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
