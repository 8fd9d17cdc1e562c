// The LZ4 frame format (version 1), all numbers little-endian:
//
//   uint32 magic | byte flags | byte block size id | [uint64 content size] | byte header checksum
//   | blocks: uint32 size (top bit: stored as it is), bytes, [uint32 checksum] | uint32 0 | [uint32 content checksum]
//
// Flags: bits 6-7 version (1), 5 blocks are independent, 4 block checksums, 3 content size, 2 content checksum, 0 dictionary.
// Checksums are xxHash32; the header's is its second byte over flags … content size. Kafka's Java client writes independent
// blocks of 64 KB without checksums; other clients also send dependent blocks and sizes. What follows the first frame is
// ignored, as Java does.
import { WireError } from '../wire-error.ts';
import { lz4CompressBlock, lz4CompressBound, lz4DecompressBlock } from './lz4-block.ts';
import { xxhash32 } from './xxhash32.ts';

const MAGIC = 0x184d2204;
const BLOCK_BYTES = 64 * 1024;
const STORED = 0x80000000;
const flagBits = {
  version: 0xc0,
  independent: 0x20,
  blockChecksum: 0x10,
  contentSize: 0x08,
  contentChecksum: 0x04,
  reserved: 0x02,
  dictionary: 0x01,
};
const VERSION_1 = 0x40;

const header = Buffer.from([0x04, 0x22, 0x4d, 0x18, VERSION_1 | flagBits.independent, 0x40, 0]);
header[6] = headerChecksum(header.subarray(4, 6));

export function lz4Compress(payload: Buffer): Buffer {
  const blocks = Math.ceil(payload.length / BLOCK_BYTES);
  const target = Buffer.allocUnsafe(header.length + blocks * (4 + lz4CompressBound(BLOCK_BYTES)) + 4);
  header.copy(target);
  let at = header.length;
  for (let start = 0; start < payload.length; start += BLOCK_BYTES) {
    const end = Math.min(start + BLOCK_BYTES, payload.length);
    const size = lz4CompressBlock(payload, start, end, target, at + 4) - at - 4;
    if (size < end - start) {
      target.writeUInt32LE(size, at);
      at += 4 + size;
    } else {
      target.writeUInt32LE((STORED | (end - start)) >>> 0, at);
      at += 4 + payload.copy(target, at + 4, start, end);
    }
  }
  return target.subarray(0, target.writeUInt32LE(0, at));
}

interface FrameHeader {
  flags: number;
  maxBlockBytes: number;
  contentBytes: number | null;
  /** Where the first block begins. */
  blocksStart: number;
}

export function lz4Decompress(payload: Buffer, maxBytes: number): Buffer {
  const frame = readFrameHeader(payload, maxBytes);
  const output = new Output(maxBytes);
  let position = frame.blocksStart;
  for (;;) {
    const word = readUInt32(payload, position);
    position += 4;
    if (word === 0) break;
    const size = word & ~STORED;
    if (size > frame.maxBlockBytes) throw malformed(`blocks of at most ${frame.maxBlockBytes} bytes`, size);
    if (size > payload.length - position) throw truncated(size, payload.length - position);
    const block = payload.subarray(position, position + size);
    position += size;
    if (frame.flags & flagBits.blockChecksum) {
      checkHash(block, readUInt32(payload, position), 'block');
      position += 4;
    }
    if (word >= STORED) output.append(block);
    else output.decompress(block, frame.maxBlockBytes, (frame.flags & flagBits.independent) !== 0);
  }
  const content = output.contents();
  if (frame.contentBytes !== null && content.length !== frame.contentBytes)
    throw malformed(`${frame.contentBytes} bytes of content`, content.length);
  if (frame.flags & flagBits.contentChecksum) checkHash(content, readUInt32(payload, position), 'content');
  return content;
}

function readFrameHeader(payload: Buffer, maxBytes: number): FrameHeader {
  const magic = readUInt32(payload, 0);
  if (magic !== MAGIC) throw malformed(`the magic number ${MAGIC.toString(16)}`, magic.toString(16));
  if (payload.length < header.length) throw truncated(header.length, payload.length);
  const flags = payload[4]!;
  if ((flags & flagBits.version) !== VERSION_1) throw malformed('version 1', flags >>> 6);
  if (flags & (flagBits.reserved | flagBits.dictionary))
    throw malformed('no dictionary and no reserved flags', flags.toString(16));
  const sizeId = payload[5]! >>> 4;
  if (sizeId < 4 || sizeId > 7 || (payload[5]! & 0x0f) !== 0)
    throw malformed('a block size id from 4 to 7', payload[5]!.toString(16));
  const blocksStart = header.length + (flags & flagBits.contentSize ? 8 : 0);
  if (payload.length < blocksStart) throw truncated(blocksStart, payload.length);
  const checksum = headerChecksum(payload.subarray(4, blocksStart - 1));
  if (payload[blocksStart - 1] !== checksum)
    throw new WireError('corrupt', `expected LZ4 header checksum ${checksum}, got ${payload[blocksStart - 1]}`);
  const contentBytes = flags & flagBits.contentSize ? Number(payload.readBigUInt64LE(6)) : null;
  if (contentBytes !== null && contentBytes > maxBytes) throw tooLarge(maxBytes);
  return { flags, maxBlockBytes: 1 << (8 + 2 * sizeId), contentBytes, blocksStart };
}

/** Decompressed bytes in a buffer that doubles up to the limit. */
class Output {
  readonly #maxBytes: number;
  #buffer = Buffer.allocUnsafe(0);
  #size = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  contents(): Buffer {
    return this.#buffer.subarray(0, this.#size);
  }

  append(block: Buffer): void {
    if (block.length > this.#maxBytes - this.#size) throw tooLarge(this.#maxBytes);
    this.#reserve(block.length);
    this.#size += block.copy(this.#buffer, this.#size);
  }

  decompress(block: Buffer, maxBlockBytes: number, isIndependent: boolean): void {
    // One byte of a block makes at most 255; that and the frame's own limit bound what a small block can ask for.
    const most = Math.min(maxBlockBytes, block.length * 255);
    this.#reserve(Math.min(most, this.#maxBytes - this.#size));
    const limit = Math.min(this.#buffer.length, this.#size + most);
    try {
      this.#size = lz4DecompressBlock(block, this.#buffer, this.#size, limit, isIndependent ? this.#size : 0);
    } catch (error) {
      if (limit === this.#maxBytes && limit < this.#size + most) throw tooLarge(this.#maxBytes);
      throw error;
    }
  }

  #reserve(bytes: number): void {
    const needed = this.#size + bytes;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.min(this.#maxBytes, Math.max(needed, 2 * this.#buffer.length)));
    this.#buffer.copy(grown, 0, 0, this.#size);
    this.#buffer = grown;
  }
}

function headerChecksum(descriptor: Buffer): number {
  return (xxhash32(descriptor) >>> 8) & 0xff;
}

function checkHash(bytes: Buffer, expected: number, part: string): void {
  const actual = xxhash32(bytes);
  if (actual !== expected)
    throw new WireError(
      'corrupt',
      `expected LZ4 ${part} checksum ${expected.toString(16)}, its bytes give ${actual.toString(16)}`,
    );
}

function readUInt32(payload: Buffer, position: number): number {
  if (payload.length - position < 4) throw truncated(4, payload.length - position);
  return payload.readUInt32LE(position);
}

function malformed(expected: string, actual: number | string): WireError {
  return new WireError('malformed', `LZ4 frame: expected ${expected}, got ${actual}`);
}

function truncated(needed: number, left: number): WireError {
  return new WireError('truncated', `LZ4 frame: expected ${needed} more bytes, got ${Math.max(0, left)}`);
}

function tooLarge(maxBytes: number): WireError {
  return new WireError('too-large', `expected LZ4 data of at most ${maxBytes} bytes when decompressed`);
}
