/**
 * Loads the indexes of sealed segments when they are needed and keeps those used last, within a bound in bytes. A missing or
 * damaged index is made anew from the log file and written back.
 */
import type { Logger } from '../../shared/index.ts';
import { checkIndexes } from './batch-location.ts';
import { type FileContent, readFileIfThere, writeFilesDurably } from './durable-file.ts';
import { isDiskFull } from './log-error.ts';
import type { LogFile, LogFileSystem } from './log-file-system.ts';
import type { LogSegment, SegmentIndexes } from './log-segment.ts';
import { OffsetIndex } from './offset-index.ts';
import type { OpenFiles } from './open-files.ts';
import { scanSegment } from './segment-scan.ts';
import { TimeIndex } from './time-index.ts';

export class SegmentIndexCache {
  readonly #fileSystem: LogFileSystem;
  readonly #files: OpenFiles;
  readonly #logger: Logger;
  readonly #maxBytes: number;
  /** Sealed segments whose indexes are in memory, least recently used first. */
  readonly #loaded = new Set<LogSegment>();
  #sizeBytes = 0;

  constructor(options: { fileSystem: LogFileSystem; files: OpenFiles; logger: Logger; maxBytes?: number }) {
    this.#fileSystem = options.fileSystem;
    this.#files = options.files;
    this.#logger = options.logger;
    this.#maxBytes = options.maxBytes ?? 32 << 20;
  }

  /** The indexes of any segment. `nextOffset` is the offset behind its last record. */
  async indexesOf(segment: LogSegment, nextOffset: bigint): Promise<SegmentIndexes> {
    if (segment.indexes) {
      if (this.#loaded.delete(segment)) this.#loaded.add(segment);
      return segment.indexes;
    }
    const indexes = (await this.#readChecked(segment, nextOffset)) ?? (await this.#build(segment));
    this.keep(segment, indexes);
    return indexes;
  }

  /** Indexes that a reader found to be wrong. */
  async rebuild(segment: LogSegment): Promise<SegmentIndexes> {
    this.forget(segment);
    const indexes = await this.#build(segment);
    this.keep(segment, indexes);
    return indexes;
  }

  /** Takes the indexes of a segment that is sealed into the bound. */
  keep(segment: LogSegment, indexes: SegmentIndexes): void {
    this.forget(segment);
    segment.indexes = indexes;
    segment.maxTimestampMs = indexes.times.last?.timestampMs ?? -1n;
    segment.offsetOfMaxTimestamp = indexes.times.last?.offset ?? -1n;
    this.#loaded.add(segment);
    this.#sizeBytes += sizeOf(indexes);
    for (const oldest of this.#loaded) {
      if (this.#sizeBytes <= this.#maxBytes || oldest === segment) return;
      this.forget(oldest);
    }
  }

  forget(segment: LogSegment): void {
    if (!this.#loaded.delete(segment)) return;
    this.#sizeBytes -= sizeOf(segment.indexes!);
    segment.indexes = null;
  }

  /** Writes both files, and one more beside them; a full disk is no reason to fail, because they can be made again. */
  async write(segment: LogSegment, indexes: SegmentIndexes, ...others: FileContent[]): Promise<void> {
    const files = [
      { path: segment.path('.index'), bytes: indexes.offsets.bytes },
      { path: segment.path('.timeindex'), bytes: indexes.times.bytes },
      ...others,
    ];
    try {
      await writeFilesDurably(this.#fileSystem, segment.directory, files);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      this.#logger.warn({ directory: segment.directory, baseOffset: segment.baseOffset }, 'IndexNotWrittenDiskFull');
    }
  }

  /** What the files say; null when one is missing or cannot belong to a segment of that size. Takes nothing into the bound. */
  async read(segment: LogSegment): Promise<SegmentIndexes | null> {
    const offsetBytes = await readFileIfThere(this.#fileSystem, segment.path('.index'));
    const timeBytes = await readFileIfThere(this.#fileSystem, segment.path('.timeindex'));
    if (!offsetBytes || !timeBytes) return null;
    return {
      offsets: new OffsetIndex(segment.baseOffset, offsetBytes),
      times: new TimeIndex(segment.baseOffset, timeBytes),
    };
  }

  async #readChecked(segment: LogSegment, nextOffset: bigint): Promise<SegmentIndexes | null> {
    const indexes = await this.read(segment);
    if (!indexes) return null;
    const end = await this.#files.use(segment.path('.log'), (file) =>
      checkIndexes({ file, segment, indexes, check: 'headers' }),
    );
    return end === nextOffset ? indexes : null;
  }

  async #build(segment: LogSegment): Promise<SegmentIndexes> {
    this.#logger.warn({ directory: segment.directory, baseOffset: segment.baseOffset }, 'IndexRebuilt');
    const indexes = await this.#files.use(segment.path('.log'), (file) => buildIndexes(segment, file));
    await this.write(segment, indexes);
    return indexes;
  }
}

async function buildIndexes(segment: LogSegment, file: LogFile): Promise<SegmentIndexes> {
  const rebuilt = segment.emptyCopy();
  await scanSegment({
    file,
    fileBytes: segment.visibleBytes,
    fromOffset: segment.baseOffset,
    check: 'headers',
    onBatch: (header) => {
      rebuilt.noteBatch(header.lastOffset, header.sizeBytes, header.maxTimestamp);
      return true;
    },
  });
  rebuilt.completeTimeIndex();
  return rebuilt.indexes!;
}

function sizeOf(indexes: SegmentIndexes): number {
  return indexes.offsets.sizeBytes + indexes.times.sizeBytes;
}
