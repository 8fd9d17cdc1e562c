/**
 * The newest bytes of all logs, in memory: appends are copied here, written to disk from here, and read from here by consumers
 * at the tail without touching a file. Owns the bound: when all chunks together hold more than `maxBytes`, the oldest ones that
 * are written are let go. Chunks are never reused, so a view that a reader still holds stays what it was.
 */
import { TailChunk } from './tail-chunk.ts';

const firstChunkBytes = 16 << 10;
const largestChunkBytes = 1 << 20;

export class TailCache {
  readonly #maxBytes: number;
  /** In the order in which they were made. */
  readonly #chunks = new Map<TailChunk, PartitionTail>();
  #sizeBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  add(chunk: TailChunk, owner: PartitionTail): void {
    this.#chunks.set(chunk, owner);
    this.#sizeBytes += chunk.capacity;
    for (const [oldest, its] of this.#chunks) {
      if (this.#sizeBytes <= this.#maxBytes) return;
      if (oldest !== chunk && oldest.isWritten) its.drop(oldest);
    }
  }

  remove(chunk: TailChunk): void {
    if (this.#chunks.delete(chunk)) this.#sizeBytes -= chunk.capacity;
  }
}

export interface TailMark {
  chunk: TailChunk | null;
  usedBytes: number;
}

/** The chunks of one partition, oldest first. */
export class PartitionTail {
  readonly #cache: TailCache;
  #chunks: TailChunk[] = [];
  #nextChunkBytes = firstChunkBytes;
  /** Below it the files say something else by now. */
  #readableFrom = 0n;

  constructor(cache: TailCache) {
    this.#cache = cache;
  }

  /** Copies one batch in. */
  append(batch: Buffer, baseOffset: bigint, nextOffset: bigint): TailChunk {
    let chunk = this.#chunks.at(-1);
    if (!chunk?.hasRoomFor(batch.length) || chunk.nextOffset !== baseOffset) {
      chunk = this.#newChunk(batch.length, baseOffset);
    }
    chunk.append(batch, nextOffset);
    return chunk;
  }

  mark(): TailMark {
    const chunk = this.#chunks.at(-1) ?? null;
    return { chunk, usedBytes: chunk?.usedBytes ?? 0 };
  }

  /** Forgets what was appended since the mark; none of it was visible. */
  restore(mark: TailMark, nextOffset: bigint): void {
    for (const chunk of this.#chunks.filter((other) => other.nextOffset > nextOffset && other !== mark.chunk)) {
      this.drop(chunk);
    }
    if (mark.chunk && this.#chunks.includes(mark.chunk)) mark.chunk.restore(mark.usedBytes, nextOffset);
  }

  /** Whole batches from the one that holds `offset` on, or null when that one is not (or no longer) here. */
  read(offset: bigint, maxBytes: number): Buffer | null {
    const first = offset < this.#readableFrom ? -1 : this.#chunkIndexOf(offset);
    if (first < 0) return null;
    let chunk = this.#chunks[first]!;
    let slice = chunk.read(offset, maxBytes);
    const slices = [slice];
    let size = slice.length;
    // One more copy is worth it only while the answer would be tiny.
    const enough = Math.min(maxBytes, 128 << 10);
    for (let index = first + 1; size < enough && index < this.#chunks.length; index++) {
      const next = this.#chunks[index]!;
      if (!chunk.isLastView(slice) || next.baseOffset !== chunk.nextOffset || next.visibleBytes === 0) break;
      slice = next.readUpTo(maxBytes - size);
      if (slice.length === 0) break;
      slices.push(slice);
      size += slice.length;
      chunk = next;
    }
    return slices.length === 1 ? slices[0]! : Buffer.concat(slices, size);
  }

  /** Compaction has changed what lies below `offset`: it is read from the files from now on. */
  forgetBelow(offset: bigint): void {
    if (offset > this.#readableFrom) this.#readableFrom = offset;
    for (const chunk of this.#chunks.filter((other) => other.isWritten && other.nextOffset <= offset)) this.drop(chunk);
  }

  drop(chunk: TailChunk): void {
    this.#chunks = this.#chunks.filter((other) => other !== chunk);
    if (this.#chunks.length === 0) this.#nextChunkBytes = firstChunkBytes;
    this.#cache.remove(chunk);
  }

  clear(): void {
    for (const chunk of this.#chunks) this.#cache.remove(chunk);
    this.#chunks = [];
  }

  #newChunk(leastBytes: number, baseOffset: bigint): TailChunk {
    const chunk = new TailChunk(Math.max(this.#nextChunkBytes, leastBytes), baseOffset);
    this.#nextChunkBytes = Math.min(largestChunkBytes, this.#nextChunkBytes * 2);
    this.#chunks.push(chunk);
    this.#cache.add(chunk, this);
    return chunk;
  }

  #chunkIndexOf(offset: bigint): number {
    for (let index = this.#chunks.length - 1; index >= 0; index--) {
      const chunk = this.#chunks[index]!;
      if (offset >= chunk.baseOffset) return offset < chunk.visibleOffset ? index : -1;
    }
    return -1;
  }
}
