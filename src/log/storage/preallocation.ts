/**
 * Room for the batches to come: zeros behind the last one, written before they are needed. A sync of bytes that only replace
 * zeros writes those bytes and nothing else; where a file grows it waits for a commit of the file system's journal, which
 * carries whatever else the machine is writing (docs/decisions/0004-preallocated-segments.md).
 *
 * Zeros are no batch: recovery takes them for the end of the log, readers never come so far, and a sealed segment has none.
 */
import { isDiskFull } from './log-error.ts';
import type { LogSegment } from './log-segment.ts';

export interface PreallocationOptions {
  /** Smaller segments stay as long as what they hold: most partitions are quiet. */
  fromBytes: number;
  /** At most so many zeros at a time; a segment is doubled until then. */
  maxBytes: number;
}

const zeros = Buffer.alloc(1 << 18);

export class Preallocation {
  readonly #options: PreallocationOptions;

  constructor(options: PreallocationOptions) {
    this.#options = options;
  }

  /** Makes room behind `endPosition`, where the last write ended, if that used up what there was. */
  async extend(segment: LogSegment, endPosition: number, segmentBytes: number): Promise<void> {
    const { fromBytes, maxBytes } = this.#options;
    if (endPosition < Math.max(segment.allocatedBytes, fromBytes) || segment.isPreallocationRefused) return;
    const target = Math.min(endPosition + Math.min(endPosition, maxBytes), segmentBytes);
    if (target <= endPosition) return;
    try {
      await segment.file!.write(zeroBuffers(target - endPosition), endPosition);
      segment.allocatedBytes = target;
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      segment.isPreallocationRefused = true;
      await this.#cut(segment, endPosition);
    }
  }

  /** Durably takes back the room that a complete segment did not use. */
  async trim(segment: LogSegment): Promise<void> {
    if (segment.allocatedBytes <= segment.sizeBytes || !segment.file) return;
    await this.#cut(segment, segment.sizeBytes);
    await segment.file.datasync();
  }

  async #cut(segment: LogSegment, sizeBytes: number): Promise<void> {
    await segment.file!.truncate(sizeBytes);
    segment.allocatedBytes = sizeBytes;
  }
}

function zeroBuffers(sizeBytes: number): Buffer[] {
  const buffers: Buffer[] = [];
  for (let left = sizeBytes; left > 0; left -= zeros.length)
    buffers.push(zeros.subarray(0, Math.min(left, zeros.length)));
  return buffers;
}
