// Walks the records of one batch without making an object per record.
//
// A record, after decompression; all numbers are zig-zag varints except the attributes:
//   length of what follows | int8 attributes (unused) | timestamp delta (64 bit) | offset delta | key length (-1: null), key
//   | value length (-1: null), value | header count | per header: name length, name, value length (-1: null), value
import { decompress } from '../compression/index.ts';
import { WireError } from '../wire-error.ts';
import { type BatchHeader, batchOverheadBytes, readBatchHeader } from './batch-header.ts';
import { checkRecordCount, minRecordBytes } from './batch-validation.ts';
import { maxVarintBytes, readVarlong } from './varint.ts';

export interface RecordHeader {
  name: string;
  value: Buffer | null;
}

/** Protects against batches that decompress to far more than they are. */
const DEFAULT_MAX_DECOMPRESSED_BYTES = 128 * 1024 * 1024;

/**
 * After `next()` returned true the fields tell where the record's parts are in `payload`. Views returned by key(), value()
 * and headers() stay valid as long as anybody holds them.
 *
 * Invariants checked: lengths stay inside their record and the record inside the payload; offset deltas ascend and stay
 * within the batch; the payload ends with the last record. Anything else is a WireError. The checksum is not checked here
 * (validateBatch does), and headers only when they are asked for.
 */
export class RecordCursor {
  readonly header: BatchHeader;
  /** The records, decompressed. */
  readonly payload: Buffer;
  offsetDelta = -1;
  /** A number, except beyond 2^48 ms, where it is a bigint. */
  timestampDelta: number | bigint = 0;
  /** -1: the key is null. */
  keyStart = -1;
  /** Exclusive. */
  keyEnd = -1;
  /** -1: the value is null. */
  valueStart = -1;
  /** Exclusive. */
  valueEnd = -1;
  headerCount = 0;
  headersStart = 0;
  #position = 0;
  #recordEnd = 0;
  #recordIndex = 0;

  /** `batch` begins with the batch; bytes after it are ignored. Throws WireError. */
  constructor(batch: Buffer, options: { maxDecompressedBytes?: number } = {}) {
    const header = readBatchHeader(batch);
    if (header.sizeBytes > batch.length) {
      throw new WireError(
        'truncated',
        `expected a batch of ${header.sizeBytes} bytes, but only ${batch.length} are there`,
      );
    }
    checkRecordCount(header);
    const records = batch.subarray(batchOverheadBytes, header.sizeBytes);
    this.header = header;
    this.payload =
      header.compression === 'none'
        ? records
        : decompress(header.compression, records, options.maxDecompressedBytes ?? DEFAULT_MAX_DECOMPRESSED_BYTES);
    if (header.recordCount * minRecordBytes > this.payload.length) {
      throw new WireError('malformed', `claims ${header.recordCount} records in ${this.payload.length} bytes`);
    }
  }

  /** Moves to the next record; false after the last one. */
  next(): boolean {
    if (this.#recordIndex === this.header.recordCount) return this.#finish();
    this.#recordIndex++;
    const length = this.#varint();
    const end = this.#position + length;
    if (length < minRecordBytes - 1 || end > this.payload.length) throw this.#bad(`its length is ${length}`);
    this.#position++; // attributes
    this.#readTimestampDelta();
    this.#readOffsetDelta();
    this.#readKeyAndValue(end);
    this.headerCount = this.#varint();
    this.headersStart = this.#position;
    this.#recordEnd = end;
    const headerBytes = end - this.#position;
    if (this.headerCount < 0 || this.headerCount * 2 > headerBytes || (this.headerCount === 0 && headerBytes !== 0)) {
      throw this.#bad(`claims ${this.headerCount} headers in ${headerBytes} bytes`);
    }
    this.#position = end;
    return true;
  }

  get offset(): bigint {
    return this.header.baseOffset + BigInt(this.offsetDelta);
  }

  /** Milliseconds since the epoch: the producer's, or the broker's where the topic says LogAppendTime. */
  get timestamp(): bigint {
    if (this.header.timestampType === 'LogAppendTime') return this.header.maxTimestamp;
    return BigInt.asIntN(64, this.header.baseTimestamp + BigInt(this.timestampDelta));
  }

  key(): Buffer | null {
    return this.keyStart < 0 ? null : this.payload.subarray(this.keyStart, this.keyEnd);
  }

  value(): Buffer | null {
    return this.valueStart < 0 ? null : this.payload.subarray(this.valueStart, this.valueEnd);
  }

  headers(): RecordHeader[] {
    const headers: RecordHeader[] = [];
    const after = this.#position;
    this.#position = this.headersStart;
    for (let i = 0; i < this.headerCount; i++) {
      const name = this.#sized(this.#recordEnd);
      if (name === null) throw this.#bad('a header has no name');
      headers.push({ name: name.toString('utf8'), value: this.#sized(this.#recordEnd) });
    }
    if (this.headerCount > 0 && this.#position !== this.#recordEnd)
      throw this.#bad(`its headers end ${this.#recordEnd - this.#position} bytes early`);
    this.#position = after;
    return headers;
  }

  #readTimestampDelta(): void {
    const byte = this.payload[this.#position]!;
    if (byte < 0x80) {
      this.timestampDelta = (byte >>> 1) ^ -(byte & 1);
      this.#position++;
      return;
    }
    // Up to seven bytes are 49 bits: exact in a number.
    let zigzag = 0;
    let scale = 1;
    for (let i = 0; i < 7; i++) {
      const next = this.payload[this.#position + i]!;
      zigzag += (next & 0x7f) * scale;
      if (next < 0x80) {
        this.timestampDelta = zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
        this.#position += i + 1;
        return;
      }
      scale *= 128;
    }
    const long = readVarlong(this.payload, this.#position, this.payload.length);
    if (!long) throw this.#bad('its timestamp delta has more than 64 bits');
    this.timestampDelta = long.value;
    this.#position = long.next;
  }

  #readOffsetDelta(): void {
    const previous = this.#recordIndex === 1 ? -1 : this.offsetDelta;
    const delta = this.#varint();
    if (delta <= previous || delta > this.header.lastOffsetDelta) {
      throw this.#bad(`expected an offset delta from ${previous + 1} to ${this.header.lastOffsetDelta}, got ${delta}`);
    }
    this.offsetDelta = delta;
  }

  #readKeyAndValue(end: number): void {
    const keyLength = this.#varint();
    this.keyStart = keyLength < 0 ? -1 : this.#position;
    this.keyEnd = this.#skip(keyLength, end);
    const valueLength = this.#varint();
    this.valueStart = valueLength < 0 ? -1 : this.#position;
    this.valueEnd = this.#skip(valueLength, end);
  }

  /** Moves past `length` bytes, none for -1; returns the new position, or -1 for null. */
  #skip(length: number, end: number): number {
    if (length < -1 || length > end - this.#position) {
      throw this.#bad(`a length is ${length}, but ${end - this.#position} bytes are left in it`);
    }
    if (length < 0) return -1;
    return (this.#position += length);
  }

  #sized(end: number): Buffer | null {
    const length = this.#varint();
    const start = this.#position;
    return this.#skip(length, end) < 0 ? null : this.payload.subarray(start, start + length);
  }

  /** An int32. Reading past the payload gives undefined bytes, which end the number; the lengths then do not fit. */
  #varint(): number {
    const first = this.payload[this.#position]!;
    if (first < 0x80) {
      this.#position++;
      return (first >>> 1) ^ -(first & 1);
    }
    return this.#longVarint();
  }

  #longVarint(): number {
    let zigzag = 0;
    for (let i = 0; i < maxVarintBytes; i++) {
      const byte = this.payload[this.#position++];
      if (byte === undefined) throw this.#bad('it ends inside a number');
      if (i === maxVarintBytes - 1 && byte > 0x0f) break;
      zigzag |= (byte & 0x7f) << (7 * i);
      if (byte < 0x80) return (zigzag >>> 1) ^ -(zigzag & 1);
    }
    throw this.#bad('a number has more than 32 bits');
  }

  #finish(): false {
    const extra = this.payload.length - this.#position;
    if (extra === 0) return false;
    throw new WireError(
      'malformed',
      `batch at offset ${this.header.baseOffset}: ${extra} bytes follow the last of ${this.header.recordCount} records`,
    );
  }

  #bad(problem: string): WireError {
    return new WireError(
      'malformed',
      `record ${this.#recordIndex} of ${this.header.recordCount} in the batch at offset ${this.header.baseOffset}: ${problem}`,
    );
  }
}
