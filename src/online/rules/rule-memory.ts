import type { EventPlaces } from './event-places.ts';
import type { EventData, HitColumns } from './hit-columns.ts';
import type { KeyTable } from './key-table.ts';
import { compareEvents, type RuleEvent } from './rule-event.ts';
import type { PlannedStep, RulePlan } from './rule-plan.ts';
import type { StatePools } from './state-pools.ts';

/** What all rules of a program have in common. */
export interface SharedMemory {
  pools: StatePools;
  places: EventPlaces;
  /** Types that rules know, by number. */
  typeNames: readonly string[];
}

/** In `steps`: its match was found, and further events belong to it until its time is over. */
export const absorbing = -1;

/** About what a run costs with its key, and each of its events; what the actions are told comes on top. */
const runBytes = 240;
const eventBytes = 48;

/**
 * What one rule remembers: keys, their runs, and events of runs, all of them numbers in pools, so that beginning and forgetting a run costs no
 * objects. Knows who belongs to whom, and how much memory that is, but not what it is good for.
 */
export class RuleMemory {
  readonly plan: RulePlan;
  readonly table: KeyTable;
  readonly column: number;
  readonly shared: SharedMemory;
  /** The run whose time is over first; 0: none. */
  firstRun = 0;
  /** When that is; Infinity: never. */
  dueMs = Number.POSITIVE_INFINITY;
  #lastRun = 0;
  bytes = 0;

  constructor(plan: RulePlan, table: KeyTable, shared: SharedMemory) {
    this.plan = plan;
    this.table = table;
    this.column = table.addRule();
    this.shared = shared;
  }

  addKeyState(key: number): number {
    const state = this.shared.pools.keyStates.add(key);
    this.table.setCell(key, this.column, state);
    this.table.hold(key);
    return state;
  }

  /** What can do anything to the key's runs, at least. */
  addInterest(key: number, mask: number): void {
    this.table.setInterest(key, this.column, this.table.interest(key, this.column) | mask);
  }

  /** Forgets a key of which nothing is left. */
  dropIfEmpty(state: number): void {
    const { keyStates } = this.shared.pools;
    if (keyStates.firstRun(state) !== 0 || keyStates.absorbers(state) !== 0) return;
    const key = keyStates.key(state);
    this.table.setCell(key, this.column, 0);
    this.table.setInterest(key, this.column, 0);
    this.table.release(key);
    keyStates.giveBack(state);
  }

  /** A run that waits for the rule's first step; its deadline and first event are given. */
  addRun(state: number, deadlineMs: number, timeMs: number, place: number, offset: bigint): number {
    const { runs, keyStates } = this.shared.pools;
    const run = runs.add(state, deadlineMs, timeMs, place, offset);
    const tail = keyStates.lastRun(state);
    runs.setPreviousOfKey(run, tail);
    if (tail === 0) keyStates.setFirstRun(state, run);
    else runs.setNextOfKey(tail, run);
    keyStates.setLastRun(state, run);
    keyStates.setRuns(state, keyStates.runs(state) + 1);
    this.#linkByDeadline(run, deadlineMs);
    this.bytes += runBytes;
    return run;
  }

  /** Makes a run one that only keeps others from beginning. */
  absorb(run: number): void {
    const { runs, keyStates } = this.shared.pools;
    const state = runs.keyState(run);
    this.#unlinkFromKey(run);
    this.dropEvents(run);
    runs.setStep(run, absorbing);
    keyStates.setAbsorbers(state, keyStates.absorbers(state) + 1);
  }

  /** Forgets a run; its key stays (`dropIfEmpty`). */
  dropRun(run: number): void {
    const { runs, keyStates } = this.shared.pools;
    const state = runs.keyState(run);
    if (runs.step(run) === absorbing) keyStates.setAbsorbers(state, keyStates.absorbers(state) - 1);
    else {
      this.#unlinkFromKey(run);
      this.dropEvents(run);
    }
    this.#unlinkByDeadline(run);
    runs.giveBack(run);
    this.bytes -= runBytes;
  }

  /** Remembers an event; it belongs to nobody yet. */
  addEvent(hits: HitColumns, at: number): number {
    this.bytes += eventBytes + dataBytes(hits.data[at] ?? null);
    return this.shared.pools.events.add(hits, at);
  }

  /** Puts a remembered event behind those of the run. */
  appendEvent(run: number, event: number): void {
    const { runs, events } = this.shared.pools;
    const tail = runs.lastEvent(run);
    if (tail === 0) runs.setFirstEvent(run, event);
    else events.setNext(tail, event);
    runs.setLastEvent(run, event);
  }

  dropEvent(event: number): void {
    const { events } = this.shared.pools;
    this.bytes -= eventBytes + dataBytes(events.data[event]!);
    events.drop(event);
  }

  /** Forgets what the run knows of a step that is more than one event; `but` is kept. */
  dropOpenStep(run: number, but = -1): void {
    const { openSteps } = this.shared.pools.runs;
    openSteps[run]?.found.forEach((found, i) => {
      if (i !== but) for (const event of found) if (event !== 0) this.dropEvent(event);
    });
    openSteps[run] = null;
  }

  dropEvents(run: number): void {
    const { runs, events } = this.shared.pools;
    for (let event = runs.firstEvent(run); event !== 0; ) {
      const next = events.next(event);
      this.dropEvent(event);
      event = next;
    }
    runs.setFirstEvent(run, 0);
    runs.setLastEvent(run, 0);
    this.dropOpenStep(run);
  }

  /** Lets the run wait for a step that is more than one event. */
  openStep(run: number, { alternatives }: PlannedStep): void {
    this.shared.pools.runs.openSteps[run] = {
      found: alternatives.map(({ needed }) => needed.map(() => 0)),
      dead: alternatives.map(() => false),
    };
  }

  /** Negative: the run's first event comes before `event`. */
  compareFirst(run: number, event: RuleEvent): number {
    const { runs } = this.shared.pools;
    const time = runs.firstMs(run) - event.timeMs;
    if (time !== 0) return time;
    const first = { ...this.shared.places.at(runs.firstPlace(run)), offset: runs.firstOffset(run) };
    return compareEvents({ ...first, timeMs: event.timeMs }, event);
  }

  /** The events of a run's steps so far, in their order. */
  eventsOf(run: number): RuleEvent[] {
    const { runs, events } = this.shared.pools;
    const found: RuleEvent[] = [];
    for (let event = runs.firstEvent(run); event !== 0; event = events.next(event)) found.push(this.eventAt(event));
    return found.sort(compareEvents);
  }

  eventAt(event: number): RuleEvent {
    const { events } = this.shared.pools;
    return {
      ...this.shared.places.at(events.place(event)),
      offset: events.offset(event),
      type: this.shared.typeNames[events.type(event)]!,
      timeMs: events.timeMs(event),
      data: events.data[event] ?? null,
    };
  }

  #linkByDeadline(run: number, deadlineMs: number): void {
    const { runs } = this.shared.pools;
    // Runs begin in the order of time, so nearly always this ends at once.
    let before = this.#lastRun;
    while (before !== 0 && runs.deadlineMs(before) > deadlineMs) before = runs.previousOfRule(before);
    const after = before === 0 ? this.firstRun : runs.nextOfRule(before);
    runs.setPreviousOfRule(run, before);
    runs.setNextOfRule(run, after);
    if (after === 0) this.#lastRun = run;
    else runs.setPreviousOfRule(after, run);
    if (before !== 0) runs.setNextOfRule(before, run);
    else {
      this.firstRun = run;
      this.dueMs = deadlineMs;
    }
  }

  #unlinkByDeadline(run: number): void {
    const { runs } = this.shared.pools;
    const before = runs.previousOfRule(run);
    const after = runs.nextOfRule(run);
    if (after === 0) this.#lastRun = before;
    else runs.setPreviousOfRule(after, before);
    if (before !== 0) runs.setNextOfRule(before, after);
    else {
      this.firstRun = after;
      this.dueMs = after === 0 ? Number.POSITIVE_INFINITY : runs.deadlineMs(after);
    }
  }

  #unlinkFromKey(run: number): void {
    const { runs, keyStates } = this.shared.pools;
    const state = runs.keyState(run);
    const before = runs.previousOfKey(run);
    const after = runs.nextOfKey(run);
    if (before === 0) keyStates.setFirstRun(state, after);
    else runs.setNextOfKey(before, after);
    if (after === 0) keyStates.setLastRun(state, before);
    else runs.setPreviousOfKey(after, before);
    keyStates.setRuns(state, keyStates.runs(state) - 1);
  }
}

function dataBytes(data: EventData): number {
  if (data === null) return 0;
  let bytes = 64;
  for (const name in data) {
    const value = data[name];
    bytes += 32 + (typeof value === 'string' ? value.length * 2 : 0);
  }
  return bytes;
}
