/** Fixed-size entries in one buffer that doubles: the bytes of an index file while it grows. */
export class GrowableTable {
  readonly #entryBytes: number;
  /** Whether the bytes it was made of did not divide into entries. */
  readonly hasRemainder: boolean;
  buffer: Buffer;
  count: number;

  constructor(entryBytes: number, bytes: Buffer = Buffer.alloc(0)) {
    this.#entryBytes = entryBytes;
    this.buffer = bytes;
    this.count = Math.floor(bytes.length / entryBytes);
    this.hasRemainder = bytes.length % entryBytes !== 0;
  }

  get bytes(): Buffer {
    return this.buffer.subarray(0, this.count * this.#entryBytes);
  }

  /** Makes room for one more entry and returns where it begins. */
  grow(): number {
    const at = this.count * this.#entryBytes;
    if (at + this.#entryBytes > this.buffer.length) {
      const larger = Buffer.alloc(Math.max(16 * this.#entryBytes, this.buffer.length * 2));
      this.buffer.copy(larger, 0, 0, at);
      this.buffer = larger;
    }
    this.count++;
    return at;
  }

  /** Binary search: the last entry for which `holds` (true for a prefix of the entries), or -1. `holds` gets its byte position. */
  lastIndexWhere(holds: (at: number) => boolean): number {
    let low = -1;
    let high = this.count;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (holds(middle * this.#entryBytes)) low = middle;
      else high = middle;
    }
    return low;
  }
}
