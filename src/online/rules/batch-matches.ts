import type { EventColumns } from './event-columns.ts';

/** Finds the atoms that rows of one type meet. */
interface RowMatcher {
  readonly width: number;
  match(events: EventColumns, rows: Int32Array, matches: BatchMatches): void;
}

/**
 * The atoms that the rows of a batch meet, a bit each. Found type by type and column by column, not row by row: so each of the loops is short, and
 * fields that no rule tests for a type are not looked at.
 */
export class BatchMatches {
  /** Words of a row: as many as the type with the most atoms needs. */
  readonly width: number;
  words = new Int32Array(0);
  /** Rows, those of one type together. */
  #rows = new Int32Array(0);

  /** `matchers`: all that there are. */
  constructor(matchers: Iterable<RowMatcher>) {
    this.width = Math.max(1, ...[...matchers].map(({ width }) => width));
  }

  /** From then on rows are those of this batch. `matchers`: by type code, null for types that no rule knows. */
  bind(events: EventColumns, matchers: readonly (RowMatcher | null)[]): void {
    const { count } = events;
    if (this.#rows.length < count) {
      this.#rows = new Int32Array(count);
      this.words = new Int32Array(count * this.width);
    } else this.words.fill(0, 0, count * this.width);
    const ends = this.#sort(events, matchers);
    let start = 0;
    for (let type = 0; type < matchers.length; type++) {
      const end = ends[type]!;
      if (end > start) matchers[type]!.match(events, this.#rows.subarray(start, end), this);
      start = end;
    }
  }

  /** Whether the row meets any atom. */
  has(row: number): boolean {
    const start = row * this.width;
    for (let at = start; at < start + this.width; at++) if (this.words[at] !== 0) return true;
    return false;
  }

  /** Puts the rows in the order of their types, and says where those of each end. */
  #sort({ count, types }: EventColumns, matchers: readonly (RowMatcher | null)[]): Int32Array {
    const isKnown = Uint8Array.from(matchers, (matcher) => Number(matcher !== null));
    const nexts = new Int32Array(matchers.length);
    for (let row = 0; row < count; row++) {
      const type = types[row]!;
      if (type >= 0) nexts[type] = nexts[type]! + isKnown[type]!;
    }
    let start = 0;
    for (let type = 0; type < nexts.length; type++) {
      const rows = nexts[type]!;
      nexts[type] = start;
      start += rows;
    }
    for (let row = 0; row < count; row++) {
      const type = types[row]!;
      if (type < 0 || isKnown[type] === 0) continue;
      this.#rows[nexts[type]!] = row;
      nexts[type] = nexts[type]! + 1;
    }
    return nexts;
  }
}
