/**
 * Exact accounting of a stretch of offsets [first, first + size) with three bits per offset: seen in a file, seen again,
 * and known not to have landed. 4 Mi offsets take 1.5 MiB, whatever is in them.
 */
export class OffsetMap {
  readonly first: bigint;
  readonly size: number;
  readonly #firstHigh: number;
  readonly #firstLow: number;
  readonly #seen: Uint32Array;
  readonly #again: Uint32Array;
  readonly #absent: Uint32Array;

  constructor(first: bigint, size: number) {
    this.first = first;
    this.size = size;
    this.#firstHigh = Number(first >> 32n);
    this.#firstLow = Number(first & 0xffffffffn);
    const words = (size + 31) >>> 5;
    this.#seen = new Uint32Array(words);
    this.#again = new Uint32Array(words);
    this.#absent = new Uint32Array(words);
  }

  /** Counts offsets of a file and gives how many of them lie in the stretch. Reads them as pairs of 32 bits, not as bigints. */
  see(offsets: BigInt64Array): number {
    let inside = 0;
    const halves = new Uint32Array(offsets.buffer, offsets.byteOffset, offsets.length * 2);
    for (let i = 0; i < halves.length; i += 2) {
      const position = ((halves[i + 1]! | 0) - this.#firstHigh) * 2 ** 32 + (halves[i]! - this.#firstLow);
      if (position < 0 || position >= this.size) continue;
      this.#count(position);
      inside++;
    }
    return inside;
  }

  /** Marks [first, next) as not landed, as far as it lies in the stretch. */
  excuse(first: bigint, next: bigint): void {
    const from = Math.max(0, Number(first - this.first));
    const to = Math.min(this.size, Number(next - this.first));
    for (let position = from; position < to; position++) this.#absent[position >>> 5]! |= 1 << (position & 31);
  }

  /** Offsets that should have landed and are in no file. */
  *missing(): Generator<bigint> {
    yield* this.#offsets((word) => ~(this.#seen[word]! | this.#absent[word]!));
  }

  /** Offsets that are in files more than once, or in a file though the ledger says that they did not land. */
  *double(): Generator<bigint> {
    yield* this.#offsets((word) => this.#again[word]! | (this.#seen[word]! & this.#absent[word]!));
  }

  #count(position: number): void {
    const word = position >>> 5;
    const bit = 1 << (position & 31);
    if (this.#seen[word]! & bit) this.#again[word]! |= bit;
    else this.#seen[word]! |= bit;
  }

  *#offsets(bitsOf: (word: number) => number): Generator<bigint> {
    for (let word = 0; word < this.#seen.length; word++) {
      const bits = bitsOf(word);
      if (bits === 0) continue;
      for (let bit = 0; bit < 32; bit++) {
        const position = word * 32 + bit;
        if ((bits >>> bit) & 1 && position < this.size) yield this.first + BigInt(position);
      }
    }
  }
}
