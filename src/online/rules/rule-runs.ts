import type { HitColumns } from './hit-columns.ts';
import type { RuleEvent } from './rule-event.ts';
import { absorbing, type RuleMemory } from './rule-memory.ts';
import { deadlineMs, type PlannedStep } from './rule-plan.ts';
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

  /** `maxBytes`: when it remembers more, the oldest beginnings are given up. */
  constructor(memory: RuleMemory, maxBytes: number, listener: RuleListener) {
    const { steps, trailingGuard, isAbsorbing } = memory.plan;
    this.memory = memory;
    this.#maxBytes = maxBytes;
    this.#listener = listener;
    const [first] = steps as [PlannedStep];
    this.#isInstant =
      steps.length === 1 && first.count === 1 && first.anyOf !== 0 && trailingGuard === 0 && !isAbsorbing;
  }

  /** Whether an event of that key can do anything at all, now. */
  isConcerned(key: number, mask: number): boolean {
    const { table, column, plan } = this.memory;
    return (mask & (plan.firstMask | table.interest(key, column))) !== 0;
  }

  take(hits: HitColumns, at: number): void {
    const { memory } = this;
    const key = hits.keys[at]!;
    const mask = hits.masks[at]!;
    if (!this.isConcerned(key, mask)) return;
    const timeMs = hits.times[at]!;
    if (memory.dueMs < timeMs) this.passTime(timeMs);
    const state = memory.table.cell(key, memory.column);
    const begins = (mask & memory.plan.firstMask) !== 0;
    if (state !== 0) this.#advanceAll(state, hits, at, begins);
    else if (begins && this.#isInstant) this.#foundAtOnce(hits, at);
    else if (begins) {
      const fresh = memory.addKeyState(key);
      this.#begin(fresh, hits, at);
      memory.dropIfEmpty(fresh);
    }
    if (memory.bytes > this.#maxBytes) this.#forgetOldest();
  }

  /** Ends what was over before that moment; runs that only waited for it have matched, earliest first. */
  passTime(nowMs: number): void {
    const { memory } = this;
    const { runs } = memory.shared.pools;
    while (memory.dueMs < nowMs) {
      const run = memory.firstRun;
      const state = runs.keyState(run);
      const isMatch = runs.step(run) === memory.plan.steps.length;
      const events = isMatch ? memory.eventsOf(run) : [];
      const atMs = memory.dueMs;
      memory.dropRun(run);
      if (isMatch) {
        this.#listener.found(memory.shared.pools.keyStates.key(state), atMs, events, true);
        this.#skipAfter(state, events.at(-1)!);
      }
      memory.dropIfEmpty(state);
    }
  }

  #advanceAll(state: number, hits: HitColumns, at: number, begins: boolean): void {
    const { memory } = this;
    const { runs, keyStates } = memory.shared.pools;
    const mayBegin = begins && keyStates.absorbers(state) === 0;
    let event: RuleEvent | null = null;
    let interest = 0;
    for (let run = keyStates.firstRun(state); run !== 0; ) {
      const next = runs.nextOfKey(run);
      const verdict = event !== null && this.#isSkipped(run, event) ? dead : this.#advance(run, hits, at);
      if (verdict === dead) memory.dropRun(run);
      else if (verdict === matched) {
        event ??= readEvent(memory.shared, hits, at);
        this.#foundBy(run, event.timeMs);
      } else interest |= memory.plan.interests[runs.step(run)]!;
      run = next;
    }
    memory.table.setInterest(hits.keys[at]!, memory.column, interest);
    if (mayBegin && !(event !== null && memory.plan.rule.afterMatch === 'skip-past-last')) {
      if (this.#begin(state, hits, at)) event ??= readEvent(memory.shared, hits, at);
    }
    if (event !== null) this.#skipAfter(state, event);
    while (keyStates.runs(state) > maxRunsPerKey) {
      memory.dropRun(keyStates.firstRun(state));
      this.#listener.gaveUp(1);
    }
    memory.dropIfEmpty(state);
  }

  /** Whether the event alone was a match. */
  #begin(state: number, hits: HitColumns, at: number): boolean {
    const { memory } = this;
    const timeMs = hits.times[at]!;
    const deadline = deadlineMs(memory.plan.rule, timeMs);
    const run = memory.addRun(state, deadline, timeMs, hits.places[at]!, hits.offsets[at]!);
    const [first] = memory.plan.steps as [PlannedStep];
    if (first.anyOf === 0) {
      memory.openStep(run, first);
      // Its first event is part of the match: the alternatives without it belong to runs that begin with another.
      const open = memory.shared.pools.runs.openSteps[run]!;
      first.alternatives.forEach(({ needed }, i) => {
        open.dead[i] = !needed.some((bit) => (hits.masks[at]! & bit) !== 0);
      });
    }
    const verdict = this.#advance(run, hits, at);
    if (verdict === dead) memory.dropRun(run);
    if (verdict === alive)
      memory.addInterest(hits.keys[at]!, memory.plan.interests[memory.shared.pools.runs.step(run)]!);
    if (verdict === matched) this.#foundBy(run, timeMs);
    return verdict === matched;
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
    const occurrences = runs.occurrences(run) + 1;
    const isDone = occurrences >= step.count;
    runs.setOccurrences(run, isDone ? 0 : occurrences);
    if (isDone) runs.setStep(run, runs.step(run) + 1);
    const next = steps[runs.step(run)];
    if (next === undefined) return trailingGuard === 0 ? matched : alive;
    if (next.anyOf === 0) memory.openStep(run, next);
    return alive;
  }

  /** Takes the event into a step of several; whether an alternative is complete with it. */
  #fill(step: PlannedStep, run: number, hits: HitColumns, at: number): boolean {
    const { memory } = this;
    const { found, dead: isDead } = memory.shared.pools.runs.openSteps[run]!;
    const mask = hits.masks[at]!;
    for (let i = 0; i < step.alternatives.length; i++) {
      if (isDead[i]) continue;
      const { needed } = step.alternatives[i]!;
      const events = found[i]!;
      for (let j = 0; j < needed.length; j++) {
        if (events[j] === 0 && (mask & needed[j]!) !== 0) events[j] = memory.addEvent(hits, at);
      }
      if (events.includes(0)) continue;
      memory.dropOpenStep(run, i);
      for (const event of events) memory.appendEvent(run, event);
      return true;
    }
    return false;
  }

  #isEnded(step: PlannedStep, run: number, mask: number): boolean {
    if ((mask & step.guard) !== 0) return true;
    const { dead: isDead } = this.memory.shared.pools.runs.openSteps[run]!;
    step.alternatives.forEach(({ absent }, i) => {
      if ((mask & absent) !== 0) isDead[i] = true;
    });
    return !isDead.includes(false);
  }

  #foundBy(run: number, atMs: number): void {
    const { memory } = this;
    const { runs, keyStates } = memory.shared.pools;
    this.#listener.found(keyStates.key(runs.keyState(run)), atMs, memory.eventsOf(run), false);
    if (memory.plan.isAbsorbing) memory.absorb(run);
    else memory.dropRun(run);
  }

  #foundAtOnce(hits: HitColumns, at: number): void {
    this.#listener.found(hits.keys[at]!, hits.times[at]!, [readEvent(this.memory.shared, hits, at)], false);
  }

  /** Ends the runs of the key that the policy forbids after a match whose last event it was. */
  #skipAfter(state: number, last: RuleEvent): void {
    const { memory } = this;
    if (memory.plan.rule.afterMatch === 'no-skip') return;
    const { runs, keyStates } = memory.shared.pools;
    for (let run = keyStates.firstRun(state); run !== 0; ) {
      const next = runs.nextOfKey(run);
      if (this.#isSkipped(run, last)) memory.dropRun(run);
      run = next;
    }
  }

  /** Whether the policy forbids a run that began where it did, after a match that ended with `last`. */
  #isSkipped(run: number, last: RuleEvent): boolean {
    const { afterMatch } = this.memory.plan.rule;
    if (afterMatch === 'no-skip') return false;
    const order = this.memory.compareFirst(run, last);
    return afterMatch === 'skip-past-last' ? order <= 0 : order < 0;
  }

  /** In the order of events, so what is given up depends on the log alone. */
  #forgetOldest(): void {
    const { memory } = this;
    const { runs } = memory.shared.pools;
    while (memory.bytes > this.#maxBytes && memory.firstRun !== 0) {
      const run = memory.firstRun;
      const state = runs.keyState(run);
      if (runs.step(run) !== absorbing) this.#listener.gaveUp(1);
      memory.dropRun(run);
      memory.dropIfEmpty(state);
    }
  }
}
