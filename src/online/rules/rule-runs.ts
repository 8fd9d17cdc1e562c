import { endMatched, isSkipped, skipAfter } from './after-match.ts';
import { CountedRuns } from './counted-runs.ts';
import type { HitColumns } from './hit-columns.ts';
import type { RuleEvent } from './rule-event.ts';
import { absorbing, type RuleMemory } from './rule-memory.ts';
import { deadlineMs, type PlannedAlternative, type PlannedStep } from './rule-plan.ts';
import { readEvent } from './run-records.ts';

/** Who is told what a rule finds. */
export interface RuleListener {
  /** `events` in their order. `isTimeout`: it was found because its time was over, not by an event. */
  found(key: number, atMs: number, events: RuleEvent[], isTimeout: boolean): void;
  /** Beginnings were given up for want of memory, or because one key had too many. */
  gaveUp(runs: number): void;
}

/** More beginnings of one key than this: the oldest is given up, and counted. */
export const maxRunsPerKey = 10_000;

const alive = 0;
const dead = 1;
const matched = 2;

/**
 * Takes the events of one rule, in the order of events. Every event that can begin a match does; each run takes the first event that it
 * can use. Matches are found in the order in which they are complete, of those complete at one event the one that began
 * first. What then may begin the next match is the rule's policy.
 */
export class RuleRuns {
  readonly memory: RuleMemory;
  readonly #maxBytes: number;
  readonly #listener: RuleListener;
  /** An event that begins a match is a match already: nothing needs to be remembered. */
  readonly #isInstant: boolean;
  /** Null: there is more to it than a number of events. */
  readonly #counted: CountedRuns | null;

  /** `maxBytes`: when it remembers more, the oldest beginnings are given up. */
  constructor(memory: RuleMemory, maxBytes: number, listener: RuleListener) {
    const { steps, trailingGuard, isAbsorbing } = memory.plan;
    this.memory = memory;
    this.#maxBytes = maxBytes;
    this.#listener = listener;
    this.#counted = memory.plan.isCounting
      ? new CountedRuns(memory, (key, atMs, events) => listener.found(key, atMs, events, false))
      : null;
    const [first] = steps as [PlannedStep];
    this.#isInstant =
      steps.length === 1 && first.count === 1 && first.anyOf !== 0 && trailingGuard === 0 && !isAbsorbing;
  }

  /** Whether an event of that key can do anything at all, now. */
  isConcerned(key: number, mask: number): boolean {
    return (mask & (this.memory.plan.firstMask | this.memory.interest(key))) !== 0;
  }

  /** The event must concern the rule. */
  take(hits: HitColumns, at: number): void {
    const { memory } = this;
    const timeMs = hits.times[at]!;
    if (memory.deadlines.dueMs < timeMs) this.passTime(timeMs);
    if (this.#counted !== null) this.#counted.take(hits, at);
    else this.#take(hits, at);
    if (memory.bytes > this.#maxBytes) this.#forgetOldest();
  }

  #take(hits: HitColumns, at: number): void {
    const { memory } = this;
    const key = hits.keys[at]!;
    const begins = (hits.masks[at]! & memory.plan.firstMask) !== 0;
    const first = memory.firstRun(key);
    if (first !== 0) {
      const lastStep = memory.plan.isOrdered ? this.#lastStepOf(hits.masks[at]!) : Number.POSITIVE_INFINITY;
      if (lastStep < memory.plan.steps.length - 1) this.#advanceNewest(lastStep, hits, at, begins);
      else this.#advanceAll(first, hits, at, begins);
    } else if (begins && this.#isInstant) this.#foundAtOnce(hits, at);
    else if (begins) this.#begin(hits, at);
  }

  /** Ends what was over before that moment; runs that only waited for it have matched, earliest first. */
  passTime(nowMs: number): void {
    const { memory } = this;
    const { runs } = memory.shared.pools;
    for (let atMs = memory.deadlines.dueMs; atMs < nowMs; atMs = memory.deadlines.dueMs) {
      const run = memory.deadlines.first;
      const isMatch = runs.step(run) === memory.plan.steps.length;
      if (!isMatch) {
        memory.dropRun(run);
        continue;
      }
      const key = runs.key(run);
      const events = memory.eventsOf(run);
      memory.dropRun(run);
      this.#listener.found(key, atMs, events, true);
      skipAfter(memory, key, events.at(-1)!);
    }
  }

  /** `first`: the first run of the event's key. */
  #advanceAll(first: number, hits: HitColumns, at: number, begins: boolean): void {
    const { memory } = this;
    const { runs } = memory.shared.pools;
    const key = hits.keys[at]!;
    let mayBegin = begins;
    let event: RuleEvent | null = null;
    let interest = 0;
    for (let run = first; run !== 0; ) {
      const next = runs.nextOfKey(run);
      if (runs.step(run) === absorbing) mayBegin = false;
      else {
        const verdict = event !== null && isSkipped(memory, run, event) ? dead : this.#advance(run, hits, at);
        if (verdict === dead) memory.dropRun(run);
        else if (verdict === matched) {
          event ??= readEvent(memory.shared, hits, at);
          this.#foundBy(run, event.timeMs);
        } else interest |= memory.plan.interests[runs.step(run)]!;
      }
      run = next;
    }
    memory.table.setInterest(key, memory.column, interest);
    if (mayBegin && !(event !== null && memory.plan.rule.afterMatch === 'skip-past-last')) {
      if (this.#begin(hits, at)) event ??= readEvent(memory.shared, hits, at);
    }
    if (event !== null) skipAfter(memory, key, event);
  }

  /**
   * The same for an event that completes no match and in a rule whose runs are ordered: a run has come no further than those that began before it. So
   * those in a step beyond `lastStep`, to which the event means nothing, need not be looked at.
   */
  #advanceNewest(lastStep: number, hits: HitColumns, at: number, begins: boolean): void {
    const { memory } = this;
    const { runs } = memory.shared.pools;
    const { interests } = memory.plan;
    const key = hits.keys[at]!;
    let interest = memory.interest(key) & memory.plan.laterInterests[lastStep]!;
    for (let run = memory.lastRun(key); run !== 0 && runs.step(run) <= lastStep; ) {
      const previous = runs.previousOfKey(run);
      if (this.#advance(run, hits, at) === dead) memory.dropRun(run);
      else interest |= interests[runs.step(run)]!;
      run = previous;
    }
    memory.table.setInterest(key, memory.column, interest);
    if (begins) this.#begin(hits, at);
  }

  /** The last step to which an event means anything. */
  #lastStepOf(mask: number): number {
    const { interests } = this.memory.plan;
    let step = interests.length - 1;
    while (step > 0 && (interests[step]! & mask) === 0) step--;
    return step;
  }

  /** Whether the event alone was a match. */
  #begin(hits: HitColumns, at: number): boolean {
    const { memory } = this;
    const { runs } = memory.shared.pools;
    const key = hits.keys[at]!;
    const timeMs = hits.times[at]!;
    const run = memory.addRun(key, deadlineMs(memory.plan.rule, timeMs), hits, at);
    const verdict = this.#takeFirst(run, hits, at);
    if (verdict === dead) memory.dropRun(run);
    if (verdict === alive) memory.addInterest(key, memory.plan.interests[runs.step(run)]!);
    if (verdict === matched) this.#foundBy(run, timeMs);
    else if (verdict === alive && runs.count(run) > maxRunsPerKey) this.#forgetOldestOf(key);
    return verdict === matched;
  }

  /** Lets a run that has just begun take the event with which it did. */
  #takeFirst(run: number, hits: HitColumns, at: number): number {
    const { memory } = this;
    const first = memory.plan.steps[0]!;
    if (first.anyOf !== 0) {
      memory.keepFirst(run, hits, at);
      return this.#pass(first, run);
    }
    // Its first event is part of the match: the alternatives without it belong to runs that begin with another.
    memory.openStep(run, hits.masks[at]!);
    return this.#advance(run, hits, at);
  }

  #advance(run: number, hits: HitColumns, at: number): number {
    const { memory } = this;
    const { runs } = memory.shared.pools;
    const { steps, trailingGuard } = memory.plan;
    const mask = hits.masks[at]!;
    const step = steps[runs.step(run)];
    if (step === undefined) return (mask & trailingGuard) !== 0 ? dead : alive;
    if (step.anyOf === 0) {
      if (!this.#fill(step, run, hits, at)) return this.#isEnded(step, run, mask) ? dead : alive;
    } else {
      if ((mask & step.anyOf) === 0) return (mask & step.noneOf) !== 0 ? dead : alive;
      memory.appendEvent(run, memory.addEvent(hits, at));
    }
    return this.#pass(step, run);
  }

  /** The step has happened once more. */
  #pass(step: PlannedStep, run: number): number {
    const { memory } = this;
    const { runs } = memory.shared.pools;
    const { steps, trailingGuard } = memory.plan;
    const occurrences = runs.occurrences(run) + 1;
    const isDone = occurrences >= step.count;
    runs.setOccurrences(run, isDone ? 0 : occurrences);
    if (isDone) runs.setStep(run, runs.step(run) + 1);
    const next = steps[runs.step(run)];
    if (next === undefined) return trailingGuard === 0 ? matched : alive;
    if (next.anyOf === 0) memory.openStep(run);
    return alive;
  }

  /** Takes the event into a step of several; whether an alternative is complete with it. */
  #fill({ alternatives }: PlannedStep, run: number, hits: HitColumns, at: number): boolean {
    const { memory } = this;
    const open = memory.shared.pools.runs.openStep(run);
    let needed = 0;
    for (const alternative of alternatives) if (this.#canHappen(alternative, open)) needed |= alternative.needed;
    const met = memory.shared.pools.openSteps.met(open);
    const fresh = hits.masks[at]! & needed & ~met;
    if (fresh === 0) return false;
    memory.addMet(open, fresh, memory.addEvent(hits, at));
    for (const alternative of alternatives) {
      if ((alternative.needed & ~(met | fresh)) !== 0 || !this.#canHappen(alternative, open)) continue;
      memory.closeStep(run, alternative.needed);
      return true;
    }
    return false;
  }

  #canHappen({ needed, absent }: PlannedAlternative, openStep: number): boolean {
    const { openSteps } = this.memory.shared.pools;
    return (needed & openSteps.must(openStep)) !== 0 && (absent & openSteps.broken(openStep)) === 0;
  }

  #isEnded({ guard, alternatives }: PlannedStep, run: number, mask: number): boolean {
    if ((mask & guard) !== 0) return true;
    const { runs, openSteps } = this.memory.shared.pools;
    const open = runs.openStep(run);
    openSteps.setBroken(open, openSteps.broken(open) | mask);
    for (const alternative of alternatives) if (this.#canHappen(alternative, open)) return false;
    return true;
  }

  #foundBy(run: number, atMs: number): void {
    const { memory } = this;
    this.#listener.found(memory.shared.pools.runs.key(run), atMs, memory.eventsOf(run), false);
    endMatched(memory, run);
  }

  #foundAtOnce(hits: HitColumns, at: number): void {
    this.#listener.found(hits.keys[at]!, hits.times[at]!, [readEvent(this.memory.shared, hits, at)], false);
  }

  #forgetOldestOf(key: number): void {
    const { memory } = this;
    const { runs } = memory.shared.pools;
    const open: number[] = [];
    for (let run = memory.firstRun(key); run !== 0; run = runs.nextOfKey(run)) {
      if (runs.step(run) !== absorbing) open.push(run);
    }
    const surplus = open.splice(0, Math.max(0, open.length - maxRunsPerKey));
    for (const run of surplus) memory.dropRun(run);
    if (surplus.length > 0) this.#listener.gaveUp(surplus.length);
    runs.setCount(memory.lastRun(key), open.length);
  }

  /** In the order of events, so what is given up depends on the log alone. */
  #forgetOldest(): void {
    const { memory } = this;
    const { runs } = memory.shared.pools;
    for (let run = memory.deadlines.first; memory.bytes > this.#maxBytes && run !== 0; run = memory.deadlines.first) {
      if (runs.step(run) !== absorbing) this.#listener.gaveUp(1);
      memory.dropRun(run);
    }
  }
}
