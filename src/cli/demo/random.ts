/** A small seeded generator (mulberry32): the same seeds give the same numbers on every machine. Not for secrets. */
export class SeededRandom {
  #state: number;

  /** Mixes any number of seeds, so that (game seed, second) names a stream of its own. */
  constructor(...seeds: number[]) {
    let state = 0x9e3779b9;
    for (const seed of seeds) {
      // A second since the epoch passes 2^31: both halves count.
      for (const half of [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0]) {
        state = Math.imul(state ^ half, 0x85ebca6b);
        state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35) ^ (state >>> 16);
      }
    }
    this.#state = state >>> 0;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number in [0, count). */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** An item with a chance in proportion to its weight. */
  weighted<T>(items: readonly (readonly [T, number])[]): T {
    const total = items.reduce((sum, [, weight]) => sum + weight, 0);
    let left = this.next() * total;
    for (const [item, weight] of items) if ((left -= weight) < 0) return item;
    return items[items.length - 1]![0];
  }

  /** Exponentially distributed with the given mean: gaps between independent events. */
  exponential(mean: number): number {
    return -Math.log(1 - this.next()) * mean;
  }

  /** How many independent events happen where `mean` are expected. */
  poisson(mean: number): number {
    if (mean > 50)
      return Math.max(0, Math.round(mean + Math.sqrt(mean) * (this.next() + this.next() + this.next() - 1.5) * 2));
    const limit = Math.exp(-mean);
    let count = 0;
    for (let product = this.next(); product > limit; product *= this.next()) count++;
    return count;
  }

  /** `digits` hexadecimal digits. */
  hex(digits: number): string {
    let text = '';
    while (text.length < digits)
      text += Math.floor(this.next() * 2 ** 32)
        .toString(16)
        .padStart(8, '0');
    return text.slice(0, digits);
  }
}
