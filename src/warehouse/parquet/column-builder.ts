import type { ColumnType, DataType } from '../table/data-type.ts';
import { parseType } from '../table/data-type.ts';
import type { BufferPool } from './buffer-pool.ts';
import { ByteHeap } from './byte-heap.ts';
import { type CellValue, decimalBytes } from './cell-value.ts';
import { type ColumnShape, shapeOf } from './column-shape.ts';
import { bitPackedLevels, type LeafPage } from './leaf-page.ts';
import type { PhysicalType } from './physical-type.ts';
import { type HashWords, RowHasher } from './row-hash.ts';

/**
 * The values of one column for the rows of one open file, kept in the very bytes of a PLAIN-encoded Parquet page: a
 * validity bit per row, and the values that are not null one after the other (fixed width little-endian, booleans as bits,
 * byte strings with a 4-byte length in front, those of fixed length without). Writing a page is therefore a copy of buffers.
 * Lists, maps and structs have a builder of their own (NestedColumn), which is one of these for whoever holds a row's columns.
 *
 * A row is undone by `undo`, which takes back the last value: one step is remembered, because a row has one value a column.
 */
export class ColumnBuilder {
  readonly name: string;
  readonly type: ColumnType;
  readonly dataType: DataType;
  readonly physical: PhysicalType;
  readonly seed: HashWords;
  /** Bit i: row i has a value. */
  validity: Uint8Array;
  /** Fixed-width values as 32-bit words, one or two a value; for booleans a bit a value. */
  words: Int32Array;
  #doubles: Float64Array;
  readonly heap: ByteHeap;
  valueCount = 0;
  /** True once a double was -0, in this spill or an earlier one. */
  hasNegativeZero = false;
  /** Row of the last value, -1 when there is none. */
  lastRow = -1;
  #heapMark = 0;
  #floats: Float32Array;
  readonly #fixedLength: number;
  readonly #pool: BufferPool;

  /** `capacity`: rows there is room for, a multiple of 32. */
  constructor(name: string, type: ColumnType, capacity: number, pool: BufferPool) {
    this.#pool = pool;
    this.name = name;
    this.type = type;
    this.dataType = parseType(type);
    const shape: ColumnShape = shapeOf(this.dataType);
    this.physical = shape.physical;
    this.#fixedLength = shape.fixedLength;
    this.seed = RowHasher.seedOf(name, shape.cellKind);
    this.validity = new Uint8Array(pool.take(capacity >>> 3)).fill(0);
    this.words = new Int32Array(this.#wordBlock(capacity));
    this.#doubles = this.#doubleView();
    this.#floats = this.#floatView();
    this.heap = new ByteHeap(pool);
  }

  /** Bytes of memory held. */
  get memoryBytes(): number {
    return this.validity.length + this.words.byteLength + this.heap.bytes.length;
  }

  /** Bytes of the page that would be written now. */
  get pageBytes(): number {
    return this.#valueSize + this.validity.length;
  }

  /** The PLAIN-encoded values; valid until the next append. */
  get valueBytes(): Uint8Array {
    return new Uint8Array(this.#isBytes ? this.heap.bytes.buffer : this.words.buffer, 0, this.#valueSize);
  }

  /** What a spill writes of the column: a page for a scalar, one for each leaf of a nested one. */
  pages(rowCount: number): LeafPage[] {
    const levels = bitPackedLevels(this.validity, rowCount);
    return [{ entryCount: rowCount, levels: [levels], values: this.valueBytes, valueCount: this.valueCount }];
  }

  get #isBytes(): boolean {
    return this.physical === 'BYTE_ARRAY' || this.physical === 'FIXED';
  }

  get #valueSize(): number {
    if (this.#isBytes) return this.heap.length;
    if (this.physical === 'BOOLEAN') return (this.valueCount + 7) >>> 3;
    return this.valueCount * wordBytes(this.physical);
  }

  appendBoolean(row: number, value: boolean): void {
    const index = this.valueCount++;
    const bit = 1 << (index & 31);
    if (value) this.words[index >>> 5]! |= bit;
    else this.words[index >>> 5]! &= ~bit;
    this.#mark(row);
  }

  appendInt32(row: number, value: number): void {
    this.words[this.valueCount++] = value;
    this.#mark(row);
  }

  appendInt64(row: number, low: number, high: number): void {
    const at = this.valueCount++ << 1;
    this.words[at] = low;
    this.words[at + 1] = high;
    this.#mark(row);
  }

  appendDouble(row: number, value: number): void {
    this.#doubles[this.valueCount++] = value;
    if (value === 0 && Object.is(value, -0)) this.hasNegativeZero = true;
    this.#mark(row);
  }

  appendFloat(row: number, value: number): void {
    this.#floats[this.valueCount++] = value;
    if (value === 0 && Object.is(value, -0)) this.hasNegativeZero = true;
    this.#mark(row);
  }

  /** Appends a value of one of the types that come up less often, or of any type. */
  appendCell(row: number, value: CellValue): void {
    switch (this.physical) {
      case 'BOOLEAN':
        this.appendBoolean(row, value === true);
        break;
      case 'INT32':
        this.appendInt32(row, Number(value) | 0);
        break;
      case 'INT64': {
        const whole = BigInt(value as bigint | number);
        this.appendInt64(row, Number(BigInt.asIntN(32, whole)), Number(BigInt.asIntN(32, whole >> 32n)));
        break;
      }
      case 'FLOAT':
        this.appendFloat(row, value as number);
        break;
      case 'DOUBLE':
        this.appendDouble(row, value as number);
        break;
      case 'FIXED':
        this.#appendFixed(row, typeof value === 'bigint' ? decimalBytes(value) : (value as Uint8Array));
        break;
      case 'BYTE_ARRAY': {
        const bytes = value as Uint8Array;
        this.beginBytes();
        this.heap.append(bytes, 0, bytes.length);
        this.endBytes(row);
      }
    }
  }

  #appendFixed(row: number, bytes: Uint8Array): void {
    if (bytes.length !== this.#fixedLength)
      throw new Error(`expected ${this.#fixedLength} bytes, came ${bytes.length}`);
    this.#heapMark = this.heap.length;
    this.heap.append(bytes, 0, bytes.length);
    this.valueCount++;
    this.#mark(row);
  }

  /** Words of the last double, for its hash. */
  get lastLow(): number {
    return this.words[(this.valueCount - 1) << 1]!;
  }

  get lastHigh(): number {
    return this.words[((this.valueCount - 1) << 1) + 1]!;
  }

  /** Begins a byte string: append its bytes to `heap`, then call `endBytes` (or `dropBytes`). Position of the first byte. */
  beginBytes(): number {
    const { heap } = this;
    heap.reserve(4);
    this.#heapMark = heap.length;
    heap.length += 4;
    return heap.length;
  }

  /** Ends the byte string begun last; its length. */
  endBytes(row: number): number {
    const { heap } = this;
    const length = heap.length - this.#heapMark - 4;
    heap.view.setUint32(this.#heapMark, length, true);
    this.valueCount++;
    this.#mark(row);
    return length;
  }

  /** Takes back a byte string that was begun and not ended. */
  dropBytes(): void {
    this.heap.length = this.#heapMark;
  }

  /** Takes back the value of `row`, if it has one; it must be the last row. */
  undo(row: number): void {
    if (this.lastRow !== row) return;
    this.validity[row >>> 3]! &= ~(1 << (row & 7));
    this.valueCount--;
    this.lastRow = -1;
    if (this.#isBytes) this.heap.length = this.#heapMark;
  }

  /** Room for `capacity` rows (a multiple of 32). */
  grow(capacity: number): void {
    const validity = new Uint8Array(this.#pool.take(capacity >>> 3)).fill(0);
    validity.set(this.validity);
    this.#pool.give(this.validity.buffer as ArrayBuffer);
    this.validity = validity;
    const words = new Int32Array(this.#wordBlock(capacity));
    words.set(this.words);
    this.#pool.give(this.words.buffer as ArrayBuffer);
    this.words = words;
    this.#doubles = this.#doubleView();
    this.#floats = this.#floatView();
  }

  /** Forgets all values and keeps the room. */
  clear(): void {
    this.validity.fill(0);
    this.valueCount = 0;
    this.lastRow = -1;
    this.heap.length = 0;
  }

  /** Forgets all values and gives the memory back; `grow` makes the builder usable again. */
  release(): void {
    this.clear();
    this.#pool.give(this.validity.buffer as ArrayBuffer);
    this.#pool.give(this.words.buffer as ArrayBuffer);
    this.validity = new Uint8Array(0);
    this.words = new Int32Array(0);
    this.#doubles = this.#doubleView();
    this.#floats = this.#floatView();
    this.heap.release();
  }

  #mark(row: number): void {
    this.validity[row >>> 3]! |= 1 << (row & 7);
    this.lastRow = row;
  }

  #wordBlock(capacity: number): ArrayBuffer {
    if (this.#isBytes) return new ArrayBuffer(0);
    if (this.physical === 'BOOLEAN') return this.#pool.take(capacity >>> 3);
    return this.#pool.take(capacity * wordBytes(this.physical));
  }

  #doubleView(): Float64Array {
    return this.physical === 'DOUBLE' ? new Float64Array(this.words.buffer) : new Float64Array(0);
  }

  #floatView(): Float32Array {
    return this.physical === 'FLOAT' ? new Float32Array(this.words.buffer) : new Float32Array(0);
  }
}

function wordBytes(physical: PhysicalType): number {
  return physical === 'INT32' || physical === 'FLOAT' ? 4 : 8;
}
