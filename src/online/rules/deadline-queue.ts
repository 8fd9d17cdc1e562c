import type { RunPool } from './state-pools.ts';

const firstSize = 64;

/**
 * The runs of one rule in the order in which their time is over. Runs begin in the order of time and nearly all have as long, so a run is put at the
 * end; one that is dropped before leaves a gap. Deadlines stand here and not in the runs: so to know what is due next costs no look at a run.
 */
export class DeadlineQueue {
  readonly #runs: RunPool;
  /** 0: a gap. */
  #entries = new Int32Array(firstSize);
  #deadlines = new Float64Array(firstSize);
  /** Never a gap, but for the end. */
  #head = 0;
  #end = 0;
  #count = 0;

  constructor(runs: RunPool) {
    this.#runs = runs;
  }

  /** The run whose time is over first; 0: none. */
  get first(): number {
    return this.#head === this.#end ? 0 : this.#entries[this.#head]!;
  }

  /** When that is; Infinity: never. */
  get dueMs(): number {
    return this.#head === this.#end ? Number.POSITIVE_INFINITY : this.#deadlines[this.#head]!;
  }

  deadlineMs(run: number): number {
    return this.#deadlines[this.#runs.position(run)]!;
  }

  /** Behind all that have the same deadline. */
  add(run: number, deadlineMs: number): void {
    if (this.#end === this.#entries.length) this.#makeRoom();
    let at = this.#end++;
    this.#count++;
    // An event that is older than one before it is allowed where partitions come together that were not read side by side.
    for (; at > this.#head && this.#deadlines[at - 1]! > deadlineMs; at--) this.#move(at - 1, at);
    this.#entries[at] = run;
    this.#deadlines[at] = deadlineMs;
    this.#runs.setPosition(run, at);
  }

  remove(run: number): void {
    const at = this.#runs.position(run);
    this.#entries[at] = 0;
    this.#count--;
    if (at !== this.#head) return;
    do this.#head++;
    while (this.#head < this.#end && this.#entries[this.#head] === 0);
  }

  /** In order; nothing may be added or removed meanwhile. */
  *all(): Generator<number> {
    for (let at = this.#head; at < this.#end; at++) if (this.#entries[at] !== 0) yield this.#entries[at]!;
  }

  #move(from: number, to: number): void {
    const run = this.#entries[from]!;
    this.#entries[to] = run;
    this.#deadlines[to] = this.#deadlines[from]!;
    if (run !== 0) this.#runs.setPosition(run, to);
  }

  /** Closes the gaps; where they were not worth it, takes twice the room. */
  #makeRoom(): void {
    if (this.#count > this.#entries.length / 2) {
      const [entries, deadlines] = [this.#entries, this.#deadlines];
      this.#entries = new Int32Array(entries.length * 2);
      this.#entries.set(entries);
      this.#deadlines = new Float64Array(deadlines.length * 2);
      this.#deadlines.set(deadlines);
    }
    let to = 0;
    for (let at = this.#head; at < this.#end; at++) if (this.#entries[at] !== 0) this.#move(at, to++);
    this.#head = 0;
    this.#end = to;
  }
}
