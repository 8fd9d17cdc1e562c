/**
 * Completes the segments a partition has rolled away from, behind the appends: cuts the room they did not use, writes their indexes and the producer snapshot
 * that belongs to their end, and closes their file. Until that is done the recovery point stays at the segment, so that
 * a crash in between scans it again.
 */
import { join } from 'node:path';
import type { LogContext } from './log-context.ts';
import type { LogSegment } from './log-segment.ts';
import { offsetFileName, snapshotSuffix } from './names.ts';
import { Serial } from './serial.ts';

export interface SnapshotFile {
  offset: bigint;
  bytes: Buffer;
}

export class SegmentSealer {
  readonly #context: LogContext;
  readonly #serial = new Serial();
  readonly #unsealed = new Set<LogSegment>();

  constructor(context: LogContext) {
    this.#context = context;
  }

  get firstUnsealedOffset(): bigint | null {
    for (const segment of this.#unsealed) return segment.baseOffset;
    return null;
  }

  /** Returns at once; `idle` tells when it is done. */
  seal(segment: LogSegment, snapshot: SnapshotFile): void {
    segment.completeTimeIndex();
    this.#unsealed.add(segment);
    this.#serial.run(() => this.#seal(segment, snapshot)).catch((error: unknown) => this.#context.commit.fail(error));
  }

  /** Resolves when every segment given so far is sealed, or the log has failed. */
  idle(): Promise<void> {
    return this.#serial.run(async () => {});
  }

  async #seal(segment: LogSegment, snapshot: SnapshotFile): Promise<void> {
    await this.#context.preallocation.trim(segment);
    const indexes = segment.indexes!;
    const snapshotPath = join(segment.directory, offsetFileName(snapshot.offset, snapshotSuffix));
    await this.#context.indexes.write(segment, indexes, { path: snapshotPath, bytes: snapshot.bytes });
    await segment.file?.close();
    segment.file = null;
    segment.isSealed = true;
    this.#context.indexes.keep(segment, indexes);
    this.#unsealed.delete(segment);
  }
}
