import { folderValue, nullFolderValue } from '../table/partition-columns.ts';
import type { Column } from '../table/table-schema.ts';
import { ByteHeap } from './byte-heap.ts';
import { TimeParser } from './event-time.ts';
import { closeBrace, colon, comma, isDigit, JsonReader, minus, openBrace } from './json-reader.ts';
import { type Failure, quote } from './json-scanner.ts';

/** HDFS and local disks take names of 255 bytes. */
const maxNameBytes = 240;

const integerRanges: Record<string, [bigint, bigint]> = Object.fromEntries(
  [8n, 16n, 32n, 64n].flatMap((bits) => [
    [`int${bits}`, [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n]],
    [`uint${bits}`, [0n, (1n << bits) - 1n]],
  ]),
);

export interface FieldFoldersOptions {
  /** Names of the fields, in the order of their folders. */
  partitionBy: readonly string[];
  /** Declarations of those that have one; others take any text, integer or boolean. */
  columns: readonly Column[];
  /** Different combinations of values until `clear`. */
  maxValues: number;
}

/**
 * Finds the folder that the values of a record's fields put it into (`country=DE/os=ios`), by a look at the record's top-level
 * fields before it is read. The number of folders is bounded: a field whose values never end must not make files without end.
 */
export class FieldFolders {
  readonly #names: readonly string[];
  readonly #columns: (Column | undefined)[];
  readonly #maxValues: number;
  readonly #reader = new JsonReader();
  readonly #text = new ByteHeap();
  readonly #time = new TimeParser();
  readonly #values: (string | null)[];
  readonly #known = new Set<string>();

  constructor({ partitionBy, columns, maxValues }: FieldFoldersOptions) {
    this.#names = partitionBy;
    this.#columns = partitionBy.map((name) => columns.find((column) => column.name === name));
    this.#maxValues = maxValues;
    this.#values = partitionBy.map(() => null);
  }

  /** The folder of the value [start, end), or why the record has none. A negative start is a null value. */
  find(payload: Uint8Array, start: number, end: number): string | Failure {
    this.#values.fill(null);
    if (start < 0) return { code: 'tombstone', reason: 'expected a JSON object, came a null value' };
    const reader = this.#reader;
    reader.start(payload, start, end);
    const failure = this.#readObject();
    if (failure !== null) return failure;
    const folder = this.#folder();
    if (typeof folder !== 'string' || this.#known.has(folder)) return folder;
    if (this.#known.size >= this.#maxValues) {
      return {
        code: 'too-many-partition-values',
        reason: `expected at most ${this.#maxValues} different values of ${this.#names.join(', ')} in one roll, came one more: ${folder}`,
      };
    }
    this.#known.add(folder);
    return folder;
  }

  /** A new roll begins. */
  clear(): void {
    this.#known.clear();
  }

  #folder(): string | Failure {
    const parts: string[] = [];
    for (const [i, name] of this.#names.entries()) {
      const value = this.#values[i]!;
      if (value === null && this.#columns[i]?.isRequired) {
        return { code: 'missing-field', reason: `expected a value in the required field "${name}", came none` };
      }
      parts.push(`${name}=${value ?? nullFolderValue}`);
    }
    return parts.join('/');
  }

  /** Reads as far as the last of the fields; what comes behind it is checked when the record is read. */
  #readObject(): Failure | null {
    const reader = this.#reader;
    if (reader.peek() !== openBrace) return this.#notObject();
    reader.position++;
    let missing = this.#names.length;
    for (let byte = reader.peek(); byte !== closeBrace; byte = reader.peek()) {
      if (byte !== quote) return this.#failed('the name of a field in quotes');
      reader.position++;
      const name = this.#readText();
      if (name === null) return reader.failure;
      if (reader.peek() !== colon) return this.#failed('":" after the name of a field');
      reader.position++;
      const index = this.#names.indexOf(name);
      const failure = index < 0 ? this.#skip() : this.#readValue(index);
      if (failure !== null) return failure;
      if (index >= 0 && --missing === 0) return null;
      const next = reader.peek();
      if (next === comma) {
        reader.position++;
        if (reader.peek() === closeBrace) return this.#failed('the name of a field in quotes');
      } else if (next !== closeBrace) return this.#failed('"," or "}"');
    }
    return null;
  }

  #readValue(index: number): Failure | null {
    const reader = this.#reader;
    const first = reader.peek();
    const type = this.#columns[index]?.type;
    if (first === 0x6e) return reader.readLiteral() ? null : reader.failure;
    if (first === quote && (type === undefined || type === 'string' || type === 'date')) {
      reader.position++;
      const text = this.#readText();
      if (text === null) return reader.failure;
      return type === 'date' && !this.#isDate() ? this.#wrong(index, `the text ${text}`) : this.#keepText(index, text);
    }
    if (first === 0x74 || first === 0x66) {
      if (!reader.readLiteral()) return reader.failure;
      if (type !== undefined && type !== 'boolean') return this.#wrong(index, 'a boolean');
      this.#values[index] = first === 0x74 ? 'true' : 'false';
      return null;
    }
    if (first === minus || isDigit(first)) return this.#readInteger(index, type);
    return this.#skip() ?? this.#wrong(index, 'another kind of value');
  }

  #readInteger(index: number, type: string | undefined): Failure | null {
    const reader = this.#reader;
    if (!reader.readNumber()) return reader.failure;
    const { numberStart, position, buffer } = reader;
    const text = Buffer.from(buffer.buffer, buffer.byteOffset + numberStart, position - numberStart).toString('latin1');
    const range = integerRanges[type ?? 'int64'];
    const isWhole = reader.isInteger && reader.digitCount <= 20;
    const value = isWhole ? BigInt(text) : 0n;
    if (!isWhole || !range || value < range[0] || value > range[1]) return this.#wrong(index, `the number ${text}`);
    this.#values[index] = String(value);
    return null;
  }

  /** An empty text, and the word for null, would be read back as null; a name that is too long cannot be one. */
  #keepText(index: number, text: string): Failure | null {
    const value = folderValue(text);
    const isKept = text !== '' && text !== nullFolderValue;
    const name = this.#names[index]!;
    if (!isKept || Buffer.byteLength(`${name}=${value}`) > maxNameBytes) {
      const came = text === '' ? 'an empty text' : `one of ${Buffer.byteLength(text)} bytes`;
      return {
        code: 'partition-value',
        reason: `field "${name}": expected a text that a folder's name can carry and give back, came ${came}`,
      };
    }
    this.#values[index] = value;
    return null;
  }

  #wrong(index: number, came: string): Failure {
    const expected = this.#columns[index]?.type ?? 'a text, an integer or a boolean';
    const reason = `field "${this.#names[index]}": expected ${expected}, came ${came.slice(0, 100)}`;
    return { code: 'wrong-type', reason };
  }

  #isDate(): boolean {
    return this.#text.length === 10 && this.#time.parseDate(this.#text.bytes, 0);
  }

  #readText(): string | null {
    this.#text.length = 0;
    if (!this.#reader.readString(this.#text)) return null;
    return Buffer.from(this.#text.bytes.buffer, 0, this.#text.length).toString('utf8');
  }

  #skip(): Failure | null {
    return this.#reader.skipValue() ? null : this.#reader.failure;
  }

  #notObject(): Failure {
    return { code: 'not-object', reason: 'expected a JSON object, came something else' };
  }

  #failed(expected: string): Failure | null {
    this.#reader.failHere(expected);
    return this.#reader.failure;
  }
}
