import { constants, gunzipSync, gzipSync } from 'node:zlib';
import { WireError } from '../wire-error.ts';

export function gzipCompress(payload: Buffer): Buffer {
  return gzipSync(payload);
}

/** Concatenated members are read as one, as Java's GZIPInputStream does. */
export function gzipDecompress(payload: Buffer, maxBytes: number): Buffer {
  try {
    return gunzipSync(payload, {
      maxOutputLength: Math.max(1, maxBytes),
      chunkSize: chunkBytes(payload.length, maxBytes),
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new WireError('too-large', `expected gzip data of at most ${maxBytes} bytes when decompressed`, {
        cause: error,
      });
    }
    throw new WireError('malformed', 'expected gzip data', { cause: error });
  }
}

/** Output is collected in chunks: around the expected size they are fewest. */
function chunkBytes(compressedBytes: number, maxBytes: number): number {
  return Math.max(constants.Z_MIN_CHUNK, Math.min(maxBytes, 1 << 20, Math.max(1 << 14, compressedBytes * 6)));
}
