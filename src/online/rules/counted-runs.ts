import { endMatched, skipAfter } from './after-match.ts';
import type { HitColumns } from './hit-columns.ts';
import { compareEvents, type RuleEvent } from './rule-event.ts';
import { absorbing, type RuleMemory } from './rule-memory.ts';
import { deadlineMs, type PlannedStep } from './rule-plan.ts';

/** `events` in their order. */
type FoundListener = (key: number, atMs: number, events: RuleEvent[]) => void;

/**
 * Takes the events of one rule that only counts: one step, so many times. Every event begins a run, and belongs to all runs that began before it; so the
 * events of a run are those with which it and the later ones began. None is remembered twice, and an event costs the same however
 * many are counted.
 */
export class CountedRuns {
  readonly #memory: RuleMemory;
  readonly #step: PlannedStep;
  readonly #found: FoundListener;

  constructor(memory: RuleMemory, found: FoundListener) {
    this.#memory = memory;
    this.#step = memory.plan.steps[0]!;
    this.#found = found;
  }

  /** The event must concern the rule, and what was over before it must have ended. */
  take(hits: HitColumns, at: number): void {
    const memory = this.#memory;
    const { runs } = memory.shared.pools;
    const { anyOf, noneOf } = this.#step;
    const key = hits.keys[at]!;
    const first = memory.firstRun(key);
    if (first !== 0 && runs.step(first) === absorbing) return;
    if ((hits.masks[at]! & anyOf) !== 0) {
      const run = memory.addRun(key, deadlineMs(memory.plan.rule, hits.times[at]!), hits, at);
      memory.keepFirst(run, hits, at);
      memory.addInterest(key, anyOf | noneOf);
      this.#count(key, run);
    } else if ((hits.masks[at]! & noneOf) !== 0) this.#dropAll(key);
  }

  /** `newest`: the run that began with the event that came last. */
  #count(key: number, newest: number): void {
    const memory = this.#memory;
    const last = memory.lastRun(key);
    if (memory.shared.pools.runs.count(last) < this.#step.count) return;
    // The first run's time is not over; but for an event out of order, which may stand before runs that its own time does not reach.
    const full = last === newest ? memory.firstRun(key) : this.#firstFull(key);
    if (full !== 0) this.#foundBy(key, full);
  }

  /** The first run with enough events in its time; 0: none. */
  #firstFull(key: number): number {
    const memory = this.#memory;
    const { runs } = memory.shared.pools;
    let run = memory.firstRun(key);
    let newest = run; // the last of as many as are needed, from `run` on
    for (let i = 1; i < this.#step.count; i++) newest = runs.nextOfKey(newest);
    for (; newest !== 0; newest = runs.nextOfKey(newest)) {
      if (runs.firstMs(newest) <= memory.deadlines.deadlineMs(run)) return run;
      run = runs.nextOfKey(run);
    }
    return 0;
  }

  /** As many as are needed, from the first of that run on. */
  #eventsFrom(first: number): RuleEvent[] {
    const memory = this.#memory;
    const events: RuleEvent[] = [];
    for (let run = first; events.length < this.#step.count; run = memory.shared.pools.runs.nextOfKey(run))
      events.push(...memory.eventsOf(run));
    return events.sort(compareEvents);
  }

  #foundBy(key: number, run: number): void {
    const events = this.#eventsFrom(run);
    const last = events.at(-1)!;
    this.#found(key, last.timeMs, events);
    endMatched(this.#memory, run);
    skipAfter(this.#memory, key, last);
  }

  #dropAll(key: number): void {
    const memory = this.#memory;
    for (let run = memory.firstRun(key); run !== 0; run = memory.firstRun(key)) memory.dropRun(run);
  }
}
