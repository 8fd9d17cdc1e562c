/** A growing run of bytes: values of a variable-length column, or a scratch text. */
export class ByteHeap {
  bytes: Uint8Array;
  /** The same bytes, for little-endian words at any position. */
  view: DataView;
  length = 0;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Makes room for `count` bytes after `length`. */
  reserve(count: number): void {
    if (this.length + count > this.bytes.length) this.#grow(this.length + count);
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

  /** Gives the memory back, down to `capacity` bytes. */
  shrink(capacity: number): void {
    if (this.bytes.length > capacity && this.length <= capacity) this.#resize(capacity);
  }

  #grow(needed: number): void {
    let capacity = Math.max(this.bytes.length * 2, 64);
    while (capacity < needed) capacity *= 2;
    this.#resize(capacity);
  }

  #resize(capacity: number): void {
    const bytes = new Uint8Array(capacity);
    bytes.set(this.bytes.subarray(0, this.length));
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
  }
}
