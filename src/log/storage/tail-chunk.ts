/**
 * One buffer of batches that follow each other in offsets. Bytes are written once: [0, visibleBytes) is synced and may be shown,
 * [visibleBytes, usedBytes) is on its way to the disk.
 */
import { readBatchHeader, readBatchSize } from './batch-bytes.ts';

/** A reader walks at most so many bytes of headers (or one batch) to find its offset. */
const markIntervalBytes = 8 << 10;

export class TailChunk {
  readonly baseOffset: bigint;
  readonly #buffer: Buffer;
  /** Where batches begin and with which offset (relative to baseOffset), about one per markIntervalBytes; both rise. */
  #marks: { position: number; relativeOffset: number }[] = [];
  #usedBytes = 0;
  #nextOffset: bigint;
  #visibleBytes = 0;
  #visibleOffset: bigint;
  #writtenBytes = 0;

  constructor(capacity: number, baseOffset: bigint) {
    // Not from Node's pool: the memory must go when the chunk goes.
    this.#buffer = Buffer.allocUnsafeSlow(capacity);
    this.baseOffset = baseOffset;
    this.#nextOffset = baseOffset;
    this.#visibleOffset = baseOffset;
  }

  get capacity(): number {
    return this.#buffer.length;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get nextOffset(): bigint {
    return this.#nextOffset;
  }

  get visibleBytes(): number {
    return this.#visibleBytes;
  }

  /** Offsets below it may be shown. */
  get visibleOffset(): bigint {
    return this.#visibleOffset;
  }

  get isWritten(): boolean {
    return this.#writtenBytes === this.#usedBytes;
  }

  hasRoomFor(size: number): boolean {
    return this.#usedBytes + size <= this.#buffer.length;
  }

  append(batch: Buffer, nextOffset: bigint): void {
    const last = this.#marks.at(-1);
    if (!last || this.#usedBytes - last.position >= markIntervalBytes) {
      this.#marks.push({ position: this.#usedBytes, relativeOffset: Number(this.#nextOffset - this.baseOffset) });
    }
    batch.copy(this.#buffer, this.#usedBytes);
    this.#usedBytes += batch.length;
    this.#nextOffset = nextOffset;
  }

  view(from: number, to: number): Buffer {
    return this.#buffer.subarray(from, to);
  }

  noteWritten(toBytes: number): void {
    this.#writtenBytes = toBytes;
  }

  noteVisible(toBytes: number, nextOffset: bigint): void {
    this.#visibleBytes = toBytes;
    this.#visibleOffset = nextOffset;
  }

  restore(usedBytes: number, nextOffset: bigint): void {
    this.#usedBytes = usedBytes;
    this.#writtenBytes = Math.min(this.#writtenBytes, usedBytes);
    this.#nextOffset = nextOffset;
    this.#marks = this.#marks.filter((mark) => mark.position < usedBytes);
  }

  /** The visible batches from the one that holds `offset` on; at least that one. */
  read(offset: bigint, maxBytes: number): Buffer {
    const relative = Number(offset - this.baseOffset);
    let position = this.#lastMark((mark) => mark.relativeOffset <= relative);
    for (;;) {
      const header = readBatchHeader(this.#buffer, position);
      if (header.lastOffset >= offset) {
        return this.#buffer.subarray(
          position,
          Math.max(position + header.sizeBytes, this.#wholeBatchesEnd(position, maxBytes)),
        );
      }
      position += header.sizeBytes;
    }
  }

  /** The visible batches from the beginning that fit in `maxBytes`; maybe none. */
  readUpTo(maxBytes: number): Buffer {
    return this.#buffer.subarray(0, this.#wholeBatchesEnd(0, maxBytes));
  }

  /** Whether a view that `read` or `readUpTo` gave goes to the end of all that this chunk will ever hold, so that the next chunk follows. */
  isLastView(view: Buffer): boolean {
    return view.byteOffset + view.length === this.#buffer.byteOffset + this.#usedBytes;
  }

  #wholeBatchesEnd(from: number, maxBytes: number): number {
    const limit = from + maxBytes;
    if (limit >= this.#visibleBytes) return this.#visibleBytes;
    let end = Math.max(
      from,
      this.#lastMark((mark) => mark.position <= limit),
    );
    for (;;) {
      const next = end + readBatchSize(this.#buffer, end);
      if (next > limit) return end;
      end = next;
    }
  }

  #lastMark(holds: (mark: { position: number; relativeOffset: number }) => boolean): number {
    let low = 0;
    let high = this.#marks.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (holds(this.#marks[middle]!)) low = middle;
      else high = middle;
    }
    return this.#marks[low]!.position;
  }
}
