// Walks the structure of Zstandard data (RFC 8878) without decompressing it, to know where frames end and how much they can
// become. Numbers are little-endian:
//
//   frame: uint32 magic | descriptor | [window] | [dictionary id] | [content size] | blocks | [uint32 checksum]
//   block: 3 bytes: bit 0 last, bits 1-2 type (0 raw, 1 one repeated byte, 2 compressed), bits 3-23 size
//   skippable frame: uint32 0x184D2A50 … 5F | uint32 size | bytes
import { WireError } from '../wire-error.ts';

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const MAX_BLOCK_BYTES = 128 * 1024;
const MAX_WINDOW_BYTES = 2 ** 27;

export interface ZstdFrame {
  start: number;
  /** Exclusive. */
  end: number;
  /** The most bytes that the frame can hold; exact where `isExact`. */
  maxContentBytes: number;
  isExact: boolean;
}

/** The frames in `payload`, skippable ones left out. Throws WireError for anything else, also for data that is cut off. */
export function zstdFrames(payload: Buffer): ZstdFrame[] {
  const frames: ZstdFrame[] = [];
  let position = 0;
  while (position < payload.length) {
    const magic = readUInt(payload, position, 4);
    if (magic >>> 4 === SKIPPABLE_MAGIC >>> 4) {
      position += 8 + readUInt(payload, position + 4, 4);
      if (position > payload.length) throw truncated(position, payload.length);
    } else if (magic === MAGIC) {
      const frame = readFrame(payload, position);
      frames.push(frame);
      position = frame.end;
    } else {
      throw new WireError('malformed', `expected a Zstandard frame at ${position}, got magic ${magic.toString(16)}`);
    }
  }
  if (frames.length === 0) throw new WireError('truncated', 'expected a Zstandard frame, got none');
  return frames;
}

function readFrame(payload: Buffer, start: number): ZstdFrame {
  const descriptor = readUInt(payload, start + 4, 1);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >>> 6;
  const sizeBytes = sizeFlag === 0 ? (isSingleSegment ? 1 : 0) : 1 << sizeFlag;
  let position = start + 5;
  if (!isSingleSegment) checkWindow(readUInt(payload, position++, 1));
  position += [0, 1, 2, 4][descriptor & 3]!;
  const declared = sizeBytes === 0 ? null : readUInt(payload, position, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
  position += sizeBytes;
  const blocks = walkBlocks(payload, position);
  const end = blocks.end + (descriptor & 0x04 ? 4 : 0);
  if (end > payload.length) throw truncated(end, payload.length);
  if (declared !== null && declared > blocks.maxContentBytes) {
    throw new WireError(
      'malformed',
      `a Zstandard frame claims ${declared} bytes, its blocks hold at most ${blocks.maxContentBytes}`,
    );
  }
  return { start, end, maxContentBytes: declared ?? blocks.maxContentBytes, isExact: declared !== null };
}

function walkBlocks(payload: Buffer, start: number): { end: number; maxContentBytes: number } {
  let position = start;
  let maxContentBytes = 0;
  for (;;) {
    const block = readUInt(payload, position, 3);
    const type = (block >>> 1) & 3;
    const size = block >>> 3;
    if (type === 3) throw new WireError('malformed', `expected a Zstandard block of type 0 to 2 at ${position}, got 3`);
    position += 3 + (type === 1 ? 1 : size);
    if (position > payload.length) throw truncated(position, payload.length);
    maxContentBytes += type === 2 ? MAX_BLOCK_BYTES : size;
    if (block & 1) return { end: position, maxContentBytes };
  }
}

/** The decoder reserves the window; frames that want more than other readers accept by default are refused. */
function checkWindow(descriptor: number): void {
  const base = 2 ** (10 + (descriptor >>> 3));
  const windowBytes = base + (base / 8) * (descriptor & 7);
  if (windowBytes > MAX_WINDOW_BYTES)
    throw new WireError(
      'too-large',
      `expected a Zstandard window of at most ${MAX_WINDOW_BYTES} bytes, got ${windowBytes}`,
    );
}

function readUInt(payload: Buffer, position: number, bytes: number): number {
  if (payload.length - position < bytes) throw truncated(position + bytes, payload.length);
  if (bytes === 8) return Number(payload.readBigUInt64LE(position));
  return payload.readUIntLE(position, bytes);
}

function truncated(needed: number, length: number): WireError {
  return new WireError('truncated', `expected Zstandard data of at least ${needed} bytes, got ${length}`);
}
