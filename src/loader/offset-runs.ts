import type { OffsetRun } from '../offsets/index.ts';

/**
 * Offsets of one class (dead, control, ...) collected in rising order as runs [first, next). Neighbours grow together, so
 * a thousand refused records in a row cost one run.
 */
export class OffsetRuns {
  #runs: OffsetRun[] = [];
  #count = 0n;

  /** How many offsets all runs cover. */
  get count(): bigint {
    return this.#count;
  }

  get runCount(): number {
    return this.#runs.length;
  }

  /** Adds [first, next); it must not begin below the end of what is there. An empty run adds nothing. */
  add(first: bigint, next: bigint): void {
    if (next <= first) return;
    const last = this.#runs.at(-1);
    if (last && first < last.next) {
      throw new RangeError(`expected a run at or after ${last.next}, got [${first}, ${next})`);
    }
    this.#count += next - first;
    if (last && last.next === first) last.next = next;
    else this.#runs.push({ first, next });
  }

  /** Hands the runs over and starts empty. */
  take(): OffsetRun[] {
    const runs = this.#runs;
    this.#runs = [];
    this.#count = 0n;
    return runs;
  }
}
