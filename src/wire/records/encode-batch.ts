import { type CompressionType, compressionId } from '../compression/compression-type.ts';
import { compress } from '../compression/index.ts';
import { WireError } from '../wire-error.ts';
import { attributeBits, batchOverheadBytes, batchPositions, currentMagic, logOverheadBytes } from './batch-header.ts';
import { crc32c } from './crc32c.ts';
import { type ProducerRecord, RecordWriter } from './record-writer.ts';

export interface BatchOptions {
  compression?: CompressionType;
  /** 0 when left out: the broker sets it. */
  baseOffset?: bigint;
  /** For records without a timestamp; milliseconds since the epoch. */
  timestampMs: bigint;
  /** -1 when left out: neither idempotent nor transactional. */
  producerId?: bigint;
  producerEpoch?: number;
  baseSequence?: number;
  isTransactional?: boolean;
  isControl?: boolean;
  /** -1 when left out: the broker sets it. */
  leaderEpoch?: number;
}

/** One batch of format v2 with its checksum. Offsets are dense from `baseOffset`. Throws WireError for an empty or too big batch. */
export function encodeBatch(records: readonly ProducerRecord[], options: BatchOptions): Buffer {
  const first = records[0];
  if (!first) throw new WireError('malformed', 'expected at least one record, got none');
  const baseTimestamp = first.timestamp ?? options.timestampMs;
  let maxTimestamp = baseTimestamp;
  const writer = new RecordWriter(batchOverheadBytes);
  for (let i = 0; i < records.length; i++) {
    const record = records[i]!;
    const timestamp = record.timestamp ?? options.timestampMs;
    if (timestamp > maxTimestamp) maxTimestamp = timestamp;
    writer.append(record, i, BigInt.asIntN(64, timestamp - baseTimestamp));
  }
  const batch = compressRecords(writer.contents(), options.compression ?? 'none');
  writeHeader(batch, options, { baseTimestamp, maxTimestamp, recordCount: records.length });
  return batch;
}

/** `plain` has room for the header in front; so has the result. */
function compressRecords(plain: Buffer, compression: CompressionType): Buffer {
  if (compression === 'none') return plain;
  const records = compress(compression, plain.subarray(batchOverheadBytes));
  const batch = Buffer.allocUnsafe(batchOverheadBytes + records.length);
  records.copy(batch, batchOverheadBytes);
  return batch;
}

function writeHeader(
  batch: Buffer,
  options: BatchOptions,
  content: { baseTimestamp: bigint; maxTimestamp: bigint; recordCount: number },
): void {
  const at = batchPositions;
  const attributes =
    compressionId(options.compression ?? 'none') |
    (options.isTransactional ? attributeBits.transactional : 0) |
    (options.isControl ? attributeBits.control : 0);
  batch.writeBigInt64BE(options.baseOffset ?? 0n, at.baseOffset);
  batch.writeInt32BE(batch.length - logOverheadBytes, at.batchLength);
  batch.writeInt32BE(options.leaderEpoch ?? -1, at.leaderEpoch);
  batch.writeInt8(currentMagic, at.magic);
  batch.writeInt16BE(attributes, at.attributes);
  batch.writeInt32BE(content.recordCount - 1, at.lastOffsetDelta);
  batch.writeBigInt64BE(content.baseTimestamp, at.baseTimestamp);
  batch.writeBigInt64BE(content.maxTimestamp, at.maxTimestamp);
  batch.writeBigInt64BE(options.producerId ?? -1n, at.producerId);
  batch.writeInt16BE(options.producerEpoch ?? -1, at.producerEpoch);
  batch.writeInt32BE(options.baseSequence ?? -1, at.baseSequence);
  batch.writeInt32BE(content.recordCount, at.recordCount);
  batch.writeUInt32BE(crc32c(batch.subarray(at.attributes)), at.crc);
}
