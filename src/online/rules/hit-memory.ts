import type { HitColumns } from './hit-columns.ts';
import type { RuleRuns } from './rule-runs.ts';

/**
 * Brings what rules remember of the keys of many hits into the caches of the core, before the hits are looked at one by one. Read
 * side by side, a dozen places of memory take no longer than one; read one by one, each is waited for.
 */
export class HitMemory {
  readonly #rules: readonly RuleRuns[];
  #lastRuns = new Int32Array(0);
  /** Nobody reads it; but what nobody needs would not be read at all. */
  read = 0;

  /** By the place of the rule in the program. */
  constructor(rules: readonly RuleRuns[]) {
    this.#rules = rules;
  }

  fetch({ rules, keys, masks, size }: HitColumns, count: number): void {
    if (this.#lastRuns.length < size) this.#lastRuns = new Int32Array(size);
    let found = 0;
    for (let i = 0; i < count; i++) {
      const rule = this.#rules[rules[i]!]!;
      const key = keys[i]!;
      if (key !== 0 && rule.isConcerned(key, masks[i]!)) this.#lastRuns[found++] = rule.memory.lastRun(key);
    }
    if (found === 0) return;
    const { runs } = this.#rules[0]!.memory.shared.pools;
    let read = 0;
    for (let i = 0; i < found; i++) read ^= runs.step(this.#lastRuns[i]!);
    this.read = read;
  }
}
