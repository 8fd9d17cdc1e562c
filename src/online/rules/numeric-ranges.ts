/**
 * Tests of one number column, all decided at once: between two numbers that the tests compare with, none of them changes its mind. So a value's place
 * among those numbers says everything.
 */
export class NumericRanges {
  readonly #bounds: Float64Array;

  /** `bounds`: the numbers that tests compare with, in any order. */
  constructor(bounds: readonly number[]) {
    this.#bounds = Float64Array.from(new Set(bounds)).sort();
  }

  /** Entry `2i` is what lies before the i-th number, `2i + 1` that number itself, the last one what lies behind all. */
  get count(): number {
    return this.#bounds.length * 2 + 1;
  }

  /** A value of that range. Where no number lies between two neighbours, what is said of the range is never asked for. */
  sample(range: number): number {
    const bounds = this.#bounds;
    const i = range >> 1;
    if (range & 1) return bounds[i]!;
    if (bounds.length === 0) return 0;
    if (i === 0) return Number.NEGATIVE_INFINITY;
    if (i === bounds.length) return Number.POSITIVE_INFINITY;
    return bounds[i - 1]! / 2 + bounds[i]! / 2;
  }

  rangeOf(value: number): number {
    const bounds = this.#bounds;
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (bounds[middle]! < value) low = middle + 1;
      else high = middle;
    }
    return low < bounds.length && bounds[low] === value ? low * 2 + 1 : low * 2;
  }
}
