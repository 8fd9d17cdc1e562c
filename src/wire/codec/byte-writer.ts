import { WireError } from '../wire-error.ts';

const INITIAL_BYTES = 256;

/**
 * Writes Kafka's primitive types into a buffer that grows by doubling. With `referenceFromBytes`, byte fields of at least
 * that size are not copied: `chunks()` then returns the pieces in order, the caller's own buffers among them.
 * Values that do not fit their type are a WireError 'malformed': a wrapped-around number must never reach a peer.
 */
export class ByteWriter {
  #buffer: Buffer;
  #position = 0;
  /** Where the part of #buffer begins that is not in #chunks yet. */
  #start = 0;
  readonly #chunks: Buffer[] = [];
  #chunkedBytes = 0;
  readonly #referenceFromBytes: number;

  constructor(options: { referenceFromBytes?: number; initialBytes?: number } = {}) {
    this.#referenceFromBytes = options.referenceFromBytes ?? Number.POSITIVE_INFINITY;
    this.#buffer = Buffer.allocUnsafe(options.initialBytes ?? INITIAL_BYTES);
  }

  /** How many bytes were written so far. */
  get size(): number {
    return this.#chunkedBytes + this.#position - this.#start;
  }

  /** What was written, in one buffer. Only for writers without `referenceFromBytes`. */
  contents(): Buffer {
    return this.#buffer.subarray(0, this.#position);
  }

  /** What was written, in order. */
  chunks(): Buffer[] {
    this.#cut();
    return this.#chunks;
  }

  bool(value: unknown): void {
    if (typeof value !== 'boolean') throw wrongType('a boolean', value);
    const at = this.#reserve(1);
    this.#buffer[at] = value ? 1 : 0;
  }

  int8(value: unknown): void {
    const number = integerBetween(value, -0x80, 0x7f, 'int8');
    const at = this.#reserve(1);
    this.#buffer[at] = number;
  }

  int16(value: unknown): void {
    const number = integerBetween(value, -0x8000, 0x7fff, 'int16');
    const at = this.#reserve(2);
    this.#buffer.writeInt16BE(number, at);
  }

  uint16(value: unknown): void {
    const number = integerBetween(value, 0, 0xffff, 'uint16');
    const at = this.#reserve(2);
    this.#buffer.writeUInt16BE(number, at);
  }

  int32(value: unknown): void {
    const number = integerBetween(value, -0x80000000, 0x7fffffff, 'int32');
    const at = this.#reserve(4);
    this.#buffer.writeInt32BE(number, at);
  }

  int64(value: unknown): void {
    if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) throw wrongType('an int64 (bigint)', value);
    const at = this.#reserve(8);
    this.#buffer.writeBigInt64BE(value, at);
  }

  float64(value: unknown): void {
    if (typeof value !== 'number') throw wrongType('a number', value);
    const at = this.#reserve(8);
    this.#buffer.writeDoubleBE(value, at);
  }

  uuid(value: unknown): void {
    if (typeof value !== 'string' || !/^[0-9a-f]{32}$/i.test(value))
      throw wrongType('a uuid of 32 hexadecimal digits', value);
    const at = this.#reserve(16);
    this.#buffer.write(value, at, 'hex');
  }

  /** An unsigned varint of at most 32 bits. */
  uvarint(value: number): void {
    let rest = value >>> 0;
    let at = this.#reserve(uvarintSize(rest));
    while (rest > 0x7f) {
      this.#buffer[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[at] = rest;
  }

  /** `byteLength` must be the text's own: Buffer.byteLength(text). */
  utf8(text: string, byteLength: number): void {
    const at = this.#reserve(byteLength);
    if (byteLength > 0) this.#buffer.write(text, at, 'utf8');
  }

  bytes(value: Buffer): void {
    if (value.length >= this.#referenceFromBytes) {
      this.#cut();
      this.#chunks.push(value);
      this.#chunkedBytes += value.length;
      return;
    }
    const at = this.#reserve(value.length);
    value.copy(this.#buffer, at);
  }

  /** May replace #buffer: so call it before, never inside, an expression that names #buffer. */
  #reserve(length: number): number {
    const at = this.#position;
    if (at + length > this.#buffer.length) return this.#grow(length);
    this.#position = at + length;
    return at;
  }

  #grow(length: number): number {
    const pending = this.#buffer.subarray(this.#start, this.#position);
    const grown = Buffer.allocUnsafe(Math.max(INITIAL_BYTES, 2 * (pending.length + length)));
    pending.copy(grown);
    this.#buffer = grown;
    this.#start = 0;
    this.#position = pending.length + length;
    return pending.length;
  }

  #cut(): void {
    if (this.#position === this.#start) return;
    this.#chunks.push(this.#buffer.subarray(this.#start, this.#position));
    this.#chunkedBytes += this.#position - this.#start;
    this.#start = this.#position;
  }
}

export function uvarintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
}

function integerBetween(value: unknown, first: number, last: number, type: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < first || value > last)
    throw wrongType(type, value);
  return value;
}

function wrongType(expected: string, value: unknown): WireError {
  const shown =
    typeof value === 'bigint'
      ? `${value}n`
      : typeof value === 'string'
        ? JSON.stringify(value.slice(0, 40))
        : String(value);
  return new WireError('malformed', `expected ${expected}, got ${shown}`);
}
