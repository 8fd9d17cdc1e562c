import { constants, gunzipSync, gzipSync } from 'node:zlib';
import { WireError } from '../wire-error.ts';

export function gzipCompress(payload: Buffer): Buffer {
  return gzipSync(payload);
}

/** Concatenated members are read as one, as Java's GZIPInputStream does. */
export function gzipDecompress(payload: Buffer, maxBytes: number): Buffer {
  const options = { maxOutputLength: Math.max(1, maxBytes), chunkSize: chunkBytes(payload.length, maxBytes) };
  let result: Buffer;
  try {
    result = gunzipSync(payload, options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
    throw new WireError('malformed', 'expected gzip data', { cause: error });
  }
  if (result.length > maxBytes) throw tooLarge(maxBytes); // Node's smallest limit is one byte
  return result;
}

/** Output is collected in chunks: around the expected size they are fewest. */
function chunkBytes(compressedBytes: number, maxBytes: number): number {
  return Math.max(constants.Z_MIN_CHUNK, Math.min(maxBytes, 1 << 20, Math.max(1 << 14, compressedBytes * 6)));
}

function tooLarge(maxBytes: number): WireError {
  return new WireError('too-large', `expected gzip data of at most ${maxBytes} bytes when decompressed`);
}
