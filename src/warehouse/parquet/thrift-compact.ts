/**
 * Thrift's compact protocol, as far as Parquet's footers and page headers need it: a writer for what we write ourselves,
 * and a reader that makes a generic tree and remembers where booleans stand (a boolean field has its value in its
 * header byte, so it can be turned in place).
 */
export const thriftTypes = {
  true: 1,
  false: 2,
  i8: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  map: 11,
  struct: 12,
} as const;

export class ThriftWriter {
  #bytes: number[] = [];
  #lastIds: number[] = [0];

  /** Field header; ids within a struct must rise. */
  #field(id: number, type: number): void {
    const last = this.#lastIds.at(-1)!;
    if (id - last < 16) this.#bytes.push(((id - last) << 4) | type);
    else {
      this.#bytes.push(type);
      this.#varint(zigzag(BigInt(id)));
    }
    this.#lastIds[this.#lastIds.length - 1] = id;
  }

  i32(id: number, value: number): this {
    this.#field(id, thriftTypes.i32);
    this.#varint(zigzag(BigInt(value)));
    return this;
  }

  i64(id: number, value: number | bigint): this {
    this.#field(id, thriftTypes.i64);
    this.#varint(zigzag(BigInt(value)));
    return this;
  }

  boolean(id: number, value: boolean): this {
    this.#field(id, value ? thriftTypes.true : thriftTypes.false);
    return this;
  }

  string(id: number, value: string): this {
    this.#field(id, thriftTypes.binary);
    return this.stringElement(value);
  }

  /** Begins a field that is a struct; its fields follow, then `end`. */
  struct(id: number): this {
    this.#field(id, thriftTypes.struct);
    this.#lastIds.push(0);
    return this;
  }

  /** Begins a list field of `count` elements; they follow. */
  list(id: number, elementType: number, count: number): this {
    this.#field(id, thriftTypes.list);
    if (count < 15) this.#bytes.push((count << 4) | elementType);
    else {
      this.#bytes.push(0xf0 | elementType);
      this.#varint(BigInt(count));
    }
    return this;
  }

  /** Begins an element of a list of structs; its fields follow, then `end`. */
  structElement(): this {
    this.#lastIds.push(0);
    return this;
  }

  i32Element(value: number): this {
    this.#varint(zigzag(BigInt(value)));
    return this;
  }

  stringElement(value: string): this {
    const bytes = Buffer.from(value, 'utf8');
    this.#varint(BigInt(bytes.length));
    for (const byte of bytes) this.#bytes.push(byte);
    return this;
  }

  /** Ends a struct. */
  end(): this {
    this.#bytes.push(0);
    this.#lastIds.pop();
    return this;
  }

  /** Ends the outermost struct. */
  finish(): Buffer {
    this.#bytes.push(0);
    return Buffer.from(this.#bytes);
  }

  #varint(value: bigint): void {
    let rest = value;
    while (rest > 0x7fn) {
      this.#bytes.push(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.#bytes.push(Number(rest));
  }
}

function zigzag(value: bigint): bigint {
  return value >= 0n ? value * 2n : -value * 2n - 1n;
}

export type ThriftValue = boolean | number | bigint | Buffer | ThriftValue[] | ThriftStruct;

/** A struct as fields by id. Accessors throw when a field is not there with that type. */
export class ThriftStruct {
  readonly fields = new Map<number, ThriftValue>();
  /** Where the header byte of a boolean field stands in the bytes that were read. */
  readonly booleanPositions = new Map<number, number>();
  /** Where its closing byte stands, and the id of the field before that: a field with a higher id can be put there. */
  endPosition = 0;
  lastFieldId = 0;

  has(id: number): boolean {
    return this.fields.has(id);
  }

  number(id: number): number {
    const value = this.fields.get(id);
    if (typeof value === 'number') return value;
    if (typeof value === 'bigint') return Number(value);
    throw new ThriftFormatError(`expected a number in field ${id}`);
  }

  text(id: number): string {
    return this.binary(id).toString('utf8');
  }

  binary(id: number): Buffer {
    const value = this.fields.get(id);
    if (Buffer.isBuffer(value)) return value;
    throw new ThriftFormatError(`expected a text in field ${id}`);
  }

  struct(id: number): ThriftStruct {
    const value = this.fields.get(id);
    if (value instanceof ThriftStruct) return value;
    throw new ThriftFormatError(`expected a struct in field ${id}`);
  }

  list(id: number): ThriftValue[] {
    const value = this.fields.get(id);
    if (Array.isArray(value)) return value;
    throw new ThriftFormatError(`expected a list in field ${id}`);
  }

  structs(id: number): ThriftStruct[] {
    return this.list(id).map((value) => {
      if (value instanceof ThriftStruct) return value;
      throw new ThriftFormatError(`expected structs in the list of field ${id}`);
    });
  }
}

export class ThriftFormatError extends Error {}

const maxNesting = 32;

/** Reads the struct that begins at `position`. @throws ThriftFormatError for bytes that are not one. */
export function readThriftStruct(bytes: Buffer, position = 0): ThriftStruct {
  return new ThriftReader(bytes, position).struct(0);
}

class ThriftReader {
  readonly #bytes: Buffer;
  #position: number;

  constructor(bytes: Buffer, position: number) {
    this.#bytes = bytes;
    this.#position = position;
  }

  struct(nesting: number): ThriftStruct {
    if (nesting > maxNesting) throw new ThriftFormatError('nested too deep');
    const struct = new ThriftStruct();
    let id = 0;
    for (;;) {
      const at = this.#position;
      const header = this.#byte();
      if (header === 0) {
        struct.endPosition = at;
        struct.lastFieldId = id;
        return struct;
      }
      const type = header & 0x0f;
      id = header >>> 4 === 0 ? Number(this.#signed()) : id + (header >>> 4);
      if (type === thriftTypes.true || type === thriftTypes.false) {
        struct.fields.set(id, type === thriftTypes.true);
        struct.booleanPositions.set(id, at);
      } else struct.fields.set(id, this.#value(type, nesting));
    }
  }

  #value(type: number, nesting: number): ThriftValue {
    switch (type) {
      case thriftTypes.true:
      case thriftTypes.false:
        return this.#byte() === 1;
      case thriftTypes.i8:
        return (this.#byte() << 24) >> 24;
      case thriftTypes.i16:
      case thriftTypes.i32:
        return Number(this.#signed());
      case thriftTypes.i64:
        return this.#signed();
      case thriftTypes.double:
        return this.#take(8).readDoubleLE(0);
      case thriftTypes.binary:
        return this.#take(this.#count());
      case thriftTypes.list:
      case thriftTypes.set:
        return this.#list(nesting);
      case thriftTypes.struct:
        return this.struct(nesting + 1);
      default:
        throw new ThriftFormatError(`unknown type ${type} at byte ${this.#position}`);
    }
  }

  #list(nesting: number): ThriftValue[] {
    if (nesting > maxNesting) throw new ThriftFormatError('nested too deep');
    const header = this.#byte();
    const count = header >>> 4 === 15 ? this.#count() : header >>> 4;
    const elements: ThriftValue[] = [];
    for (let index = 0; index < count; index++) elements.push(this.#value(header & 0x0f, nesting + 1));
    return elements;
  }

  /** A length, which cannot be more than the bytes that are left. */
  #count(): number {
    const count = Number(this.#unsigned());
    if (count > this.#bytes.length - this.#position) throw new ThriftFormatError(`length ${count} goes beyond the end`);
    return count;
  }

  #take(length: number): Buffer {
    if (length > this.#bytes.length - this.#position) throw new ThriftFormatError('cut short');
    this.#position += length;
    return this.#bytes.subarray(this.#position - length, this.#position);
  }

  #byte(): number {
    const byte = this.#bytes[this.#position++];
    if (byte === undefined) throw new ThriftFormatError('cut short');
    return byte;
  }

  #signed(): bigint {
    const value = this.#unsigned();
    return (value & 1n) === 0n ? value >> 1n : -((value + 1n) >> 1n);
  }

  #unsigned(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new ThriftFormatError('a number of more than 64 bits');
  }
}
