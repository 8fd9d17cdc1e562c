import type { DataType, ScalarType } from '../table/data-type.ts';
import type { ByteHeap } from './byte-heap.ts';
import { cellKindOf, physicalOf } from './physical-type.ts';
import { cellKinds, type HashWords, type RowHasher } from './row-hash.ts';

/**
 * A value between the JSON text and its column, for the types that are not read straight into a builder. Integers of up to 32 bits, dates (days)
 * and time_ms: number; wider integers, time_us and timestamps (in the unit of the column): bigint; decimals: the digits without the point, as
 * bigint; float, double: number; all others: bytes.
 */
export type CellValue = boolean | number | bigint | Uint8Array;

/** The value of a nested column: a struct's fields in the order of its type, a map's pairs in that of the JSON text. */
export type NestedValue = null | CellValue | readonly NestedValue[] | MapValue;

export class MapValue {
  readonly pairs: readonly (readonly [key: Uint8Array, value: NestedValue])[];

  constructor(pairs: readonly (readonly [key: Uint8Array, value: NestedValue])[]) {
    this.pairs = pairs;
  }
}

/** Adds a scalar's cell to the hash of its row. */
export function hashCell(hasher: RowHasher, seed: HashWords, type: ScalarType, value: CellValue): void {
  const bytes = canonicalCell(type, value);
  hasher.addBytes(seed, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
}

/** The value bytes of a cell in the content hash (row-hash.ts). */
export function canonicalCell(type: ScalarType, value: CellValue): Uint8Array {
  if (type.kind === 'decimal') return Buffer.from(decimalText(value as bigint, type.scale), 'latin1');
  if (value instanceof Uint8Array) return value;
  const bytes = Buffer.alloc(8);
  if (cellKindOf(type) === cellKinds.double) bytes.writeDoubleLE(value as number);
  else bytes.writeBigInt64LE(BigInt.asIntN(64, BigInt(value)));
  return bytes;
}

/**
 * The canonical bytes of a nested value, for the content hash: 0 for null; a scalar's kind, then its 8 bytes or a length (uint32 LE) and
 * its bytes; 7 list, count (uint32 LE), elements; 8 map, count, for each pair length and bytes of the key and the value; 9 struct, count of the fields that are not null, for each,
 * in the byte order of their names, length and bytes of the name and the value. So a field that a later schema adds changes no hash.
 */
export function appendCanonical(heap: ByteHeap, type: DataType, value: NestedValue): void {
  if (value === null) appendByte(heap, 0);
  else if (type.kind === 'list') {
    const elements = value as readonly NestedValue[];
    appendByte(heap, 7);
    appendUint32(heap, elements.length);
    for (const element of elements) appendCanonical(heap, type.element, element);
  } else if (type.kind === 'map') {
    const { pairs } = value as MapValue;
    appendByte(heap, 8);
    appendUint32(heap, pairs.length);
    for (const [key, mapped] of pairs) {
      appendSized(heap, key);
      appendCanonical(heap, type.value, mapped);
    }
  } else if (type.kind === 'struct') {
    const values = value as readonly NestedValue[];
    const present = type.fields
      .map((field, index) => ({ name: Buffer.from(field.name), type: field.type, value: values[index]! }))
      .filter((field) => field.value !== null)
      .sort((left, right) => Buffer.compare(left.name, right.name));
    appendByte(heap, 9);
    appendUint32(heap, present.length);
    for (const field of present) {
      appendSized(heap, field.name);
      appendCanonical(heap, field.type, field.value);
    }
  } else {
    const kind = cellKindOf(type);
    appendByte(heap, kind);
    const bytes = canonicalCell(type, value as CellValue);
    if (kind === cellKinds.bytes || kind === cellKinds.decimal) appendSized(heap, bytes);
    else heap.append(bytes, 0, bytes.length);
  }
}

/** `-12.5` of -1250n with scale 2. */
export function decimalText(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? '-' : '';
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '');
  const whole = digits.slice(0, digits.length - scale);
  return scale === 0 ? `${sign}${digits}` : `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

/** A decimal of more than 18 digits as Parquet keeps it: 16 bytes of two's complement, the highest first. */
export function decimalBytes(unscaled: bigint): Uint8Array {
  const bytes = Buffer.allocUnsafe(16);
  bytes.writeBigInt64BE(BigInt.asIntN(64, unscaled >> 64n), 0);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, unscaled), 8);
  return bytes;
}

/** Appends a value to a heap as a PLAIN page has it; booleans as a byte each, to be packed later. */
export function appendPlain(heap: ByteHeap, type: ScalarType, value: CellValue): void {
  const physical = physicalOf(type);
  if (physical === 'BOOLEAN') appendByte(heap, value === true ? 1 : 0);
  else if (physical === 'INT32') appendUint32(heap, Number(value) >>> 0);
  else if (physical === 'BYTE_ARRAY') appendSized(heap, value as Uint8Array);
  else if (physical === 'FIXED') {
    const bytes = typeof value === 'bigint' ? decimalBytes(value) : (value as Uint8Array);
    heap.append(bytes, 0, bytes.length);
  } else appendNumber(heap, physical, value);
}

function appendNumber(heap: ByteHeap, physical: 'INT64' | 'FLOAT' | 'DOUBLE', value: CellValue): void {
  heap.reserve(8);
  if (physical === 'INT64') heap.view.setBigInt64(heap.length, BigInt.asIntN(64, BigInt(value as bigint)), true);
  else if (physical === 'FLOAT') heap.view.setFloat32(heap.length, value as number, true);
  else heap.view.setFloat64(heap.length, value as number, true);
  heap.length += physical === 'FLOAT' ? 4 : 8;
}

function appendSized(heap: ByteHeap, bytes: Uint8Array): void {
  appendUint32(heap, bytes.length);
  heap.append(bytes, 0, bytes.length);
}

function appendByte(heap: ByteHeap, value: number): void {
  heap.reserve(1);
  heap.bytes[heap.length++] = value;
}

function appendUint32(heap: ByteHeap, value: number): void {
  heap.reserve(4);
  heap.view.setUint32(heap.length, value, true);
  heap.length += 4;
}
