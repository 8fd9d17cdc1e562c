/**
 * The content hash of a file's rows: sum mod 2^128 of one 128-bit hash per row, so that neither the order of the rows nor
 * the cut into files matters, and two sides (the loader, a later audit) come to the same number.
 *
 * Canonical form of a row: its cells that are not null, each (name, kind, value bytes), in any order. Kinds and values:
 *   1 boolean   8 bytes, little-endian 0 or 1
 *   2 integer   8 bytes, little-endian two's complement, whatever the width of the column; timestamps and times count
 *               in the unit of their column, a date days since 1970-01-01
 *   3 double    8 bytes, IEEE 754 little-endian (so -0 and 0 differ); a float as the double of the same value
 *   4 bytes     the bytes: strings and JSON texts in UTF-8, binary values as they are, a uuid's 16 bytes
 *   5 decimal   the number as plain decimal text without needless zeros: `-12.5`, `100`, `0`
 *   6 nested    list, map, struct: see nested-hash.ts
 * seed(column) = MurmurHash3_x86_128(UTF-8 of the name, seed = kind). cell = MurmurHash3_x86_128(value bytes) started with
 * the four words of the column's seed as its state. row = the finalizer of MurmurHash3 over the sums of the cells, word by
 * word mod 2^32. file = sum of the rows as 128-bit numbers, the first word being the lowest; text: 32 hex digits.
 *
 * MurmurHash3 by Austin Appleby (public domain) only needs 32-bit multiplications, which JavaScript has.
 */
export const cellKinds = { boolean: 1, integer: 2, double: 3, bytes: 4, decimal: 5, nested: 6 } as const;

const c1 = 0x239b961b;
const c2 = 0xab0e9789 | 0;
const c3 = 0x38b34ae5;
const c4 = 0xa1e38b93 | 0;

/** The four 32-bit words of a hash, signed. */
export interface HashWords {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

/** Collects the cells of one row. */
export class RowHasher {
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;

  reset(): void {
    this.#a = 0;
    this.#b = 0;
    this.#c = 0;
    this.#d = 0;
  }

  /** A cell of 8 bytes, given as its low and high 32-bit words. */
  addWords(seed: HashWords, low: number, high: number): void {
    let k2 = Math.imul(high, c2);
    k2 = Math.imul((k2 << 16) | (k2 >>> 16), c3);
    let k1 = Math.imul(low, c1);
    k1 = Math.imul((k1 << 15) | (k1 >>> 17), c2);
    this.#addCell(seed.a ^ k1, seed.b ^ k2, seed.c, seed.d, 8);
  }

  /** A cell of `length` bytes at `start` of `view`. */
  addBytes(seed: HashWords, view: DataView, start: number, length: number): void {
    let h1 = seed.a;
    let h2 = seed.b;
    let h3 = seed.c;
    let h4 = seed.d;
    const end = start + length;
    let at = start;
    for (; at + 16 <= end; at += 16) {
      let k = Math.imul(view.getInt32(at, true), c1);
      h1 ^= Math.imul((k << 15) | (k >>> 17), c2);
      h1 = (Math.imul(((h1 << 19) | (h1 >>> 13)) + h2, 5) + 0x561ccd1b) | 0;
      k = Math.imul(view.getInt32(at + 4, true), c2);
      h2 ^= Math.imul((k << 16) | (k >>> 16), c3);
      h2 = (Math.imul(((h2 << 17) | (h2 >>> 15)) + h3, 5) + 0x0bcaa747) | 0;
      k = Math.imul(view.getInt32(at + 8, true), c3);
      h3 ^= Math.imul((k << 17) | (k >>> 15), c4);
      h3 = (Math.imul(((h3 << 15) | (h3 >>> 17)) + h4, 5) + 0x96cd1c35) | 0;
      k = Math.imul(view.getInt32(at + 12, true), c4);
      h4 ^= Math.imul((k << 18) | (k >>> 14), c1);
      h4 = (Math.imul(((h4 << 13) | (h4 >>> 19)) + h1, 5) + 0x32ac3b17) | 0;
    }
    const rest = end - at;
    if (rest > 12) h4 ^= scramble(tailWord(view, at + 12, rest - 12), c4, 18, c1);
    if (rest > 8) h3 ^= scramble(tailWord(view, at + 8, rest - 8), c3, 17, c4);
    if (rest > 4) h2 ^= scramble(tailWord(view, at + 4, rest - 4), c2, 16, c3);
    if (rest > 0) h1 ^= scramble(tailWord(view, at, rest), c1, 15, c2);
    this.#addCell(h1, h2, h3, h4, length);
  }

  #addCell(s1: number, s2: number, s3: number, s4: number, length: number): void {
    let h2 = s2 ^ length;
    let h3 = s3 ^ length;
    let h4 = s4 ^ length;
    let h1 = ((s1 ^ length) + h2 + h3 + h4) | 0;
    h2 = (h2 + h1) | 0;
    h3 = (h3 + h1) | 0;
    h4 = (h4 + h1) | 0;
    h1 = mixed(h1);
    h2 = mixed(h2);
    h3 = mixed(h3);
    h4 = mixed(h4);
    h1 = (h1 + h2 + h3 + h4) | 0;
    this.#a = (this.#a + h1) | 0;
    this.#b = (this.#b + h2 + h1) | 0;
    this.#c = (this.#c + h3 + h1) | 0;
    this.#d = (this.#d + h4 + h1) | 0;
  }

  /** Ends the row and adds it to a file's sum. */
  finishInto(sum: ContentSum): void {
    let h1 = (this.#a + this.#b + this.#c + this.#d) | 0;
    let h2 = (this.#b + h1) | 0;
    let h3 = (this.#c + h1) | 0;
    let h4 = (this.#d + h1) | 0;
    h1 = mixed(h1);
    h2 = mixed(h2);
    h3 = mixed(h3);
    h4 = mixed(h4);
    h1 = (h1 + h2 + h3 + h4) | 0;
    h2 = (h2 + h1) | 0;
    h3 = (h3 + h1) | 0;
    h4 = (h4 + h1) | 0;
    sum.add(h1 >>> 0, h2 >>> 0, h3 >>> 0, h4 >>> 0);
  }

  /** Adds the cells of `other`, which hold for every row. */
  addCells(other: HashWords): void {
    this.#a = (this.#a + other.a) | 0;
    this.#b = (this.#b + other.b) | 0;
    this.#c = (this.#c + other.c) | 0;
    this.#d = (this.#d + other.d) | 0;
  }

  /** The sums of the cells added since `reset`. */
  get cells(): HashWords {
    return { a: this.#a, b: this.#b, c: this.#c, d: this.#d };
  }

  /** Seed of a column's cells. */
  static seedOf(name: string, kind: number): HashWords {
    const bytes = Buffer.from(name, 'utf8');
    const hasher = new RowHasher();
    const start = { a: kind, b: kind, c: kind, d: kind };
    hasher.addBytes(start, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
    return hasher.cells;
  }
}

/** A sum of row hashes mod 2^128, as four unsigned words, lowest first. */
export class ContentSum {
  #w0 = 0;
  #w1 = 0;
  #w2 = 0;
  #w3 = 0;

  add(h0: number, h1: number, h2: number, h3: number): void {
    const w0 = this.#w0 + h0;
    const w1 = this.#w1 + h1 + (w0 > 0xffffffff ? 1 : 0);
    const w2 = this.#w2 + h2 + (w1 > 0xffffffff ? 1 : 0);
    const w3 = this.#w3 + h3 + (w2 > 0xffffffff ? 1 : 0);
    this.#w0 = w0 >>> 0;
    this.#w1 = w1 >>> 0;
    this.#w2 = w2 >>> 0;
    this.#w3 = w3 >>> 0;
  }

  /** 32 hex digits, highest first. */
  toHex(): string {
    return [this.#w3, this.#w2, this.#w1, this.#w0].map((word) => word.toString(16).padStart(8, '0')).join('');
  }
}

/** Adds two content hashes (32 hex digits each) mod 2^128: the hash of both files' rows together. */
export function addContentHashes(left: string, right: string): string {
  const sum = BigInt.asUintN(128, BigInt(`0x${left}`) + BigInt(`0x${right}`));
  return sum.toString(16).padStart(32, '0');
}

function tailWord(view: DataView, at: number, count: number): number {
  if (count >= 4) return view.getInt32(at, true);
  let word = view.getUint8(at);
  if (count > 1) word |= view.getUint8(at + 1) << 8;
  if (count > 2) word |= view.getUint8(at + 2) << 16;
  return word;
}

function scramble(word: number, first: number, turn: number, second: number): number {
  const k = Math.imul(word, first);
  return Math.imul((k << turn) | (k >>> (32 - turn)), second);
}

function mixed(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
