import { BatchMatches } from './batch-matches.ts';
import type { EventColumns } from './event-columns.ts';
import { HitColumns, wordsOf } from './hit-columns.ts';
import type { KeyTable } from './key-table.ts';
import type { AssignedProgress } from './partition-clock.ts';
import type { TypeMatcher } from './type-matcher.ts';

/** So many rows at a time: their hits stay in the caches of a core until they are used. */
const pieceRows = 512;

/** A rule, as far as its hits are concerned. */
export interface HitRule {
  table: KeyTable;
  plan: { rule: { latenessMs: number } };
}

/** Finds which rules the rows of a batch concern, with the keys. */
export class BatchHits {
  /** Hits of the rows of `collect`, in the order of rows and of the program; `data` is not filled in. */
  readonly hits = new HitColumns(pieceRows);
  /** By hit. */
  rows = new Int32Array(pieceRows);
  /** Events that came too late for a rule; once for each such rule. */
  late = 0;
  readonly #rules: readonly HitRule[];
  readonly #matches: BatchMatches;
  #matchers: readonly (TypeMatcher | null)[] = [];
  #offsetWords: Int32Array = new Int32Array(0);

  /** `matchers`: all that there are. */
  constructor(rules: readonly HitRule[], matchers: Iterable<TypeMatcher>) {
    this.#rules = rules;
    this.#matches = new BatchMatches(matchers);
  }

  /** From then on rows are those of this batch. `matchers`: by type code, null for types that no rule knows. Keys must be bound to it. */
  bind(events: EventColumns, matchers: readonly (TypeMatcher | null)[]): void {
    this.#matchers = matchers;
    this.#offsetWords = wordsOf(events.offsets);
    this.#matches.bind(events, matchers);
  }

  /** Takes rows from `from` on into `hits`, not all at once. Says how many hits there are, and where to go on. */
  collect(events: EventColumns, from: number, progress: AssignedProgress): { count: number; next: number } {
    const next = Math.min(from + pieceRows, events.count);
    return { count: this.#fill(events, from, next, progress), next };
  }

  #fill({ types, times }: EventColumns, from: number, end: number, progress: AssignedProgress): number {
    const { hits } = this;
    const offsetWords = this.#offsetWords;
    let { maxTimeMs } = progress;
    let count = 0;
    for (let row = from; row < end; row++) {
      const timeMs = times[row]!;
      if (this.#matches.has(row)) {
        if (count + this.#rules.length > hits.size) this.#grow();
        const matcher = this.#matchers[types[row]!]!;
        let next = matcher.hitsOf(row, this.#matches, hits, count);
        if (timeMs < maxTimeMs) next = this.#withoutLate(count, next, maxTimeMs - timeMs);
        for (; count < next; count++) {
          hits.times[count] = timeMs;
          hits.offsetWords[2 * count] = offsetWords[2 * row]!;
          hits.offsetWords[2 * count + 1] = offsetWords[2 * row + 1]!;
          hits.places[count] = progress.place;
          hits.types[count] = matcher.index;
          this.rows[count] = row;
        }
      }
      if (timeMs > maxTimeMs) maxTimeMs = timeMs;
    }
    progress.maxTimeMs = maxTimeMs;
    // By themselves: the keys lie anywhere in memory, and so the processor asks for many of them at a time.
    for (let i = 0; i < count; i++) hits.keys[i] = this.#rules[hits.rules[i]!]!.table.idOf(this.rows[i]!);
    return count;
  }

  /** Leaves out rules for which the event comes too late, and says where the hits end then. */
  #withoutLate(start: number, end: number, lateMs: number): number {
    const { rules, masks } = this.hits;
    let next = start;
    for (let i = start; i < end; i++) {
      const rule = rules[i]!;
      if (lateMs > this.#rules[rule]!.plan.rule.latenessMs) this.late++;
      else {
        rules[next] = rule;
        masks[next++] = masks[i]!;
      }
    }
    return next;
  }

  #grow(): void {
    const size = (this.hits.size + this.#rules.length) * 2;
    this.hits.resize(size);
    const rows = new Int32Array(size);
    rows.set(this.rows);
    this.rows = rows;
  }
}
