/**
 * Memory blocks that column builders have given back, by size. Open files come and go with every roll, and fresh memory
 * costs more time (page faults, garbage collection) than the rows that go into it. One pool an engine, bounded in bytes.
 * A block that was given back must not be touched any more; blocks that are taken hold old bytes.
 */
export class BufferPool {
  readonly #maxIdleBytes: number;
  readonly #blocks = new Map<number, ArrayBuffer[]>();
  #idleBytes = 0;

  constructor(maxIdleBytes: number) {
    this.#maxIdleBytes = maxIdleBytes;
  }

  /** Bytes held for later. */
  get idleBytes(): number {
    return this.#idleBytes;
  }

  /** A block of at least that many bytes: the next power of two. */
  take(bytes: number): ArrayBuffer {
    const size = 1 << (32 - Math.clz32(Math.max(bytes, smallestBlock) - 1));
    const block = this.#blocks.get(size)?.pop();
    if (block === undefined) return new ArrayBuffer(size);
    this.#idleBytes -= size;
    return block;
  }

  give(block: ArrayBuffer): void {
    const size = block.byteLength;
    if (size === 0 || this.#idleBytes + size > this.#maxIdleBytes) return;
    const blocks = this.#blocks.get(size);
    if (blocks === undefined) this.#blocks.set(size, [block]);
    else blocks.push(block);
    this.#idleBytes += size;
  }
}

const smallestBlock = 64;
