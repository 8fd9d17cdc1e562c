import { createHash } from 'node:crypto';

const indexBits = 12;
const registerCount = 1 << indexBits;
/** Flajolet et al., 2007: for so many registers. */
const alpha = 0.7213 / (1 + 1.079 / registerCount);

/** About how many different texts were added, in 4 KB (1.6 % off, as a rule). */
export class HyperLogLog {
  readonly #registers = new Uint8Array(registerCount);

  add(text: string): void {
    const hash = createHash('sha1').update(text).digest();
    const index = hash.readUInt32BE(0) >>> (32 - indexBits);
    const rank = Math.clz32(hash.readUInt32BE(4)) + 1;
    if (rank > this.#registers[index]!) this.#registers[index] = rank;
  }

  merge(other: HyperLogLog): void {
    other.#registers.forEach((rank, i) => {
      if (rank > this.#registers[i]!) this.#registers[i] = rank;
    });
  }

  get count(): number {
    let sum = 0;
    let empty = 0;
    for (const rank of this.#registers) {
      sum += 2 ** -rank;
      if (rank === 0) empty++;
    }
    const estimate = (alpha * registerCount ** 2) / sum;
    // Small numbers are counted by the registers that are empty.
    if (estimate <= 2.5 * registerCount && empty > 0)
      return Math.round(registerCount * Math.log(registerCount / empty));
    return Math.round(estimate);
  }
}
