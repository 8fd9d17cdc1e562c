/**
 * Finds and reads whole batches in the file of one segment, through its sparse indexes. What an index says is checked against the
 * batch it points at; if it is wrong the index is made anew, once.
 */

import { describeError } from '../../shared/index.ts';
import type { BatchHeader } from '../../wire/index.ts';
import { batchOverheadBytes, readBatchHeader, readBatchSize, WireError } from './batch-bytes.ts';
import type { LogContext } from './log-context.ts';
import { LogError } from './log-error.ts';
import type { LogFile } from './log-file-system.ts';
import type { LogSegment, SegmentIndexes } from './log-segment.ts';
import { scanSegment } from './segment-scan.ts';

export interface FoundBatch {
  header: BatchHeader;
  position: number;
}

export class SegmentReader {
  readonly #context: LogContext;

  constructor(context: LogContext) {
    this.#context = context;
  }

  /** Batches from the one that holds `offset` on, at least that one, at most `maxBytes` otherwise. `offset` must be in the visible part. */
  read(segment: LogSegment, nextOffset: bigint, offset: bigint, maxBytes: number): Promise<Buffer> {
    return this.#withIndexes(segment, nextOffset, (file, indexes) =>
      readFrom(file, segment, indexes, offset, maxBytes),
    );
  }

  /** The first batch at or behind `fromOffset` for which `matches` holds, or null. Reads headers only. */
  findBatch(
    segment: LogSegment,
    nextOffset: bigint,
    fromOffset: bigint,
    matches: (header: BatchHeader) => boolean,
  ): Promise<FoundBatch | null> {
    return this.#withIndexes(segment, nextOffset, async (file, indexes) => {
      const start = await locate(file, segment, indexes, fromOffset);
      let found: FoundBatch | null = null;
      const result = await scanSegment({
        file,
        fileBytes: segment.visibleBytes,
        fromPosition: start.position,
        fromOffset: start.header.baseOffset,
        check: 'headers',
        onBatch: (header, position) => {
          if (header.lastOffset < fromOffset || !matches(header)) return true;
          found = { header, position };
          return false;
        },
      });
      if (result.damage) throw new WireError('malformed', result.damage);
      return found;
    });
  }

  /** The bytes of one batch. */
  readBatch(segment: LogSegment, batch: FoundBatch): Promise<Buffer> {
    return this.#context.files.use(segment.path('.log'), (file) =>
      readExactly(file, batch.position, batch.header.sizeBytes),
    );
  }

  async #withIndexes<T>(
    segment: LogSegment,
    nextOffset: bigint,
    task: (file: LogFile, indexes: SegmentIndexes) => Promise<T>,
  ): Promise<T> {
    const { files, indexes } = this.#context;
    const loaded = await indexes.indexesOf(segment, nextOffset);
    return files.use(segment.path('.log'), async (file) => {
      try {
        return await task(file, loaded);
      } catch (error) {
        if (!(error instanceof WireError) || segment.file) throw asStorageError(error, segment);
      }
      const rebuilt = await indexes.rebuild(segment);
      try {
        return await task(file, rebuilt);
      } catch (error) {
        throw asStorageError(error, segment);
      }
    });
  }
}

async function readFrom(
  file: LogFile,
  segment: LogSegment,
  indexes: SegmentIndexes,
  offset: bigint,
  maxBytes: number,
): Promise<Buffer> {
  const { position, header } = await locate(file, segment, indexes, offset);
  const end = segment.visibleBytes;
  const wanted = Math.min(end - position, Math.max(maxBytes, header.sizeBytes));
  const bytes = await readExactly(file, position, wanted);
  return bytes.subarray(0, wholeBatches(bytes));
}

/** The batch that holds `offset`: from the nearest index entry on, header by header. */
async function locate(
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
        `the index of segment ${segment.baseOffset} points to ${position}, where another batch is`,
      );
    }
    if (header.lastOffset >= offset) return { position, header };
    position += header.sizeBytes;
    expected = header.lastOffset + 1n;
  }
}

async function readExactly(file: LogFile, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  const count = await file.read(bytes, position);
  if (count < length)
    throw new WireError('truncated', `expected ${length} bytes at ${position}, the file has ${count}`);
  return bytes;
}

function wholeBatches(bytes: Buffer): number {
  let end = 0;
  while (bytes.length - end >= batchOverheadBytes) {
    const next = end + readBatchSize(bytes, end);
    if (next > bytes.length) break;
    end = next;
  }
  return end;
}

function asStorageError(error: unknown, segment: LogSegment): unknown {
  if (!(error instanceof WireError)) return error;
  const message = `segment ${segment.path('.log')} is damaged (${describeError(error)}): run recovery by a restart, or restore the file`;
  return new LogError('KAFKA_STORAGE_ERROR', message, { cause: error });
}
