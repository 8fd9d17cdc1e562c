import type { Column, ColumnType } from '../table/table-schema.ts';

/**
 * A top-level field name that has been seen, and what becomes of its value. `ignored`: checked and dropped. `undecided`:
 * only nulls came so far, so there is no column yet. `unusable`: its name cannot be a column's.
 */
export type SlotKind = ColumnType | 'ignored' | 'undecided' | 'unusable';

export class FieldSlot {
  readonly name: string;
  /** The name's bytes and the closing quote, as they stand in a record; empty when the name has to be escaped there. */
  readonly pattern: Uint8Array;
  kind: SlotKind;
  /** Index of its column in the schema, -1 without one. */
  columnIndex = -1;
  /** A string column of an inferred table takes numbers and booleans too, as their JSON text. */
  acceptsScalars = false;
  isTime = false;
  /** The record that had it last: tells a duplicate. */
  lastRecord = -1;
  /** The field that came after it last time: most topics write their fields in one order. */
  next: FieldSlot | null = null;
  /** Why an `unusable` field is refused. */
  problem = '';

  constructor(name: string, kind: SlotKind) {
    this.name = name;
    this.kind = kind;
    this.pattern = /["\\\p{Cc}]/u.test(name) ? new Uint8Array(0) : Buffer.from(`${name}"`, 'utf8');
  }

  useColumn(column: Column, columnIndex: number, acceptsScalars: boolean): void {
    this.kind = column.type;
    this.columnIndex = columnIndex;
    this.acceptsScalars = acceptsScalars && column.type === 'string';
  }

  /** True when the bytes at `at` are this name and its closing quote. */
  matches(buffer: Uint8Array, at: number, end: number): boolean {
    const { pattern } = this;
    const length = pattern.length;
    if (length === 0 || at + length > end) return false;
    for (let index = 0; index < length; index++) {
      if (buffer[at + index] !== pattern[index]) return false;
    }
    return true;
  }
}
