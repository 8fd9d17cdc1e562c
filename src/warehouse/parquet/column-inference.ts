import type { ColumnType } from '../table/data-type.ts';
import type { Column } from '../table/table-schema.ts';
import { ByteHeap } from './byte-heap.ts';
import { closeBrace, colon, comma, isDigit, JsonReader, minus, openBrace, openBracket } from './json-reader.ts';
import { quote } from './json-scanner.ts';

/**
 * Finds column types for fields by looking at values. Only whole, strictly valid records count. Rules:
 *
 *   all integers within int64                         int64
 *   numbers, one of them with fraction or exponent    double
 *   all booleans                                      boolean
 *   all strings (times too)                           string
 *   scalars of several kinds; integers beyond int64;
 *   numbers with a fraction beside integers that no
 *   double holds exactly                              string, holding the JSON text of what is not a string
 *   an object or array among them                     json
 *   nothing but nulls                                 no column yet
 */
export class ColumnInference {
  readonly #reader = new JsonReader();
  readonly #name = new ByteHeap();
  readonly #isWanted: (name: string) => boolean;
  readonly #evidence = new Map<string, number>();

  /** `isWanted`: whether a field of that name is of interest. */
  constructor(isWanted: (name: string) => boolean) {
    this.#isWanted = isWanted;
  }

  /** Looks at one record's value. */
  add(payload: Uint8Array, start: number, end: number): void {
    this.#reader.start(payload, start, end);
    const found = this.#readRecord();
    if (found === null) return;
    for (const [name, seen] of found) {
      if (!this.#isWanted(name)) continue;
      this.#evidence.set(name, (this.#evidence.get(name) ?? 0) | seen);
    }
  }

  /** Columns for all wanted fields with a value that is not null, in the order of their first appearance. */
  columns(): Column[] {
    const columns: Column[] = [];
    for (const [name, seen] of this.#evidence) {
      const type = decideType(seen);
      if (type !== null) columns.push({ name, type, isRequired: false });
    }
    return columns;
  }

  #readRecord(): Map<string, number> | null {
    const reader = this.#reader;
    const found = new Map<string, number>();
    if (reader.peek() !== openBrace) return null;
    reader.position++;
    let byte = reader.peek();
    while (byte !== closeBrace) {
      if (byte !== quote) return null;
      reader.position++;
      this.#name.length = 0;
      if (!reader.readString(this.#name)) return null;
      const name = Buffer.from(this.#name.bytes.buffer, 0, this.#name.length).toString('utf8');
      if (found.has(name) || reader.peek() !== colon) return null;
      reader.position++;
      const first = reader.peek();
      if (!reader.skipValue()) return null;
      found.set(name, this.#kindOf(first));
      byte = reader.peek();
      if (byte === comma) {
        reader.position++;
        byte = reader.peek();
        if (byte === closeBrace) return null;
      } else if (byte !== closeBrace) return null;
    }
    reader.position++;
    return reader.peek() === -1 ? found : null;
  }

  /** Kind of the value that the reader has just passed. */
  #kindOf(first: number): number {
    if (first === quote) return seenString;
    if (first === openBrace || first === openBracket) return seenNested;
    if (first !== minus && !isDigit(first)) return first === 0x6e ? 0 : seenBoolean;
    const { isInteger, digitCount, buffer, numberStart, position } = this.#reader;
    if (!isInteger) return seenFraction;
    if (digitCount <= 15) return seenInteger;
    if (digitCount > 19) return seenHugeInteger;
    const text = Buffer.from(buffer.buffer, buffer.byteOffset + numberStart, position - numberStart).toString('latin1');
    const value = BigInt(text);
    if (BigInt.asIntN(64, value) !== value) return seenHugeInteger;
    return BigInt(Number(value)) === value ? seenInteger : seenInteger | seenInexact;
  }
}

const seenString = 1;
const seenBoolean = 2;
const seenInteger = 4;
const seenFraction = 8;
const seenHugeInteger = 16;
const seenInexact = 32;
const seenNested = 64;

function decideType(seen: number): ColumnType | null {
  if (seen === 0) return null;
  if (seen & seenNested) return 'json';
  const isNumeric = (seen & (seenString | seenBoolean | seenHugeInteger)) === 0;
  if (isNumeric) {
    if ((seen & seenFraction) === 0) return 'int64';
    return seen & seenInexact ? 'string' : 'double';
  }
  return seen === seenBoolean ? 'boolean' : 'string';
}
