/**
 * Kafka's murmur2, so that a key goes to the same partition whichever client sends it: 32 bits, seed 0x9747b28c, as in
 * the Java client's `Utils.murmur2`. Returns a signed 32-bit number.
 */
export function murmur2(data: Buffer): number {
  const multiplier = 0x5bd1e995;
  const length = data.length;
  let hash = 0x9747b28c ^ length;
  let position = 0;
  for (; position + 4 <= length; position += 4) {
    let word = Math.imul(data.readInt32LE(position), multiplier);
    word ^= word >>> 24;
    word = Math.imul(word, multiplier);
    hash = Math.imul(hash, multiplier) ^ word;
  }
  const tail = length - position;
  if (tail === 3) hash ^= data[position + 2]! << 16;
  if (tail >= 2) hash ^= data[position + 1]! << 8;
  if (tail >= 1) hash = Math.imul(hash ^ data[position]!, multiplier);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, multiplier);
  return hash ^ (hash >>> 15);
}

/** The partition of a key: murmur2 made positive by dropping the sign bit, modulo the number of partitions. */
export function partitionForKey(key: Buffer | string, partitionCount: number): number {
  const bytes = typeof key === 'string' ? Buffer.from(key, 'utf8') : key;
  return (murmur2(bytes) & 0x7fffffff) % partitionCount;
}

/**
 * Records without a key stay with one partition until it got `switchBytes`, then move to another one at random (KIP-480,
 * KIP-794): full batches instead of many small ones, and evenly spread bytes all the same.
 */
export class StickyPartition {
  readonly #switchBytes: number;
  readonly #random: () => number;
  #partition = -1;
  #bytes = 0;

  constructor(switchBytes: number, random: () => number) {
    this.#switchBytes = switchBytes;
    this.#random = random;
  }

  /** The partition for a record of so many bytes. */
  next(bytes: number, partitionCount: number): number {
    if (this.#partition < 0 || this.#partition >= partitionCount || this.#bytes >= this.#switchBytes) {
      this.#partition = this.#another(partitionCount);
      this.#bytes = 0;
    }
    this.#bytes += bytes;
    return this.#partition;
  }

  /** Never the same one again while there are others. */
  #another(partitionCount: number): number {
    if (this.#partition < 0 || this.#partition >= partitionCount) return Math.floor(this.#random() * partitionCount);
    if (partitionCount === 1) return 0;
    return (this.#partition + 1 + Math.floor(this.#random() * (partitionCount - 1))) % partitionCount;
  }
}
