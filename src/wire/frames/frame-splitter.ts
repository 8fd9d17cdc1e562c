import { WireError } from '../wire-error.ts';

const SIZE_BYTES = 4;
const FIRST_CAPACITY_BYTES = 64 * 1024;

/**
 * Cuts a byte stream into frames: int32 size | size bytes. A frame that lies inside one chunk is a view into it; one that
 * spans chunks is collected in a buffer that doubles up to the frame's size, so that memory follows the bytes that really
 * came, not the size somebody claims, and copying stays linear however small the chunks are. One frame at most is collected.
 * A size that is negative or above the limit is a WireError before anything is kept for it; the stream is then of no use.
 */
export class FrameSplitter {
  readonly #maxFrameBytes: number;
  readonly #sizeField = Buffer.alloc(SIZE_BYTES);
  #sizeFieldBytes = 0;
  /** The collected frame: `#frame.subarray(0, #frameBytes)` of `#frameSize` bytes. Null between frames. */
  #frame: Buffer | null = null;
  #frameBytes = 0;
  #frameSize = 0;

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** Memory held for a frame that is not complete yet. */
  get pendingBytes(): number {
    return this.#sizeFieldBytes + (this.#frame?.length ?? 0);
  }

  /** Takes the next bytes of the stream and returns the frames they complete, without their sizes. */
  push(chunk: Buffer): Buffer[] {
    const frames: Buffer[] = [];
    let position = 0;
    while (position < chunk.length) {
      if (this.#frame === null && this.#sizeFieldBytes === 0) position = this.#takeWhole(chunk, position, frames);
      if (position < chunk.length) position = this.#collect(chunk, position, frames);
    }
    return frames;
  }

  /** Takes the frames that are whole in `chunk`; returns where the first incomplete one begins. */
  #takeWhole(chunk: Buffer, start: number, frames: Buffer[]): number {
    let position = start;
    while (chunk.length - position >= SIZE_BYTES) {
      const end = position + SIZE_BYTES + this.#checkSize(chunk.readInt32BE(position));
      if (end > chunk.length) break;
      frames.push(chunk.subarray(position + SIZE_BYTES, end));
      position = end;
    }
    return position;
  }

  /** Takes bytes for the incomplete frame; returns the position after them. */
  #collect(chunk: Buffer, start: number, frames: Buffer[]): number {
    let position = start;
    while (this.#sizeFieldBytes < SIZE_BYTES) {
      if (position === chunk.length) return position;
      this.#sizeField[this.#sizeFieldBytes++] = chunk[position++]!;
    }
    this.#frameSize = this.#checkSize(this.#sizeField.readInt32BE());
    const length = Math.min(this.#frameSize - this.#frameBytes, chunk.length - position);
    const frame = this.#reserve(length);
    chunk.copy(frame, this.#frameBytes, position, position + length);
    this.#frameBytes += length;
    if (this.#frameBytes === this.#frameSize) {
      frames.push(frame);
      this.#frame = null;
      this.#frameBytes = 0;
      this.#sizeFieldBytes = 0;
    }
    return position + length;
  }

  #reserve(length: number): Buffer {
    const needed = this.#frameBytes + length;
    if (this.#frame && needed <= this.#frame.length) return this.#frame;
    const grown = Buffer.allocUnsafe(Math.min(this.#frameSize, Math.max(FIRST_CAPACITY_BYTES, 2 * needed)));
    this.#frame?.copy(grown, 0, 0, this.#frameBytes);
    this.#frame = grown;
    return grown;
  }

  #checkSize(size: number): number {
    if (size < 0)
      throw new WireError('malformed', `expected the size of a frame, got ${size}: this is not the Kafka protocol`);
    if (size > this.#maxFrameBytes)
      throw new WireError('too-large', `expected frames of at most ${this.#maxFrameBytes} bytes, got ${size}`);
    return size;
  }
}
