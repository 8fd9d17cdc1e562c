import type { FileHandle } from 'node:fs/promises';
import { isNested, type ScalarType } from '../table/data-type.ts';
import { fixedLength, type PhysicalType, physicalOf } from './physical-type.ts';
import type { PlainSpool, SpoolGroup } from './plain-spool.ts';

/** A value as it stands in a spool: a boolean, an int32 or double as number, an int64 as bigint, bytes. */
export type SpoolValue = boolean | number | bigint | Buffer;

/** Reads one column of one row group of a spool, value by value. */
export class SpoolColumnReader {
  readonly #physical: PhysicalType;
  readonly #bytes: Buffer;
  readonly #fixedLength: number;
  readonly #hasValues: boolean;
  /** Where the validity bits begin, and the next value. */
  #validity = 0;
  #position = 0;
  #row = 0;
  #valueIndex = 0;

  /** `page`: the chunk's bytes without the page header. */
  constructor(page: Buffer, type: ScalarType, valueCount: number) {
    this.#bytes = page;
    this.#physical = physicalOf(type);
    this.#fixedLength = fixedLength(type);
    this.#hasValues = valueCount > 0;
    const levelBytes = page.readInt32LE(0);
    this.#validity = 4;
    while (page[this.#validity]! >= 0x80) this.#validity++;
    this.#validity++;
    this.#position = 4 + levelBytes;
  }

  /** The next row's value; null is null. */
  next(): SpoolValue | null {
    const row = this.#row++;
    if (!this.#hasValues) return null;
    const isValid = (this.#bytes[this.#validity + (row >>> 3)]! >>> (row & 7)) & 1;
    return isValid === 1 ? this.#value() : null;
  }

  #value(): SpoolValue {
    const bytes = this.#bytes;
    const at = this.#position;
    switch (this.#physical) {
      case 'BOOLEAN': {
        const index = this.#valueIndex++;
        return ((bytes[at + (index >>> 3)]! >>> (index & 7)) & 1) === 1;
      }
      case 'INT32':
        this.#position += 4;
        return bytes.readInt32LE(at);
      case 'INT64':
        this.#position += 8;
        return bytes.readBigInt64LE(at);
      case 'FLOAT':
        this.#position += 4;
        return bytes.readFloatLE(at);
      case 'FIXED':
        this.#position += this.#fixedLength;
        return bytes.subarray(at, at + this.#fixedLength);
      case 'DOUBLE':
        this.#position += 8;
        return bytes.readDoubleLE(at);
      case 'BYTE_ARRAY': {
        const length = bytes.readUInt32LE(at);
        this.#position += 4 + length;
        return bytes.subarray(at + 4, at + 4 + length);
      }
    }
  }
}

/** Readers for all columns of a row group of a finished spool without nested columns, in the spool's order. */
export async function openSpoolGroup(
  file: FileHandle,
  spool: PlainSpool,
  group: SpoolGroup,
): Promise<SpoolColumnReader[]> {
  const readers: SpoolColumnReader[] = [];
  for (const [index, { position, size, headerBytes, valueCount }] of group.chunks.entries()) {
    const bytes = Buffer.allocUnsafe(size - headerBytes);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, position + headerBytes);
    if (bytesRead !== bytes.length)
      throw new Error(`${spool.path}: expected ${bytes.length} bytes at ${position}, came ${bytesRead}`);
    const { type, name } = spool.columns[index]!;
    if (isNested(type)) throw new Error(`the column ${name} has no single values`);
    readers.push(new SpoolColumnReader(bytes, type, valueCount));
  }
  return readers;
}
