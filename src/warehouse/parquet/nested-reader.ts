import type { DataType, ListType, MapType, StructType } from '../table/data-type.ts';
import { formatType, isNested } from '../table/data-type.ts';
import { ByteHeap } from './byte-heap.ts';
import { MapValue, type NestedValue } from './cell-value.ts';
import { describeKind } from './json-preview.ts';
import { closeBrace, closeBracket, colon, comma, type JsonReader, openBrace, openBracket } from './json-reader.ts';
import { quote } from './json-scanner.ts';
import type { ScalarReader } from './scalar-reader.ts';

/** What `read` answers instead of a value; the reader's failure is set. */
export const unreadable = Symbol('unreadable');

/**
 * Reads a JSON value as a list, map or struct, each part exactly as its type asks. Null stands anywhere but for a map's key. Fields
 * that a struct's type does not know are checked and ignored; a name that comes twice is refused, in structs and in maps.
 */
export class NestedReader {
  readonly #reader: JsonReader;
  readonly #scalars: ScalarReader;
  readonly #name = new ByteHeap();

  constructor(reader: JsonReader, scalars: ScalarReader) {
    this.#reader = reader;
    this.#scalars = scalars;
  }

  /** Reads the value at the reader's position; `place` is what to call it in a message. */
  read(type: DataType, place: string): NestedValue | typeof unreadable {
    const reader = this.#reader;
    const first = reader.peek();
    if (first === 0x6e) return reader.readLiteral() ? null : unreadable;
    if (!isNested(type)) {
      this.#scalars.place = `field ${JSON.stringify(place)}`;
      return this.#scalars.read(type, first) ?? unreadable;
    }
    if (type.kind === 'list') return this.#readList(type, first, place);
    return type.kind === 'map' ? this.#readMap(type, first, place) : this.#readStruct(type, first, place);
  }

  #readList(type: ListType, first: number, place: string): NestedValue | typeof unreadable {
    const reader = this.#reader;
    if (first !== openBracket) return this.#wrongType(type, first, place);
    reader.position++;
    const elements: NestedValue[] = [];
    if (reader.peek() === closeBracket) {
      reader.position++;
      return elements;
    }
    for (;;) {
      const element = this.read(type.element, `${place}[${elements.length}]`);
      if (element === unreadable) return unreadable;
      elements.push(element);
      const next = reader.peek();
      if (next !== comma && next !== closeBracket) return this.#failHere('"," or "]"');
      reader.position++;
      if (next === closeBracket) return elements;
    }
  }

  #readMap(type: MapType, first: number, place: string): NestedValue | typeof unreadable {
    if (first !== openBrace) return this.#wrongType(type, first, place);
    const pairs: [Uint8Array, NestedValue][] = [];
    const seen = new Set<string>();
    const isRead = this.#readObject((name, bytes) => {
      if (seen.has(name)) return this.#duplicate(`${place}.${name}`);
      seen.add(name);
      const key = bytes.slice();
      const value = this.read(type.value, `${place}.${name}`);
      if (value === unreadable) return false;
      pairs.push([key, value]);
      return true;
    });
    return isRead ? new MapValue(pairs) : unreadable;
  }

  #readStruct(type: StructType, first: number, place: string): NestedValue | typeof unreadable {
    if (first !== openBrace) return this.#wrongType(type, first, place);
    const values: NestedValue[] = type.fields.map(() => null);
    const seen = new Set<string>();
    const isRead = this.#readObject((name) => {
      if (seen.has(name)) return this.#duplicate(`${place}.${name}`);
      seen.add(name);
      const index = type.fields.findIndex((field) => field.name === name);
      if (index < 0) return this.#reader.skipValue();
      const value = this.read(type.fields[index]!.type, `${place}.${name}`);
      if (value === unreadable) return false;
      values[index] = value;
      return true;
    });
    return isRead ? values : unreadable;
  }

  /** Passes an object whose brace stands at the position; `field` passes the value of each field, or answers false. */
  #readObject(field: (name: string, bytes: Uint8Array) => boolean): boolean {
    const reader = this.#reader;
    reader.position++;
    let byte = reader.peek();
    while (byte !== closeBrace) {
      if (byte !== quote) return reader.failHere('the name of a field in quotes');
      reader.position++;
      this.#name.length = 0;
      if (!reader.readString(this.#name)) return false;
      const bytes = this.#name.bytes.subarray(0, this.#name.length);
      const name = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
      if (reader.peek() !== colon) return reader.failHere('":" after the name of a field');
      reader.position++;
      if (!field(name, bytes)) return false;
      byte = reader.peek();
      if (byte !== comma && byte !== closeBrace) return reader.failHere('"," or "}"');
      if (byte === closeBrace) break;
      reader.position++;
      byte = reader.peek();
      if (byte === closeBrace) return reader.failHere('the name of a field in quotes');
    }
    reader.position++;
    return true;
  }

  #duplicate(place: string): false {
    return this.#reader.fail('duplicate-field', `field ${JSON.stringify(place)} is there twice`);
  }

  #wrongType(type: DataType, first: number, place: string): typeof unreadable {
    if (!this.#reader.skipValue()) return unreadable;
    const text = formatType(type);
    const expected = text.length > 80 ? `${text.slice(0, 80)}...` : text;
    this.#reader.fail(
      'wrong-type',
      `field ${JSON.stringify(place)}: expected ${expected}, came ${describeKind(first)}`,
    );
    return unreadable;
  }

  #failHere(expected: string): typeof unreadable {
    this.#reader.failHere(expected);
    return unreadable;
  }
}
