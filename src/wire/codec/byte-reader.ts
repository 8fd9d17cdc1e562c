import { WireError } from '../wire-error.ts';

/**
 * Objects take more memory than the bytes they come from: an array of three-byte structs takes thirty times its bytes. So
 * decoding may claim this much for objects, which real messages stay far below, and no more.
 */
const OBJECT_BYTES_BASE = 16 * 1024 * 1024;
const OBJECT_BYTES_PER_BYTE = 8;

/**
 * Reads Kafka's primitive types from a buffer, front to back. Every length is compared with the bytes that are left before
 * anything is done with it; `bytes` are views into the buffer, never copies.
 */
export class ByteReader {
  readonly buffer: Buffer;
  position: number;
  readonly end: number;
  #objectBytesLeft: number;

  constructor(buffer: Buffer, position = 0, end = buffer.length) {
    if (position < 0 || position > end || end > buffer.length) {
      throw new WireError('truncated', `expected a start between 0 and ${buffer.length}, got ${position}`);
    }
    this.buffer = buffer;
    this.position = position;
    this.end = end;
    this.#objectBytesLeft = OBJECT_BYTES_BASE + OBJECT_BYTES_PER_BYTE * (end - position);
  }

  get remaining(): number {
    return this.end - this.position;
  }

  /** To be called before objects of about `bytes` are made. */
  claim(bytes: number): void {
    this.#objectBytesLeft -= bytes;
    if (this.#objectBytesLeft < 0) {
      throw new WireError(
        'too-large',
        `expected a message whose values take at most ${OBJECT_BYTES_BASE} + ${OBJECT_BYTES_PER_BYTE} times its bytes`,
      );
    }
  }

  /** Moves past `length` bytes and returns where they start. */
  take(length: number): number {
    const start = this.position;
    if (length > this.end - start) {
      throw new WireError('truncated', `needs ${length} bytes at ${start}, but only ${this.end - start} are left`);
    }
    this.position = start + length;
    return start;
  }

  bool(): boolean {
    return this.buffer[this.take(1)] !== 0;
  }

  int8(): number {
    return this.buffer.readInt8(this.take(1));
  }

  int16(): number {
    return this.buffer.readInt16BE(this.take(2));
  }

  uint16(): number {
    return this.buffer.readUInt16BE(this.take(2));
  }

  int32(): number {
    return this.buffer.readInt32BE(this.take(4));
  }

  int64(): bigint {
    return this.buffer.readBigInt64BE(this.take(8));
  }

  float64(): number {
    return this.buffer.readDoubleBE(this.take(8));
  }

  /** 32 lower-case hexadecimal digits. */
  uuid(): string {
    const start = this.take(16);
    return this.buffer.toString('hex', start, start + 16);
  }

  /** An unsigned varint of at most 32 bits (five bytes). */
  uvarint(): number {
    const start = this.position;
    let value = 0;
    for (let shift = 0; shift <= 28; shift += 7) {
      const byte = this.buffer[this.take(1)]!;
      // The fifth byte holds the top four bits; more would not fit into 32.
      if (shift === 28 && byte > 0x0f) break;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new WireError('malformed', `expected a varint of at most 32 bits at ${start}`);
  }

  utf8(length: number): string {
    const start = this.take(length);
    return this.buffer.toString('utf8', start, start + length);
  }

  bytes(length: number): Buffer {
    const start = this.take(length);
    return this.buffer.subarray(start, start + length);
  }
}
