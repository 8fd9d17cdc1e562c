// The LZ4 block format: a sequence is
//   token (high 4 bits literal length, low 4 bits match length - 4; 15 means more bytes follow, each adding up to 255)
//   | literals | uint16 little-endian distance back | more match length
// The last sequence has literals only.
import { WireError } from '../wire-error.ts';

const MIN_MATCH = 4;
/** The format's end rules: the last 5 bytes are literals, and no match starts within the last 12. */
const LAST_LITERALS = 5;
const MATCH_FIND_LIMIT = 12;
const MAX_DISTANCE = 0xffff;
const HASH_BITS = 14;

/** The most bytes that `length` bytes can become. */
export function lz4CompressBound(length: number): number {
  return length + Math.ceil(length / 255) + 16;
}

/** Where each 4-byte sequence was last seen, plus one; reused, because clearing 64 KB is cheaper than allocating it. */
const lastSeen = new Int32Array(1 << HASH_BITS);

/**
 * Compresses `source[start, end)` into `target` at `at`, which must have room for lz4CompressBound; returns the end.
 * Greedy, one candidate per position; steps grow where nothing matches.
 */
export function lz4CompressBlock(source: Buffer, start: number, end: number, target: Buffer, at: number): number {
  lastSeen.fill(0);
  const matchLimit = end - LAST_LITERALS;
  const findLimit = end - MATCH_FIND_LIMIT;
  let out = at;
  let anchor = start;
  let position = start;
  let misses = 1 << 6;
  while (position < findLimit) {
    const sequence = read32(source, position);
    const slot = Math.imul(sequence, 0x9e3779b1) >>> (32 - HASH_BITS);
    const candidate = lastSeen[slot]! - 1 + start;
    lastSeen[slot] = position - start + 1;
    if (candidate < start || position - candidate > MAX_DISTANCE || read32(source, candidate) !== sequence) {
      position += misses++ >> 6;
      continue;
    }
    misses = 1 << 6;
    let matchEnd = position + MIN_MATCH;
    let from = candidate + MIN_MATCH;
    while (matchEnd < matchLimit && source[matchEnd] === source[from]) {
      matchEnd++;
      from++;
    }
    out = writeSequence(source, anchor, position, target, out, matchEnd - position - MIN_MATCH);
    target[out++] = (position - candidate) & 0xff;
    target[out++] = (position - candidate) >>> 8;
    out = writeMoreLength(target, out, matchEnd - position - MIN_MATCH);
    position = matchEnd;
    anchor = matchEnd;
  }
  return writeSequence(source, anchor, end, target, out, 0);
}

/** Token and literals; the match length's low bits go into the token. */
function writeSequence(
  source: Buffer,
  from: number,
  to: number,
  target: Buffer,
  at: number,
  matchCode: number,
): number {
  const literals = to - from;
  target[at] = (Math.min(literals, 15) << 4) | Math.min(matchCode, 15);
  const out = writeMoreLength(target, at + 1, literals);
  if (literals < 32) for (let i = 0; i < literals; i++) target[out + i] = source[from + i]!;
  else source.copy(target, out, from, to);
  return out + literals;
}

function writeMoreLength(target: Buffer, at: number, length: number): number {
  if (length < 15) return at;
  let out = at;
  let rest = length - 15;
  for (; rest >= 255; rest -= 255) target[out++] = 255;
  target[out++] = rest;
  return out;
}

/**
 * Decompresses the block `source` into `target` at `at`, at most up to `limit`; returns the end. Matches may reach back to
 * `window`, which is before `at` where blocks depend on each other. Short copies go eight bytes at a time and so may write
 * past the end, but never past `limit`. Throws WireError.
 */
export function lz4DecompressBlock(source: Buffer, target: Buffer, at: number, limit: number, window: number): number {
  const end = source.length;
  const sourceView = new DataView(source.buffer, source.byteOffset, end);
  const targetView = new DataView(target.buffer, target.byteOffset, target.length);
  let position = 0;
  let out = at;
  while (position < end) {
    const token = source[position++]!;
    let literals = token >>> 4;
    if (literals === 15) {
      const lengthEnd = skipLength(source, position);
      literals += lengthOf(source, position, lengthEnd);
      position = lengthEnd;
    }
    if (literals > end - position)
      throw malformed(`${literals} literals are claimed, ${end - position} bytes are left`);
    if (literals > limit - out) throw malformed(`it holds more than ${limit - at} bytes`);
    if (literals <= 16 && position + 16 <= end && out + 16 <= limit) {
      copyEight(sourceView, position, targetView, out);
      if (literals > 8) copyEight(sourceView, position + 8, targetView, out + 8);
    } else {
      source.copy(target, out, position, position + literals);
    }
    position += literals;
    out += literals;
    if (position === end) return out;
    if (end - position < 2) throw malformed('it ends inside a distance');
    const distance = source[position]! | (source[position + 1]! << 8);
    position += 2;
    if (distance === 0 || distance > out - window) {
      throw malformed(`a distance of ${distance} leads ${distance - (out - window)} bytes before its start`);
    }
    let matched = (token & 15) + MIN_MATCH;
    if (matched === 15 + MIN_MATCH) {
      const lengthEnd = skipLength(source, position);
      matched += lengthOf(source, position, lengthEnd);
      position = lengthEnd;
    }
    if (matched > limit - out) throw malformed(`it holds more than ${limit - at} bytes`);
    const matchEnd = out + matched;
    if (distance >= 8 && matchEnd + 8 <= limit) {
      for (let i = out; i < matchEnd; i += 8) copyEight(targetView, i - distance, targetView, i);
    } else {
      // Source and target overlap: bytes repeat, so they are copied in order.
      for (let i = out; i < matchEnd; i++) target[i] = target[i - distance]!;
    }
    out = matchEnd;
  }
  throw malformed('it ends with a match, not with literals');
}

/** The position after the further bytes of a length: all up to and including the first that is not 255. */
function skipLength(source: Buffer, position: number): number {
  let end = position;
  while (source[end] === 255) end++;
  if (end >= source.length) throw malformed('it ends inside a length');
  return end + 1;
}

function lengthOf(source: Buffer, start: number, end: number): number {
  return (end - start - 1) * 255 + source[end - 1]!;
}

function copyEight(from: DataView, fromPosition: number, to: DataView, toPosition: number): void {
  to.setInt32(toPosition, from.getInt32(fromPosition));
  to.setInt32(toPosition + 4, from.getInt32(fromPosition + 4));
}

function read32(buffer: Buffer, position: number): number {
  return (
    buffer[position]! | (buffer[position + 1]! << 8) | (buffer[position + 2]! << 16) | (buffer[position + 3]! << 24)
  );
}

function malformed(problem: string): WireError {
  return new WireError('malformed', `expected an LZ4 block, but ${problem}`);
}
