// The header of a record batch, format v2 (magic 2, KIP-98); all numbers big-endian:
//
//    0 int64  base offset                     |  23 int32 last offset delta
//    8 int32  batch length (what follows it)  |  27 int64 base timestamp
//   12 int32  partition leader epoch          |  35 int64 max timestamp
//   16 int8   magic                           |  43 int64 producer id (-1: none)
//   17 uint32 CRC-32C of everything from 21   |  51 int16 producer epoch
//   21 int16  attributes                      |  53 int32 base sequence
//   57 int32  record count                    |  61 records, compressed as one block
//
// Attributes: bits 0-2 compression, 3 log append time, 4 transactional, 5 control, 6 base timestamp is a delete horizon.
// Base offset and leader epoch are outside the checksum, so that a broker can set them without touching the rest.

import type { CompressionType } from '../compression/compression-type.ts';
import { compressionTypeOf } from '../compression/compression-type.ts';
import { WireError } from '../wire-error.ts';

export const batchOverheadBytes = 61;
/** Base offset and batch length: the part that the batch length does not count. */
export const logOverheadBytes = 12;
export const currentMagic = 2;

export const batchPositions = {
  baseOffset: 0,
  batchLength: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
} as const;

export const attributeBits = { compression: 0x07, logAppendTime: 0x08, transactional: 0x10, control: 0x20 } as const;

export interface BatchHeader {
  baseOffset: bigint;
  /** Bytes after the batch length field. */
  batchLength: number;
  leaderEpoch: number;
  magic: number;
  crc: number;
  attributes: number;
  lastOffsetDelta: number;
  baseTimestamp: bigint;
  maxTimestamp: bigint;
  producerId: bigint;
  producerEpoch: number;
  baseSequence: number;
  recordCount: number;
  /** The whole batch: 12 + batchLength. */
  sizeBytes: number;
  /** Inclusive. */
  lastOffset: bigint;
  compression: CompressionType;
  timestampType: 'CreateTime' | 'LogAppendTime';
  isTransactional: boolean;
  isControl: boolean;
}

/**
 * Reads the header at `position`; the records need not be there yet. Checks what makes the other fields meaningless: magic,
 * length, compression id. Throws WireError 'truncated', 'malformed', 'unsupported-version' or 'unsupported-compression'.
 */
export function readBatchHeader(buffer: Buffer, position = 0): BatchHeader {
  const available = buffer.length - position;
  if (position < 0 || available < batchOverheadBytes) {
    throw new WireError(
      'truncated',
      `expected the ${batchOverheadBytes} bytes of a batch header at ${position}, but only ${Math.max(0, available)} are left`,
    );
  }
  const sizeBytes = readBatchSize(buffer, position);
  const attributes = buffer.readInt16BE(position + batchPositions.attributes);
  const baseOffset = buffer.readBigInt64BE(position);
  const lastOffsetDelta = buffer.readInt32BE(position + batchPositions.lastOffsetDelta);
  return {
    baseOffset,
    batchLength: sizeBytes - logOverheadBytes,
    leaderEpoch: buffer.readInt32BE(position + batchPositions.leaderEpoch),
    magic: currentMagic,
    crc: buffer.readUInt32BE(position + batchPositions.crc),
    attributes,
    lastOffsetDelta,
    baseTimestamp: buffer.readBigInt64BE(position + batchPositions.baseTimestamp),
    maxTimestamp: buffer.readBigInt64BE(position + batchPositions.maxTimestamp),
    producerId: buffer.readBigInt64BE(position + batchPositions.producerId),
    producerEpoch: buffer.readInt16BE(position + batchPositions.producerEpoch),
    baseSequence: buffer.readInt32BE(position + batchPositions.baseSequence),
    recordCount: buffer.readInt32BE(position + batchPositions.recordCount),
    sizeBytes,
    lastOffset: baseOffset + BigInt(lastOffsetDelta),
    compression: compressionTypeOf(attributes & attributeBits.compression),
    timestampType: attributes & attributeBits.logAppendTime ? 'LogAppendTime' : 'CreateTime',
    isTransactional: (attributes & attributeBits.transactional) !== 0,
    isControl: (attributes & attributeBits.control) !== 0,
  };
}

/**
 * The size of the whole batch at `position`, of which at least the first 17 bytes must be there. The formats before v2 have
 * their magic byte at the same place.
 */
export function readBatchSize(buffer: Buffer, position: number): number {
  const magic = buffer.readInt8(position + batchPositions.magic);
  if (magic !== currentMagic)
    throw new WireError(
      'unsupported-version',
      `expected a record batch of format v2 at ${position}, got magic ${magic}`,
    );
  const batchLength = buffer.readInt32BE(position + batchPositions.batchLength);
  const least = batchOverheadBytes - logOverheadBytes;
  if (batchLength < least)
    throw new WireError('malformed', `expected a batch length of at least ${least} at ${position}, got ${batchLength}`);
  return logOverheadBytes + batchLength;
}

/** Sets what a broker decides; both fields lie outside the checksum. */
export function patchBatch(
  buffer: Buffer,
  position: number,
  fields: { baseOffset: bigint; leaderEpoch?: number },
): void {
  buffer.writeBigInt64BE(fields.baseOffset, position + batchPositions.baseOffset);
  if (fields.leaderEpoch !== undefined) buffer.writeInt32BE(fields.leaderEpoch, position + batchPositions.leaderEpoch);
}
