/**
 * One batch without the records that compaction removes. A cleaned log stays dense: each batch covers the offsets from the end of the
 * batch before it to its own last record, so that a reader at any offset is given a record at or behind it. Only the last batch of
 * a segment covers removed offsets behind its last record too. Clients know both from Kafka's own compaction.
 *
 * Tombstones carry their end as in Kafka (KIP-534): the first cleaning that keeps one writes the time from which it may go as the
 * batch's base timestamp and sets attribute bit 6.
 */
import {
  type BatchHeader,
  batchOverheadBytes,
  batchPositions,
  compress,
  crc32c,
  logOverheadBytes,
  type ProducerRecord,
  RecordCursor,
  RecordWriter,
} from '../../wire/index.ts';

/** What a batch may inflate to. */
const maxDecompressedBytes = 128 << 20;
const deleteHorizonBit = 0x40;

export interface CleanBatchOptions {
  /** Offset behind the last record that was kept before. */
  coveredTo: bigint;
  /** Whether the record the cursor stands on stays. */
  isKept: (cursor: RecordCursor) => boolean;
  /** For tombstones that have no end yet: epoch ms from which they may go. */
  deleteHorizonMs: bigint;
}

interface KeptRecord {
  record: ProducerRecord;
  offset: bigint;
  timestampMs: bigint;
}

/** The batch as it was, a smaller one, or null when nothing of it stays. Throws WireError for a damaged one. */
export function cleanBatch(bytes: Buffer, options: CleanBatchOptions): Buffer | null {
  const cursor = new RecordCursor(bytes, { maxDecompressedBytes });
  const { header } = cursor;
  const kept: KeptRecord[] = [];
  let hasTombstone = false;
  while (cursor.next()) {
    if (!options.isKept(cursor)) continue;
    const value = cursor.value();
    if (value === null) hasTombstone = true;
    kept.push({
      record: { key: cursor.key(), value, headers: cursor.headers() },
      offset: cursor.offset,
      timestampMs: cursor.timestamp,
    });
  }
  const last = kept.at(-1);
  if (!last) return null;
  const isUnchanged =
    kept.length === header.recordCount &&
    options.coveredTo === header.baseOffset &&
    last.offset === header.lastOffset &&
    (!hasTombstone || deleteHorizonOf(header) !== null);
  return isUnchanged ? bytes : encodeKept(header, kept, hasTombstone, options);
}

/** From when the batch's tombstones may go; null when no cleaning has seen them yet. */
export function deleteHorizonOf(header: BatchHeader): bigint | null {
  return header.attributes & deleteHorizonBit ? header.baseTimestamp : null;
}

/** The same records, covering the offsets up to `lastOffset`. */
export function extendBatch(batch: Buffer, lastOffset: bigint): Buffer {
  const extended = Buffer.from(batch);
  const at = batchPositions;
  extended.writeInt32BE(Number(lastOffset - extended.readBigInt64BE(at.baseOffset)), at.lastOffsetDelta);
  forgetProducer(extended);
  extended.writeUInt32BE(crc32c(extended.subarray(at.attributes)), at.crc);
  return extended;
}

/** Sequences count records from the base offset: a batch that covers other offsets than its producer's must not speak of them. */
function forgetProducer(batch: Buffer): void {
  batch.writeBigInt64BE(-1n, batchPositions.producerId);
  batch.writeInt16BE(-1, batchPositions.producerEpoch);
  batch.writeInt32BE(-1, batchPositions.baseSequence);
}

function encodeKept(
  header: BatchHeader,
  kept: KeptRecord[],
  hasTombstone: boolean,
  options: CleanBatchOptions,
): Buffer {
  const horizonMs = hasTombstone ? (deleteHorizonOf(header) ?? options.deleteHorizonMs) : null;
  const baseTimestampMs = horizonMs ?? header.baseTimestamp;
  const writer = new RecordWriter(batchOverheadBytes);
  for (const { record, offset, timestampMs } of kept) {
    writer.append(record, Number(offset - options.coveredTo), BigInt.asIntN(64, timestampMs - baseTimestampMs));
  }
  const plain = writer.contents();
  const batch =
    header.compression === 'none'
      ? plain
      : Buffer.concat([
          Buffer.alloc(batchOverheadBytes),
          compress(header.compression, plain.subarray(batchOverheadBytes)),
        ]);
  writeHeader(batch, header, kept, { baseOffset: options.coveredTo, baseTimestampMs, hasHorizon: horizonMs !== null });
  return batch;
}

interface CleanedRange {
  baseOffset: bigint;
  baseTimestampMs: bigint;
  hasHorizon: boolean;
}

function writeHeader(batch: Buffer, header: BatchHeader, kept: KeptRecord[], range: CleanedRange): void {
  const at = batchPositions;
  const lastOffset = kept.at(-1)!.offset;
  const isOwnRange = range.baseOffset === header.baseOffset && lastOffset === header.lastOffset;
  const attributes = (header.attributes & ~deleteHorizonBit) | (range.hasHorizon ? deleteHorizonBit : 0);
  batch.writeBigInt64BE(range.baseOffset, at.baseOffset);
  batch.writeInt32BE(batch.length - logOverheadBytes, at.batchLength);
  batch.writeInt32BE(header.leaderEpoch, at.leaderEpoch);
  batch.writeInt8(header.magic, at.magic);
  batch.writeInt16BE(attributes, at.attributes);
  batch.writeInt32BE(Number(lastOffset - range.baseOffset), at.lastOffsetDelta);
  batch.writeBigInt64BE(range.baseTimestampMs, at.baseTimestamp);
  batch.writeBigInt64BE(maxTimestampOf(header, kept), at.maxTimestamp);
  batch.writeBigInt64BE(header.producerId, at.producerId);
  batch.writeInt16BE(header.producerEpoch, at.producerEpoch);
  batch.writeInt32BE(header.baseSequence, at.baseSequence);
  if (!isOwnRange) forgetProducer(batch);
  batch.writeInt32BE(kept.length, at.recordCount);
  batch.writeUInt32BE(crc32c(batch.subarray(at.attributes)), at.crc);
}

/** With LogAppendTime it is the time of every record. */
function maxTimestampOf(header: BatchHeader, kept: KeptRecord[]): bigint {
  if (header.timestampType === 'LogAppendTime') return header.maxTimestamp;
  let largestMs = kept[0]!.timestampMs;
  for (const { timestampMs } of kept) if (timestampMs > largestMs) largestMs = timestampMs;
  return largestMs;
}
