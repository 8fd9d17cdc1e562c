import { BufferPool } from './buffer-pool.ts';

const noPool = new BufferPool(0);

/** A growing run of bytes: values of a variable-length column, or a scratch text. */
export class ByteHeap {
  bytes = new Uint8Array(0);
  /** The same bytes, for little-endian words at any position. */
  view = new DataView(this.bytes.buffer);
  length = 0;
  readonly #pool: BufferPool;

  constructor(pool: BufferPool = noPool) {
    this.#pool = pool;
  }

  /** Makes room for `count` bytes after `length`. */
  reserve(count: number): void {
    if (this.length + count > this.bytes.length) this.#resize(this.length + count);
  }

  /** Appends `source[start, end)`. */
  append(source: Uint8Array, start: number, end: number): void {
    const count = end - start;
    this.reserve(count);
    const { bytes } = this;
    let to = this.length;
    this.length = to + count;
    if (count > 128) bytes.set(source.subarray(start, end), to);
    else for (let from = start; from < end; from++) bytes[to++] = source[from]!;
  }

  /** Forgets the bytes and gives the memory back. */
  release(): void {
    this.length = 0;
    this.#use(new ArrayBuffer(0));
  }

  #resize(needed: number): void {
    const block = this.#pool.take(Math.max(needed, this.bytes.length * 2));
    new Uint8Array(block).set(this.bytes.subarray(0, this.length));
    this.#use(block);
  }

  #use(block: ArrayBuffer): void {
    this.#pool.give(this.bytes.buffer);
    this.bytes = new Uint8Array(block);
    this.view = new DataView(block);
  }
}
