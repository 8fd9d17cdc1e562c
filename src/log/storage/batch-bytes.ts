/** What storage needs of the record batch format, from src/wire, plus the one field a broker changes under the checksum. */
import { attributeBits, batchPositions, crc32c } from '../../wire/index.ts';

export {
  batchOverheadBytes,
  patchBatch,
  readBatchHeader,
  readBatchSize,
  validateBatch,
  WireError,
} from '../../wire/index.ts';

/**
 * Stamps a batch with the time of the append, for topics with message.timestamp.type=LogAppendTime: sets the attribute bit and
 * the max timestamp, which readers then take for every record, and computes the checksum anew.
 */
export function stampLogAppendTime(batch: Buffer, timestampMs: bigint): void {
  batch.writeInt16BE(
    batch.readInt16BE(batchPositions.attributes) | attributeBits.logAppendTime,
    batchPositions.attributes,
  );
  batch.writeBigInt64BE(timestampMs, batchPositions.maxTimestamp);
  batch.writeUInt32BE(crc32c(batch.subarray(batchPositions.attributes)), batchPositions.crc);
}
