import { thriftTypes } from './thrift-types.ts';

/**
 * Reads Thrift's compact protocol into a generic tree that remembers where the values of fields stand, so that one part of a footer
 * can be replaced. Lengths are checked against the bytes that are left before anything is made of them.
 */
export type ThriftValue = boolean | number | bigint | Buffer | ThriftValue[] | ThriftStruct;

/** A struct as fields by id. Accessors throw when a field is not there with that type. */
export class ThriftStruct {
  readonly fields = new Map<number, ThriftValue>();
  /** Where a field's value begins and ends in the bytes that were read; of a boolean, which is part of its header, nothing. */
  readonly spans = new Map<number, { start: number; end: number }>();

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
      const header = this.#byte();
      if (header === 0) return struct;
      const type = header & 0x0f;
      id = header >>> 4 === 0 ? Number(this.#signed()) : id + (header >>> 4);
      if (type === thriftTypes.true || type === thriftTypes.false) struct.fields.set(id, type === thriftTypes.true);
      else {
        const start = this.#position;
        struct.fields.set(id, this.#value(type, nesting));
        struct.spans.set(id, { start, end: this.#position });
      }
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
