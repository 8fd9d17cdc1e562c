import { ValueError } from './value-error.ts';

/** Nesting of a value. Deeper ones are refused, long before the stack ends. */
export const maxDepth = 100;
/** Nested values, and items that take no bytes, of one value: what a few bytes can unfold into has an end. */
const maxUnfolded = 1_000_000;

/**
 * Walks the bytes of one binary value. Every read is checked against the end first, so a length from the bytes never makes
 * anything larger than the value itself.
 */
export class ByteReader {
  bytes: Buffer = Buffer.alloc(0);
  position = 0;
  /** Exclusive. */
  end = 0;
  #depth = 0;
  #unfolded = 0;

  start(bytes: Buffer, position = 0, end = bytes.length): void {
    this.bytes = bytes;
    this.position = position;
    this.end = end;
    this.#depth = 0;
    this.#unfolded = 0;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  /** Begins a nested value. @throws ValueError `too-deep`. */
  enter(): void {
    if (++this.#depth > maxDepth) throw new ValueError('too-deep', `expected at most ${maxDepth} nested values`);
    this.unfold(1);
  }

  /** Notes `count` values that may take no bytes. @throws ValueError `too-large`. */
  unfold(count: number): void {
    this.#unfolded += count;
    if (this.#unfolded > maxUnfolded) {
      throw new ValueError('too-large', `expected a value of at most ${maxUnfolded} nested values`);
    }
  }

  leave(): void {
    this.#depth--;
  }

  byte(): number {
    if (this.position >= this.end) this.need(1);
    return this.bytes[this.position++]!;
  }

  /** Passes `length` bytes; the position where they began. */
  pass(length: number): number {
    this.need(length);
    const start = this.position;
    this.position += length;
    return start;
  }

  need(length: number): void {
    if (!(length >= 0 && length <= this.remaining)) {
      throw new ValueError(
        'truncated',
        `expected ${length} more bytes at byte ${this.position}, came ${this.remaining}`,
      );
    }
  }

  /**
   * An unsigned base-128 varint of at most 64 bits: a number when it has at most seven bytes (49 bits), else a bigint.
   *
   * @throws ValueError `bad-varint` for more than ten bytes or more than 64 bits.
   */
  varint(): number | bigint {
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return low;
    }
    return this.#longVarint(low);
  }

  #longVarint(low: number): number | bigint {
    let high = 0;
    for (let shift = 0; shift < 21; shift += 7) {
      const byte = this.byte();
      high |= (byte & 0x7f) << shift;
      if (byte < 0x80) return low + high * 0x1000_0000;
    }
    let value = BigInt(low) | (BigInt(high) << 28n);
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte >= 0x80) continue;
      if (value >> 64n !== 0n) break;
      return value;
    }
    throw new ValueError('bad-varint', `expected an integer of at most 64 bits before byte ${this.position}`);
  }

  /** A zigzag varint of at most 64 bits (Avro `long`, Protobuf `sint64`). */
  zigzag(): number | bigint {
    const value = this.varint();
    if (typeof value === 'number') return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    return (value >> 1n) ^ -(value & 1n);
  }

  int32LittleEndian(): number {
    return this.bytes.readInt32LE(this.pass(4));
  }

  float(): number {
    return this.bytes.readFloatLE(this.pass(4));
  }

  double(): number {
    return this.bytes.readDoubleLE(this.pass(8));
  }
}
