import { WireError } from '../wire-error.ts';
import type { RecordHeader } from './record-cursor.ts';
import { maxVarintBytes, maxVarlongBytes, varintSize, varlongSize, writeVarint, writeVarlong } from './varint.ts';

/** What a producer sends; text is encoded as UTF-8. A missing key is null. */
export interface ProducerRecord {
  key?: Buffer | string | null;
  value: Buffer | string | null;
  /** Milliseconds since the epoch. */
  timestamp?: bigint;
  headers?: readonly RecordHeader[];
}

const FIRST_CAPACITY_BYTES = 1024;
/** A batch's length is an int32. */
const MAX_BYTES = 0x7fffffff;

/** Writes records one after the other into a buffer that grows by doubling; `reservedBytes` are left free in front. */
export class RecordWriter {
  #buffer: Buffer;
  #position: number;

  constructor(reservedBytes: number) {
    this.#buffer = Buffer.allocUnsafe(reservedBytes + FIRST_CAPACITY_BYTES);
    this.#position = reservedBytes;
  }

  /** Everything up to the last record, the reserved bytes in front. */
  contents(): Buffer {
    return this.#buffer.subarray(0, this.#position);
  }

  append(record: ProducerRecord, offsetDelta: number, timestampDelta: bigint): void {
    const keyBytes = sizeOf(record.key ?? null);
    const valueBytes = sizeOf(record.value);
    const headers = record.headers ?? [];
    const length =
      1 +
      varlongSize(timestampDelta) +
      varintSize(offsetDelta) +
      sizedBytes(keyBytes) +
      sizedBytes(valueBytes) +
      headersBytes(headers);
    const at = this.#reserve(maxVarintBytes + length);
    let position = writeVarint(this.#buffer, at, length);
    this.#buffer[position++] = 0; // attributes: none are defined
    position = writeVarlong(this.#buffer, position, timestampDelta);
    position = writeVarint(this.#buffer, position, offsetDelta);
    position = writeSized(this.#buffer, position, record.key ?? null, keyBytes);
    position = writeSized(this.#buffer, position, record.value, valueBytes);
    position = writeVarint(this.#buffer, position, headers.length);
    for (const { name, value } of headers) {
      position = writeSized(this.#buffer, position, name, sizeOf(name));
      position = writeSized(this.#buffer, position, value, sizeOf(value));
    }
    this.#position = position;
  }

  #reserve(length: number): number {
    const needed = this.#position + length;
    if (needed > MAX_BYTES)
      throw new WireError('too-large', `expected a batch below ${MAX_BYTES} bytes, got ${needed}`);
    if (needed > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.min(MAX_BYTES, 2 * needed));
      this.#buffer.copy(grown, 0, 0, this.#position);
      this.#buffer = grown;
    }
    return this.#position;
  }
}

/** An upper bound of the bytes that a record takes in a batch, before compression; for filling batches up to a size. */
export function estimateRecordBytes(record: ProducerRecord): number {
  const fixed = maxVarintBytes + 1 + maxVarlongBytes + maxVarintBytes;
  return (
    fixed +
    sizedBytes(sizeOf(record.key ?? null)) +
    sizedBytes(sizeOf(record.value)) +
    headersBytes(record.headers ?? [])
  );
}

/** -1 for null. */
function sizeOf(value: Buffer | string | null): number {
  if (value === null) return -1;
  return typeof value === 'string' ? Buffer.byteLength(value) : value.length;
}

function sizedBytes(size: number): number {
  return size < 0 ? 1 : varintSize(size) + size;
}

function headersBytes(headers: readonly RecordHeader[]): number {
  let bytes = varintSize(headers.length);
  for (const { name, value } of headers) bytes += sizedBytes(sizeOf(name)) + sizedBytes(sizeOf(value));
  return bytes;
}

function writeSized(buffer: Buffer, position: number, value: Buffer | string | null, size: number): number {
  const at = writeVarint(buffer, position, size);
  if (value === null || size === 0) return at;
  if (typeof value === 'string') buffer.write(value, at, size, 'utf8');
  else value.copy(buffer, at);
  return at + size;
}
