import { type DataType, parseType } from '../table/data-type.ts';
import type { Column } from '../table/table-schema.ts';

/**
 * A top-level field name that has been seen, and what becomes of its value. `ignored`: checked and dropped. `undecided`:
 * only nulls came so far, so there is no column yet. `unusable`: its name cannot be a column's.
 */
export type SlotKind = DataType['kind'] | 'ignored' | 'undecided' | 'unusable';

export class FieldSlot {
  readonly name: string;
  /** Bytes of the name and the closing quote, as they stand in a record; 0 when the name has to be escaped there. */
  readonly patternLength: number;
  /** Those bytes as little-endian words, and what counts of the last one. */
  readonly #words: Int32Array;
  readonly #lastMask: number;
  kind: SlotKind;
  /** Index of its column in the schema, -1 without one. */
  columnIndex = -1;
  /** A string column of an inferred table takes values of every other kind too, as their JSON text. */
  acceptsScalars = false;
  isTime = false;
  /** An integer beyond 2^53 has come: the column cannot become a double any more. */
  isWide = false;
  /** The record that had it last: tells a duplicate. */
  lastRecord = -1;
  /** The field that came after it last time: most topics write their fields in one order. */
  next: FieldSlot | null = null;
  /** Made for one record only, because too many names are known already. */
  isPassing = false;
  /** Why an `unusable` field is refused. */
  problem = '';

  constructor(name: string, kind: SlotKind) {
    this.name = name;
    this.kind = kind;
    const pattern = /["\\\p{Cc}]/u.test(name) ? Buffer.alloc(0) : Buffer.from(`${name}"`, 'utf8');
    const padded = Buffer.concat([pattern, Buffer.alloc(-pattern.length & 3)]);
    this.patternLength = pattern.length;
    this.#words = Int32Array.from({ length: padded.length >>> 2 }, (_, index) => padded.readInt32LE(index * 4));
    this.#lastMask = (pattern.length & 3) === 0 ? -1 : (1 << ((pattern.length & 3) * 8)) - 1;
  }

  useColumn(column: Column, columnIndex: number, acceptsScalars: boolean): void {
    this.kind = parseType(column.type).kind;
    this.columnIndex = columnIndex;
    this.isWide = column.isWide === true;
    this.acceptsScalars = acceptsScalars && column.type === 'string';
  }

  /** True when the bytes at `at` are this name and its closing quote. A record that ends within 3 bytes may be missed. */
  matches(view: DataView, at: number, end: number): boolean {
    const words = this.#words;
    const last = words.length - 1;
    if (last < 0 || at + (last + 1) * 4 > end) return false;
    for (let index = 0; index < last; index++) {
      if (view.getInt32(at + index * 4, true) !== words[index]) return false;
    }
    return ((view.getInt32(at + last * 4, true) ^ words[last]!) & this.#lastMask) === 0;
  }
}
