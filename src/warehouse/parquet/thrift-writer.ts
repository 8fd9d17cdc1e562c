import { thriftTypes } from './thrift-types.ts';

/** Writes structs in Thrift's compact protocol, as Parquet's footers and page headers use it. */
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

  i8(id: number, value: number): this {
    this.#field(id, thriftTypes.i8);
    this.#bytes.push(value & 0xff);
    return this;
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
    return this.listValue(elementType, count);
  }

  /** The same without a field around it. */
  listValue(elementType: number, count: number): this {
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

  /** What has been written so far. */
  bytes(): Buffer {
    return Buffer.from(this.#bytes);
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
