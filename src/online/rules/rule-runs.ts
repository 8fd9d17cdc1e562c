import { compareEvents, type RuleEvent } from './rule-event.ts';
import { deadlineMs, type PlannedStep, type RulePlan } from './rule-plan.ts';

/** A beginning of a match: what has happened since its first event. Plain data, so it can be written down as it is. */
export interface Run {
  first: RuleEvent;
  /** Infinity is written as null. */
  deadlineMs: number;
  /** Which planned step it waits for; as many as there are: only for its time to be over. */
  step: number;
  occurrences: number;
  /** The current occurrence: the events found for each alternative. */
  found: (RuleEvent | null)[][];
  /** Bits of alternatives that cannot happen any more. */
  dead: number[];
  /** Events of the steps that have happened. */
  events: RuleEvent[];
}

export interface FoundMatch {
  atMs: number;
  events: RuleEvent[];
}

/** What one rule remembers of one key. */
export interface KeyState {
  /** In the order of their first events. */
  runs: Run[];
  /** Until then nothing begins: the events belong to the match before (AT LEAST). -Infinity: no such match. */
  absorbUntilMs: number;
}

export const newKeyState = (): KeyState => ({ runs: [], absorbUntilMs: Number.NEGATIVE_INFINITY });

/** More beginnings of one key than this: the oldest is given up, and counted. */
export const maxRunsPerKey = 10_000;

/**
 * Takes one event, in the order of events. Every event that can begin a match does; each run takes the first event that it
 * can use. Matches are found in the order in which they are complete, of those complete at one event the one that began
 * first. What then may begin the next match is the rule's policy.
 */
export function takeEvent(
  plan: RulePlan,
  state: KeyState,
  event: RuleEvent,
): { matches: FoundMatch[]; dropped: number } {
  const matches = closeOverdue(plan, state, event.timeMs);
  const candidates = [...state.runs];
  const fresh = beginRun(plan, state, event);
  if (fresh) candidates.push(fresh);
  const alive: Run[] = [];
  let hasMatched = false;
  for (const run of candidates) {
    const verdict =
      hasMatched && plan.rule.afterMatch !== 'no-skip' && isSkipped(plan, run, event)
        ? 'dead'
        : advance(plan, run, event);
    if (verdict === 'alive') alive.push(run);
    if (verdict !== 'matched') continue;
    matches.push({ atMs: event.timeMs, events: sorted(run.events) });
    hasMatched = true;
    if (plan.isAbsorbing) state.absorbUntilMs = Math.max(state.absorbUntilMs, run.deadlineMs);
  }
  state.runs = hasMatched ? alive.filter((run) => !isSkipped(plan, run, event)) : alive;
  const dropped = Math.max(0, state.runs.length - maxRunsPerKey);
  if (dropped > 0) state.runs.splice(0, dropped);
  return { matches, dropped };
}

/** Ends the runs whose time was over before `nowMs`; those that only waited for that have matched, earliest first. */
export function closeOverdue(plan: RulePlan, state: KeyState, nowMs: number): FoundMatch[] {
  if (!state.runs.some((run) => run.deadlineMs < nowMs)) return [];
  const matches: FoundMatch[] = [];
  const overdue = state.runs.filter((run) => run.deadlineMs < nowMs).sort((a, b) => a.deadlineMs - b.deadlineMs);
  const gone = new Set<Run>(overdue);
  let lastMatched: RuleEvent | null = null;
  for (const run of overdue) {
    if (run.step < plan.steps.length) continue;
    if (lastMatched && isSkipped(plan, run, lastMatched)) continue;
    const events = sorted(run.events);
    matches.push({ atMs: run.deadlineMs, events });
    if (!lastMatched || compareEvents(lastMatched, events.at(-1)!) < 0) lastMatched = events.at(-1)!;
  }
  const last = lastMatched;
  state.runs = state.runs.filter((run) => !gone.has(run) && !(last && isSkipped(plan, run, last)));
  return matches;
}

/** Whether the policy forbids a run that began where it did, after a match that ended with `last`. */
function isSkipped(plan: RulePlan, run: Run, last: RuleEvent): boolean {
  if (plan.rule.afterMatch === 'no-skip') return false;
  const order = compareEvents(run.first, last);
  return plan.rule.afterMatch === 'skip-past-last' ? order <= 0 : order < 0;
}

function beginRun(plan: RulePlan, state: KeyState, event: RuleEvent): Run | null {
  const { alternatives } = plan.steps[0]!;
  if ((event.mask & plan.firstMask) === 0 || event.timeMs <= state.absorbUntilMs) return null;
  const run: Run = {
    first: event,
    deadlineMs: deadlineMs(plan.rule, event.timeMs),
    step: 0,
    occurrences: 0,
    found: [],
    dead: [],
    events: [],
  };
  expectStep(run, plan.steps[0]!);
  // Its first event is part of the match: the alternatives without it belong to runs that begin with another.
  alternatives.forEach(({ needed }, i) => {
    if (!needed.some((bit) => (event.mask & bit) !== 0)) run.dead.push(i);
  });
  return run;
}

function expectStep(run: Run, step: PlannedStep): void {
  run.found = step.alternatives.map(({ needed }) => needed.map(() => null));
  run.dead = [];
}

function advance(plan: RulePlan, run: Run, event: RuleEvent): 'alive' | 'dead' | 'matched' {
  const step = plan.steps[run.step];
  if (!step) return (event.mask & plan.trailingGuard) !== 0 ? 'dead' : 'alive';
  const complete = fill(step, run, event);
  if (!complete) return isEnded(step, run, event) ? 'dead' : 'alive';
  run.events.push(...complete);
  if (++run.occurrences >= step.count) {
    run.occurrences = 0;
    run.step++;
  }
  const next = plan.steps[run.step];
  if (next) {
    expectStep(run, next);
    return 'alive';
  }
  run.found = [];
  run.dead = [];
  return plan.trailingGuard === 0 ? 'matched' : 'alive';
}

/** The events of the first alternative that `event` completes. */
function fill(step: PlannedStep, run: Run, event: RuleEvent): RuleEvent[] | null {
  for (let i = 0; i < step.alternatives.length; i++) {
    if (run.dead.includes(i)) continue;
    const { needed } = step.alternatives[i]!;
    const found = run.found[i]!;
    let missing = 0;
    for (let j = 0; j < needed.length; j++) {
      if (found[j] === null && (event.mask & needed[j]!) !== 0) found[j] = event;
      if (found[j] === null) missing++;
    }
    if (missing === 0) return found as RuleEvent[];
  }
  return null;
}

function isEnded(step: PlannedStep, run: Run, event: RuleEvent): boolean {
  if ((event.mask & step.guard) !== 0) return true;
  step.alternatives.forEach(({ absent }, i) => {
    if ((event.mask & absent) !== 0 && !run.dead.includes(i)) run.dead.push(i);
  });
  return run.dead.length === step.alternatives.length;
}

function sorted(events: readonly RuleEvent[]): RuleEvent[] {
  return [...events].sort(compareEvents);
}
