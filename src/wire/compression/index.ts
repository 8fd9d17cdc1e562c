// Kafka's four codecs behind two synchronous verbs. Decompression never produces more than the caller allows.
import { WireError } from '../wire-error.ts';
import { type CompressionType, compressionId } from './compression-type.ts';
import { gzipCompress, gzipDecompress } from './gzip.ts';
import { lz4Compress, lz4Decompress } from './lz4-frame.ts';
import { snappyCompress, snappyDecompress } from './snappy.ts';
import { zstdCompress, zstdDecompress } from './zstd.ts';

export type { CompressionType } from './compression-type.ts';

interface Codec {
  compress(payload: Buffer): Buffer;
  decompress(payload: Buffer, maxBytes: number): Buffer;
}

const codecs: Readonly<Record<CompressionType, Codec>> = {
  none: { compress: (payload) => payload, decompress: uncompressed },
  gzip: { compress: gzipCompress, decompress: gzipDecompress },
  snappy: { compress: snappyCompress, decompress: snappyDecompress },
  lz4: { compress: lz4Compress, decompress: lz4Decompress },
  zstd: { compress: zstdCompress, decompress: zstdDecompress },
};

/** In the framing that Kafka's Java client writes. */
export function compress(type: CompressionType, payload: Buffer): Buffer {
  return codecOf(type).compress(payload);
}

/** Throws WireError: 'too-large' beyond `maxBytes`, 'malformed' or 'corrupt' for anything that is no such data. */
export function decompress(type: CompressionType, payload: Buffer, maxBytes: number): Buffer {
  return codecOf(type).decompress(payload, maxBytes);
}

function codecOf(type: CompressionType): Codec {
  compressionId(type);
  return codecs[type];
}

function uncompressed(payload: Buffer, maxBytes: number): Buffer {
  if (payload.length > maxBytes)
    throw new WireError('too-large', `expected at most ${maxBytes} bytes, got ${payload.length}`);
  return payload;
}
