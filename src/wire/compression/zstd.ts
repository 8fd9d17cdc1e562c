// Zstandard: by Node's own zlib where it has it (from 22.15), otherwise by the reference library compiled to WebAssembly,
// which is loaded once, when this module is.
import zlib from 'node:zlib';
import { WireError } from '../wire-error.ts';
import { type ZstdFrame, zstdFrames } from './zstd-frame.ts';

/** One frame at a time; `maxBytes` is the most it can hold. */
interface ZstdLibrary {
  compress(payload: Buffer): Buffer;
  decompress(frame: Buffer, maxBytes: number): Buffer;
}

/** The library's and Kafka's own default. */
const LEVEL = 3;

/** What newer versions of Node add to zlib. */
interface ZlibWithZstd {
  zstdCompressSync(payload: Buffer, options: object): Buffer;
  zstdDecompressSync(payload: Buffer, options: object): Buffer;
}

const library = 'zstdCompressSync' in zlib ? nativeLibrary(zlib as unknown as ZlibWithZstd) : await wasmLibrary();

function nativeLibrary(native: ZlibWithZstd): ZstdLibrary {
  return {
    compress: (payload) => native.zstdCompressSync(payload, {}),
    decompress: (frame, maxBytes) =>
      native.zstdDecompressSync(frame, { maxOutputLength: Math.max(1, maxBytes), chunkSize: chunkBytes(maxBytes) }),
  };
}

/** Output is collected in chunks; mostly the size is known, and then one does. */
function chunkBytes(maxBytes: number): number {
  return Math.max(zlib.constants.Z_MIN_CHUNK, Math.min(maxBytes, 1 << 20));
}

async function wasmLibrary(): Promise<ZstdLibrary> {
  const wasm = await import('@bokuweb/zstd-wasm');
  await wasm.init();
  return {
    compress: (payload) => asBuffer(wasm.compress(payload, LEVEL)),
    decompress: (frame, maxBytes) => asBuffer(wasm.decompress(frame, { defaultHeapSize: maxBytes })),
  };
}

export function zstdCompress(payload: Buffer): Buffer {
  return library.compress(payload);
}

/** Frames that follow each other are one content, skippable ones are skipped, as in Java. */
export function zstdDecompress(payload: Buffer, maxBytes: number): Buffer {
  const parts: Buffer[] = [];
  let left = maxBytes;
  for (const frame of zstdFrames(payload)) {
    const part = decompressFrame(payload.subarray(frame.start, frame.end), frame, left, maxBytes);
    parts.push(part);
    left -= part.length;
    if (left < 0) throw tooLarge(maxBytes); // Node's smallest limit is one byte
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

function decompressFrame(bytes: Buffer, frame: ZstdFrame, left: number, maxBytes: number): Buffer {
  if (frame.isExact && frame.maxContentBytes > left) throw tooLarge(maxBytes);
  const isLimited = frame.maxContentBytes > left;
  try {
    return library.decompress(bytes, Math.min(left, frame.maxContentBytes));
  } catch (error) {
    if (isLimited) throw tooLarge(maxBytes, error);
    throw new WireError('malformed', 'expected Zstandard data', { cause: error });
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function tooLarge(maxBytes: number, cause?: unknown): WireError {
  return new WireError('too-large', `expected Zstandard data of at most ${maxBytes} bytes when decompressed`, {
    cause,
  });
}
