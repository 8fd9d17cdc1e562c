/** Finding a batch in a segment's file through its offset index, never trusting the index further than the batch it points at. */
import type { BatchHeader } from '../../wire/index.ts';
import { batchOverheadBytes, readBatchHeader, WireError } from './batch-bytes.ts';
import type { LogFile } from './log-file-system.ts';
import type { LogSegment, SegmentIndexes } from './log-segment.ts';
import { scanSegment } from './segment-scan.ts';

export interface FoundBatch {
  header: BatchHeader;
  position: number;
}

/**
 * The batch that holds `offset`: from the nearest index entry on, header by header. Throws WireError when index and file do not
 * belong together, or the file ends before.
 */
export async function locateBatch(
  file: LogFile,
  segment: LogSegment,
  indexes: SegmentIndexes,
  offset: bigint,
): Promise<FoundBatch> {
  const entry = indexes.offsets.lookup(offset);
  let position = entry?.position ?? 0;
  let expected: bigint | null = entry ? null : segment.baseOffset;
  for (;;) {
    const header = readBatchHeader(await readExactly(file, position, batchOverheadBytes));
    if (expected === null ? header.lastOffset !== entry!.lastOffset : header.baseOffset !== expected) {
      throw new WireError(
        'malformed',
        `segment ${segment.baseOffset}: its index points to ${position}, where another batch is`,
      );
    }
    if (header.lastOffset >= offset) return { position, header };
    position += header.sizeBytes;
    expected = header.lastOffset + 1n;
  }
}

export async function readExactly(file: LogFile, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  const count = await file.read(bytes, position);
  if (count < length)
    throw new WireError('truncated', `expected ${length} bytes at ${position}, the file has ${count}`);
  return bytes;
}

export interface IndexCheck {
  file: LogFile;
  segment: LogSegment;
  indexes: SegmentIndexes;
  /** `batches` checks the checksums of what is behind the last index entry, too. */
  check: 'batches' | 'headers';
}

/**
 * Whether loaded indexes are those of this log file, up to its end: the last entry points at its batch, no entry is missing behind it,
 * and the last timestamp is the largest. Entries in the middle are checked when they are used. Returns the offset behind the
 * last record, or null. Costs a read of one index interval.
 */
export async function checkIndexes({ file, segment, indexes, check }: IndexCheck): Promise<bigint | null> {
  const last = indexes.offsets.lookupPosition(segment.sizeBytes);
  const times = indexes.times.last;
  if (!indexes.offsets.isSane(segment.sizeBytes)) return null;
  try {
    const start = last ? await locateBatch(file, segment, indexes, last.lastOffset) : { position: 0, header: null };
    let lastPosition = start.position;
    let largestMs = -1n;
    const { damage, nextOffset } = await scanSegment({
      file,
      fileBytes: segment.sizeBytes,
      fromPosition: start.position,
      fromOffset: start.header?.baseOffset ?? segment.baseOffset,
      check,
      onBatch: (header, position) => {
        lastPosition = position;
        if (header.maxTimestamp > largestMs) largestMs = header.maxTimestamp;
        return true;
      },
    });
    if (damage || lastPosition - start.position > segment.indexIntervalBytes) return null;
    if (largestMs > (times?.timestampMs ?? -1n) || !indexes.times.isSane(nextOffset)) return null;
    if (times && !(await isTimeOfBatch(file, segment, indexes, times))) return null;
    return nextOffset;
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}

async function isTimeOfBatch(
  file: LogFile,
  segment: LogSegment,
  indexes: SegmentIndexes,
  entry: { timestampMs: bigint; offset: bigint },
): Promise<boolean> {
  const { header } = await locateBatch(file, segment, indexes, entry.offset);
  return header.lastOffset === entry.offset && header.maxTimestamp === entry.timestampMs;
}
