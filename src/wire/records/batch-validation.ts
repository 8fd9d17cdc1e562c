import { WireError } from '../wire-error.ts';
import {
  type BatchHeader,
  batchOverheadBytes,
  batchPositions,
  readBatchHeader,
  readBatchSize,
} from './batch-header.ts';
import { crc32c } from './crc32c.ts';

/** The smallest record: seven one-byte fields (length, attributes, two deltas, null key, empty value, no headers). */
export const minRecordBytes = 7;

export interface BatchValidation {
  /** Skip the checksum, when it was checked before. */
  skipCrc?: boolean;
  /** Record offsets must be base, base + 1, …: true for what a producer sends, not for compacted logs or control batches. */
  requireDense?: boolean;
}

/**
 * Checks the batch at `position` as far as this is possible without decompressing it: format, whole length present, CRC-32C,
 * counts that can be true. Records themselves are checked by RecordCursor.
 * Throws WireError 'truncated', 'malformed', 'corrupt' (checksum), 'unsupported-version' or 'unsupported-compression'.
 */
export function validateBatch(buffer: Buffer, position: number, options: BatchValidation = {}): BatchHeader {
  const header = readBatchHeader(buffer, position);
  const { sizeBytes, recordCount, lastOffsetDelta } = header;
  if (sizeBytes > buffer.length - position) {
    throw new WireError(
      'truncated',
      `expected a batch of ${sizeBytes} bytes at ${position}, but only ${buffer.length - position} are left`,
    );
  }
  if (!options.skipCrc) checkCrc(buffer, position, header);
  checkRecordCount(header);
  if (lastOffsetDelta < 0)
    throw new WireError(
      'malformed',
      `expected a last offset delta of 0 or more at ${position}, got ${lastOffsetDelta}`,
    );
  if (header.baseOffset < 0n || header.lastOffset > 0x7fffffffffffffffn) {
    throw new WireError(
      'malformed',
      `expected offsets that fit an int64, got ${header.baseOffset} + ${lastOffsetDelta}`,
    );
  }
  if (options.requireDense && (recordCount < 1 || lastOffsetDelta !== recordCount - 1)) {
    throw new WireError(
      'malformed',
      `expected ${lastOffsetDelta + 1} records for a last offset delta of ${lastOffsetDelta}, got ${recordCount}`,
    );
  }
  return header;
}

function checkCrc(buffer: Buffer, position: number, header: BatchHeader): void {
  const actual = crc32c(buffer.subarray(position + batchPositions.attributes, position + header.sizeBytes));
  if (actual === header.crc) return;
  throw new WireError(
    'corrupt',
    `expected CRC-32C ${hex(header.crc)} for the batch at base offset ${header.baseOffset}, its bytes give ${hex(actual)}`,
  );
}

/** A count that the uncompressed bytes cannot hold is refused before anybody plans for so many records. */
export function checkRecordCount(header: BatchHeader): void {
  const { recordCount, compression, sizeBytes } = header;
  if (recordCount < 0) throw new WireError('malformed', `expected a record count of 0 or more, got ${recordCount}`);
  if (compression === 'none' && recordCount * minRecordBytes > sizeBytes - batchOverheadBytes) {
    throw new WireError('malformed', `claims ${recordCount} records in ${sizeBytes - batchOverheadBytes} bytes`);
  }
}

/**
 * The whole batches in `buffer`, one view each, in order. A partial batch at the end is left out: a Fetch answer may be cut
 * anywhere. Only format and length are looked at. Throws WireError 'malformed' or 'unsupported-version'.
 */
export function* splitBatches(buffer: Buffer): Generator<Buffer, void, undefined> {
  let position = 0;
  while (buffer.length - position > batchPositions.magic) {
    const end = position + readBatchSize(buffer, position);
    if (end > buffer.length) return;
    yield buffer.subarray(position, end);
    position = end;
  }
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}
