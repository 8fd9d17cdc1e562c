import type { ByteHeap } from './byte-heap.ts';

/** The parts of a JSON string that are not plain ASCII: escapes (RFC 8259, section 7) and UTF-8 sequences (RFC 3629). */

/** What decoding an escape needs of the reader that met it. */
export interface EscapeReader {
  readonly buffer: Uint8Array;
  readonly end: number;
  position: number;
  fail(code: string, reason: string): false;
  failHere(expected: string): false;
}

/** Length of the well-formed UTF-8 sequence of several bytes at `at`; 0 when there is none (overlong, surrogate, cut). */
export function utf8SequenceLength(buffer: Uint8Array, at: number, end: number): number {
  const first = buffer[at]!;
  if (first < 0xc2 || first > 0xf4) return 0;
  const second = at + 1 < end ? buffer[at + 1]! : 0;
  if (first < 0xe0) return (second & 0xc0) === 0x80 ? 2 : 0;
  const third = at + 2 < end ? buffer[at + 2]! : 0;
  if ((second & 0xc0) !== 0x80 || (third & 0xc0) !== 0x80) return 0;
  if (first < 0xf0) {
    if (first === 0xe0 && second < 0xa0) return 0;
    return first === 0xed && second > 0x9f ? 0 : 3;
  }
  const fourth = at + 3 < end ? buffer[at + 3]! : 0;
  if ((fourth & 0xc0) !== 0x80) return 0;
  if (first === 0xf0 && second < 0x90) return 0;
  return first === 0xf4 && second > 0x8f ? 0 : 4;
}

/** What `decodeEscape` answers instead of a position. */
export const escapeFaults = { unknown: -1, hex: -2, loneSurrogate: -3 } as const;

/**
 * Passes the escape whose backslash stands at `at` and appends what it stands for to `heap` (which has room, because an
 * escape is never shorter than its UTF-8). The position after it, or one of `escapeFaults`.
 */
export function decodeEscape(buffer: Uint8Array, at: number, end: number, heap: ByteHeap | null): number {
  const kind = at + 1 < end ? buffer[at + 1]! : -1;
  if (kind === 0x75) return decodeUnicodeEscape(buffer, at, end, heap);
  const byte = simpleEscape(kind);
  if (byte < 0) return escapeFaults.unknown;
  if (heap !== null) heap.bytes[heap.length++] = byte;
  return at + 2;
}

/** True when all of [start, end) is well-formed UTF-8. */
export function isUtf8Text(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    const length = bytes[at]! < 0x80 ? 1 : utf8SequenceLength(bytes, at, end);
    if (length === 0) return false;
    at += length;
  }
  return true;
}

function simpleEscape(kind: number): number {
  switch (kind) {
    case 0x22:
    case 0x5c:
    case 0x2f:
      return kind;
    case 0x62:
      return 0x08;
    case 0x66:
      return 0x0c;
    case 0x6e:
      return 0x0a;
    case 0x72:
      return 0x0d;
    case 0x74:
      return 0x09;
    default:
      return -1;
  }
}

function decodeUnicodeEscape(buffer: Uint8Array, at: number, end: number, heap: ByteHeap | null): number {
  const unit = hexUnit(buffer, at + 2, end);
  if (unit < 0) return escapeFaults.hex;
  if (unit < 0xd800 || unit > 0xdfff) {
    if (heap !== null) appendCodePoint(heap, unit);
    return at + 6;
  }
  const hasPair = unit < 0xdc00 && at + 8 <= end && buffer[at + 6] === 0x5c && buffer[at + 7] === 0x75;
  const low = hasPair ? hexUnit(buffer, at + 8, end) : -1;
  if (low < 0xdc00 || low > 0xdfff) return escapeFaults.loneSurrogate;
  if (heap !== null) appendCodePoint(heap, 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
  return at + 12;
}

function hexUnit(buffer: Uint8Array, at: number, end: number): number {
  if (at + 4 > end) return -1;
  let unit = 0;
  for (let index = at; index < at + 4; index++) {
    const byte = buffer[index]!;
    const letter = (byte | 0x20) - 0x61;
    const digit = byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : letter >= 0 && letter < 6 ? letter + 10 : -1;
    if (digit < 0) return -1;
    unit = (unit << 4) | digit;
  }
  return unit;
}

function appendCodePoint(heap: ByteHeap, point: number): void {
  const { bytes } = heap;
  let to = heap.length;
  if (point < 0x80) bytes[to++] = point;
  else if (point < 0x800) {
    bytes[to++] = 0xc0 | (point >> 6);
    bytes[to++] = 0x80 | (point & 0x3f);
  } else if (point < 0x10000) {
    bytes[to++] = 0xe0 | (point >> 12);
    bytes[to++] = 0x80 | ((point >> 6) & 0x3f);
    bytes[to++] = 0x80 | (point & 0x3f);
  } else {
    bytes[to++] = 0xf0 | (point >> 18);
    bytes[to++] = 0x80 | ((point >> 12) & 0x3f);
    bytes[to++] = 0x80 | ((point >> 6) & 0x3f);
    bytes[to++] = 0x80 | (point & 0x3f);
  }
  heap.length = to;
}
