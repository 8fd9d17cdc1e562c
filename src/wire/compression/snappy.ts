// Snappy as Kafka uses it. The Java client frames it (the "xerial" stream of snappy-java); others send one raw block.
//
//   0x82 "SNAPPY" 0x00 | int32 version 1 | int32 compatible version 1 | chunks: int32 length, raw Snappy block
//
// A raw block begins with the uncompressed length as an unsigned varint.
import { compressSync, uncompressSync } from 'snappy';
import { WireError } from '../wire-error.ts';

const magic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const HEADER_BYTES = 16;
/** What snappy-java uses. */
const CHUNK_BYTES = 32 * 1024;
/** A copy of 64 bytes takes at least three: no real block grows more than this. */
const MAX_RATIO = 32;

const header = Buffer.concat([magic, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])]);

export function snappyCompress(payload: Buffer): Buffer {
  const parts: Buffer[] = [header];
  for (let start = 0; start < payload.length; start += CHUNK_BYTES) {
    const block = compressSync(payload.subarray(start, start + CHUNK_BYTES));
    const length = Buffer.allocUnsafe(4);
    length.writeInt32BE(block.length);
    parts.push(length, block);
  }
  return Buffer.concat(parts);
}

export function snappyDecompress(payload: Buffer, maxBytes: number): Buffer {
  if (!isHeader(payload, 0)) return decompressBlock(payload, maxBytes, maxBytes);
  const parts: Buffer[] = [];
  let size = 0;
  let position = HEADER_BYTES;
  while (position < payload.length) {
    // Streams may be concatenated: a header stands where a length is expected.
    if (isHeader(payload, position)) {
      position += HEADER_BYTES;
      continue;
    }
    const left = payload.length - position - 4;
    const length = left < 0 ? 0 : payload.readInt32BE(position);
    if (left < 0 || length < 0 || length > left) {
      throw new WireError(
        'truncated',
        `expected a Snappy block at ${position}, its length is ${length}, ${Math.max(0, left)} bytes are left`,
      );
    }
    position += 4;
    const part = decompressBlock(payload.subarray(position, position + length), maxBytes - size, maxBytes);
    parts.push(part);
    size += part.length;
    position += length;
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts, size);
}

function isHeader(payload: Buffer, position: number): boolean {
  return (
    payload.length - position >= HEADER_BYTES &&
    payload.compare(magic, 0, magic.length, position, position + magic.length) === 0
  );
}

/** `left` of the caller's `maxBytes` may still be produced. */
function decompressBlock(block: Buffer, left: number, maxBytes: number): Buffer {
  const size = uncompressedLength(block);
  if (size > block.length * MAX_RATIO) {
    throw new WireError('malformed', `a Snappy block of ${block.length} bytes claims to hold ${size}`);
  }
  if (size > left)
    throw new WireError('too-large', `expected Snappy data of at most ${maxBytes} bytes when decompressed`);
  let result: Buffer;
  try {
    result = uncompressSync(block, { asBuffer: true }) as Buffer;
  } catch (error) {
    throw new WireError('malformed', 'expected Snappy data', { cause: error });
  }
  if (result.length !== size)
    throw new WireError('malformed', `expected ${size} bytes of Snappy data, got ${result.length}`);
  return result;
}

function uncompressedLength(block: Buffer): number {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    const byte = block[i];
    if (byte === undefined) break;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return value;
  }
  throw new WireError('malformed', 'expected the length of Snappy data');
}
