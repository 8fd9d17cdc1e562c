import { isNested } from '../table/data-type.ts';
import { ByteHeap } from './byte-heap.ts';
import { appendCanonical, hashCell } from './cell-value.ts';
import type { ColumnBuilder } from './column-builder.ts';
import { TimeParser } from './event-time.ts';
import type { FieldSlot } from './field-slot.ts';
import { describeKind, latin1, preview } from './json-preview.ts';
import { isDigit, type JsonReader, minus } from './json-reader.ts';
import { quote } from './json-scanner.ts';
import { NestedColumn } from './nested-column.ts';
import { NestedReader, unreadable } from './nested-reader.ts';
import type { RowHasher } from './row-hash.ts';
import { ScalarReader } from './scalar-reader.ts';

/**
 * Turns one JSON value into the cell of a typed column, exactly or not at all:
 *
 *   boolean    true, false
 *   int32/64   a number without fraction and exponent, in range (`1.0` and `1e3` are not integers here: their text says double)
 *   double     any number that a double can hold: a text without fraction and exponent is an integer and must be exactly
 *              representable, any other is rounded to the nearest double as everywhere; `1e400` and `1e-400`, which would become infinity and 0, are out of range
 *   string     a string; in an inferred table any other value too, as its JSON text (`300` becomes "300")
 *   timestamp  an RFC 3339 text with a zone and at most milliseconds, or an integer of epoch milliseconds
 *   date       a text YYYY-MM-DD
 *   json       any value, as its JSON text, byte for byte
 *   bytes      a string of Base64 (RFC 4648 section 4, padded)
 *   others     see ScalarReader and NestedReader
 *
 * A value that does not fit leaves the reader's failure set and nothing in the builder.
 */
export class CellWriter {
  readonly #reader: JsonReader;
  readonly #hasher: RowHasher;
  readonly #time = new TimeParser();
  readonly #scratch = new ByteHeap();
  readonly #scalars: ScalarReader;
  readonly #nested: NestedReader;

  constructor(reader: JsonReader, hasher: RowHasher) {
    this.#reader = reader;
    this.#hasher = hasher;
    this.#scalars = new ScalarReader(reader);
    this.#nested = new NestedReader(reader, this.#scalars);
  }

  /** Writes the value whose first byte `first` stands at the reader's position; never called for null. */
  write(slot: FieldSlot, builder: ColumnBuilder, row: number, first: number): boolean {
    switch (slot.kind) {
      case 'string':
        return first === quote ? this.#writeString(builder, row) : this.#writeScalarText(slot, builder, row, first);
      case 'int64':
        return this.#writeInt64(slot, builder, row, first);
      case 'double':
        return this.#writeDouble(slot, builder, row, first);
      case 'boolean':
        return this.#writeBoolean(slot, builder, row, first);
      case 'timestamp':
        return this.#writeTimestamp(slot, builder, row, first);
      case 'int32':
        return this.#writeInt32(slot, builder, row, first);
      case 'json':
        return this.#writeJson(builder, row);
      case 'date':
        return this.#writeDate(slot, builder, row, first);
      case 'bytes':
        return this.#writeBase64(slot, builder, row, first);
      default:
        return builder instanceof NestedColumn
          ? this.#writeNested(slot, builder, row)
          : this.#writeScalar(slot, builder, row, first);
    }
  }

  #writeScalar(slot: FieldSlot, builder: ColumnBuilder, row: number, first: number): boolean {
    const type = builder.dataType;
    if (isNested(type)) throw new Error(`field "${slot.name}" has no column`);
    this.#scalars.place = `field ${JSON.stringify(slot.name)}`;
    const value = this.#scalars.read(type, first);
    if (value === null) return false;
    builder.appendCell(row, value);
    hashCell(this.#hasher, builder.seed, type, value);
    return true;
  }

  #writeNested(slot: FieldSlot, builder: NestedColumn, row: number): boolean {
    const value = this.#nested.read(builder.dataType, slot.name);
    if (value === unreadable) return false;
    builder.appendNested(row, value);
    this.#scratch.length = 0;
    appendCanonical(this.#scratch, builder.dataType, value);
    this.#hasher.addBytes(builder.seed, this.#scratch.view, 0, this.#scratch.length);
    return true;
  }

  #writeString(builder: ColumnBuilder, row: number): boolean {
    const reader = this.#reader;
    reader.position++;
    const start = builder.beginBytes();
    if (!reader.readString(builder.heap)) {
      builder.dropBytes();
      return false;
    }
    this.#hasher.addBytes(builder.seed, builder.heap.view, start, builder.endBytes(row));
    return true;
  }

  #writeScalarText(slot: FieldSlot, builder: ColumnBuilder, row: number, first: number): boolean {
    if (!slot.acceptsScalars) return this.#wrongType(slot, first);
    return this.#writeJson(builder, row);
  }

  #writeJson(builder: ColumnBuilder, row: number): boolean {
    const reader = this.#reader;
    const from = reader.position;
    if (!reader.skipValue()) return false;
    const start = builder.beginBytes();
    builder.heap.append(reader.buffer, from, reader.position);
    this.#hasher.addBytes(builder.seed, builder.heap.view, start, builder.endBytes(row));
    return true;
  }

  #writeBoolean(slot: FieldSlot, builder: ColumnBuilder, row: number, first: number): boolean {
    if (first !== 0x74 && first !== 0x66) return this.#wrongType(slot, first);
    if (!this.#reader.readLiteral()) return false;
    builder.appendBoolean(row, first === 0x74);
    this.#hasher.addWords(builder.seed, first === 0x74 ? 1 : 0, 0);
    return true;
  }

  #writeInt32(slot: FieldSlot, builder: ColumnBuilder, row: number, first: number): boolean {
    if (!this.#readInteger(slot, first)) return false;
    const { digitCount, mantissa, isNegative } = this.#reader;
    const value = isNegative ? -mantissa : mantissa;
    if (digitCount > 10 || value !== (value | 0)) return this.#outOfRange(slot, 'int32');
    builder.appendInt32(row, value | 0);
    this.#hasher.addWords(builder.seed, value | 0, value < 0 ? -1 : 0);
    return true;
  }

  #writeInt64(slot: FieldSlot, builder: ColumnBuilder, row: number, first: number): boolean {
    if (!this.#readInteger(slot, first)) return false;
    const { digitCount, mantissa, isNegative } = this.#reader;
    if (digitCount <= 15) {
      this.#appendInt64(builder, row, isNegative ? -mantissa : mantissa);
      return true;
    }
    const value = digitCount <= 19 ? BigInt(this.#numberText()) : null;
    if (value === null || BigInt.asIntN(64, value) !== value) return this.#outOfRange(slot, 'int64');
    if (!slot.isWide && (value > maxExactDouble || value < -maxExactDouble)) slot.isWide = true;
    const low = Number(BigInt.asIntN(32, value));
    const high = Number(value >> 32n);
    builder.appendInt64(row, low, high);
    this.#hasher.addWords(builder.seed, low, high);
    return true;
  }

  /** `value` is an integer below 2^53. */
  #appendInt64(builder: ColumnBuilder, row: number, value: number): void {
    const low = value | 0;
    const high = Math.floor(value / 4_294_967_296);
    builder.appendInt64(row, low, high);
    this.#hasher.addWords(builder.seed, low, high);
  }

  #readInteger(slot: FieldSlot, first: number): boolean {
    const reader = this.#reader;
    if (first !== minus && !isDigit(first)) return this.#wrongType(slot, first);
    const start = reader.position;
    if (!reader.readNumber()) return false;
    if (reader.isInteger) return true;
    reader.position = start;
    return this.#wrongType(slot, first);
  }

  #writeDouble(slot: FieldSlot, builder: ColumnBuilder, row: number, first: number): boolean {
    const reader = this.#reader;
    if (first !== minus && !isDigit(first)) return this.#wrongType(slot, first);
    if (!reader.readNumber()) return false;
    const { digitCount, fractionDigits, mantissa } = reader;
    let value: number;
    if (digitCount <= 15 && fractionDigits <= 22 && !reader.hasExponent) {
      // Both are exact doubles, so the one rounding of the division gives the nearest double.
      value = fractionDigits === 0 ? mantissa : mantissa / powersOfTen[fractionDigits]!;
      if (reader.isNegative) value = -value;
    } else {
      value = Number(this.#numberText());
      if (!Number.isFinite(value) || (value === 0 && mantissa !== 0)) return this.#outOfRange(slot, 'double');
      if (reader.isInteger && BigInt(value) !== BigInt(this.#numberText())) {
        return this.#fail(slot, 'not-representable', 'an integer that a double can hold exactly', this.#numberText());
      }
    }
    builder.appendDouble(row, value);
    this.#hasher.addWords(builder.seed, builder.lastLow, builder.lastHigh);
    return true;
  }

  #writeTimestamp(slot: FieldSlot, builder: ColumnBuilder, row: number, first: number): boolean {
    if (first !== quote && first !== minus && !isDigit(first)) return this.#wrongType(slot, first);
    const start = this.#reader.position;
    if (!this.readTime(first)) {
      if (this.#reader.failure !== null) return false;
      return this.#badText(
        slot,
        'bad-time',
        start,
        'a time like 2026-11-21T07:30:00.000Z, or epoch milliseconds as an integer',
      );
    }
    if (this.isTimeFiner) {
      return this.#fail(
        slot,
        'not-representable',
        'at most milliseconds (declare the column as string to keep more)',
        this.#tokenText(start),
      );
    }
    this.#appendInt64(builder, row, this.timeMs);
    return true;
  }

  /** Epoch milliseconds that `readTime` found, and whether the text had finer digits. */
  get timeMs(): number {
    return this.#time.value;
  }

  get isTimeFiner(): boolean {
    return this.#time.isFiner;
  }

  /** Passes an RFC 3339 string or an integer of epoch milliseconds. False without a failure: well-formed JSON, but no time. */
  readTime(first: number): boolean {
    const reader = this.#reader;
    if (first === quote) {
      // As a rule the text is plain, and parsing it finds its end.
      const after = this.#time.parseTimestamp(reader.buffer, reader.position + 1, reader.end);
      if (after >= 0 && after < reader.end && reader.buffer[after] === quote) {
        reader.position = after + 1;
        return true;
      }
      const text = this.#readText();
      return text !== null && this.#time.parseTimestamp(text, 0, this.#scratch.length) === this.#scratch.length;
    }
    if (first !== minus && !isDigit(first)) {
      reader.skipValue();
      return false;
    }
    if (!reader.readNumber() || !reader.isInteger || reader.digitCount > 15) return false;
    return this.#time.setMillis(reader.isNegative ? -reader.mantissa : reader.mantissa);
  }

  #writeDate(slot: FieldSlot, builder: ColumnBuilder, row: number, first: number): boolean {
    if (first !== quote) return this.#wrongType(slot, first);
    const start = this.#reader.position;
    const text = this.#readText();
    if (text === null) return false;
    if (this.#scratch.length !== 10 || !this.#time.parseDate(text, 0))
      return this.#badText(slot, 'bad-date', start, 'a date like 2026-11-21');
    const days = this.#time.value;
    builder.appendInt32(row, days);
    this.#hasher.addWords(builder.seed, days, days < 0 ? -1 : 0);
    return true;
  }

  #writeBase64(slot: FieldSlot, builder: ColumnBuilder, row: number, first: number): boolean {
    if (first !== quote) return this.#wrongType(slot, first);
    const position = this.#reader.position;
    const text = this.#readText();
    if (text === null) return false;
    const encoded = latin1(text, 0, this.#scratch.length);
    const bytes = Buffer.from(encoded, 'base64');
    if (bytes.toString('base64') !== encoded) return this.#badText(slot, 'bad-base64', position, 'Base64 with padding');
    const start = builder.beginBytes();
    builder.heap.append(bytes, 0, bytes.length);
    this.#hasher.addBytes(builder.seed, builder.heap.view, start, builder.endBytes(row));
    return true;
  }

  /** Passes a string and decodes it into the scratch heap, whose bytes are returned. Null with the reader's failure set. */
  #readText(): Uint8Array | null {
    this.#reader.position++;
    this.#scratch.length = 0;
    return this.#reader.readString(this.#scratch) ? this.#scratch.bytes : null;
  }

  #numberText(): string {
    return latin1(this.#reader.buffer, this.#reader.numberStart, this.#reader.position);
  }

  #tokenText(start: number): string {
    return preview(this.#reader.buffer, start, this.#reader.position);
  }

  #badText(slot: FieldSlot, code: string, start: number, expected: string): false {
    return this.#fail(slot, code, expected, this.#tokenText(start));
  }

  #outOfRange(slot: FieldSlot, type: string): false {
    const { buffer, numberStart, position } = this.#reader;
    return this.#fail(
      slot,
      'out-of-range',
      `a number within the range of ${type}`,
      preview(buffer, numberStart, position),
    );
  }

  /** The value at the reader's position has another type; when it is broken JSON as well, that is what is told. */
  #wrongType(slot: FieldSlot, first: number): false {
    const reader = this.#reader;
    const start = reader.position;
    if (!reader.skipValue()) return false;
    const came = `${describeKind(first)} ${preview(reader.buffer, start, reader.position)}`;
    const expected =
      slot.kind === 'int32' || slot.kind === 'int64'
        ? `${slot.kind} (a number without fraction or exponent)`
        : slot.kind;
    return this.#fail(slot, 'wrong-type', expected, came);
  }

  #fail(slot: FieldSlot, code: string, expected: string, came: string): false {
    return this.#reader.fail(code, `field ${JSON.stringify(slot.name)}: expected ${expected}, came ${came}`);
  }
}

/** Integers up to here are doubles too, each of them. */
const maxExactDouble = 2n ** 53n;

const powersOfTen = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));
