/**
 * Finds and reads whole batches in the file of one segment, through its sparse indexes. What an index says is checked against the
 * batch it points at; if it is wrong the index is made anew, once.
 */

import { describeError } from '../../shared/index.ts';
import type { BatchHeader } from '../../wire/index.ts';
import { validateBatch, WireError } from './batch-bytes.ts';
import { type FoundBatch, locateBatch, readExactly } from './batch-location.ts';
import type { LogContext } from './log-context.ts';
import { LogError } from './log-error.ts';
import type { LogFile } from './log-file-system.ts';
import type { LogSegment, SegmentIndexes } from './log-segment.ts';
import { scanSegment } from './segment-scan.ts';

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
      const start = await locateBatch(file, segment, indexes, fromOffset);
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
  const { position, header } = await locateBatch(file, segment, indexes, offset);
  const end = segment.visibleBytes;
  const wanted = Math.min(end - position, Math.max(maxBytes, header.sizeBytes));
  const bytes = await readExactly(file, position, wanted);
  return bytes.subarray(0, goodBatches(bytes, header.baseOffset));
}

/**
 * Where the whole, undamaged batches end. Checked here because not every client checks (librdkafka does not unless told to), and
 * because the base offset is not under the checksum. Throws WireError when the first batch is damaged already.
 */
function goodBatches(bytes: Buffer, firstOffset: bigint): number {
  let end = 0;
  let expected = firstOffset;
  while (end < bytes.length) {
    try {
      const header = validateBatch(bytes, end);
      if (header.baseOffset !== expected) {
        throw new WireError('malformed', `expected base offset ${expected}, found ${header.baseOffset}`);
      }
      end += header.sizeBytes;
      expected = header.lastOffset + 1n;
    } catch (error) {
      // What is left is cut by the size of the read, or the next read will tell what is wrong with it.
      if (end > 0 && error instanceof WireError) break;
      throw error;
    }
  }
  return end;
}

function asStorageError(error: unknown, segment: LogSegment): unknown {
  if (!(error instanceof WireError)) return error;
  const message = `segment ${segment.path('.log')} is damaged (${describeError(error)}): restore the file, or give its records up by raising the log start (delete-records)`;
  return new LogError('KAFKA_STORAGE_ERROR', message, { cause: error });
}
