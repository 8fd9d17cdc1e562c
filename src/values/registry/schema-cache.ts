/** Keeps what was used last, bounded by the bytes of what it keeps. */
export class SchemaCache<T> {
  readonly #entries = new Map<string, { value: T; bytes: number }>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** The entry itself is always kept, others make room. */
  set(key: string, value: T, bytes: number): void {
    const old = this.#entries.get(key);
    if (old) this.#bytes -= old.bytes;
    this.#entries.delete(key);
    this.#entries.set(key, { value, bytes });
    this.#bytes += bytes;
    for (const [name, entry] of this.#entries) {
      if (this.#bytes <= this.#maxBytes || name === key) break;
      this.#entries.delete(name);
      this.#bytes -= entry.bytes;
    }
  }
}
