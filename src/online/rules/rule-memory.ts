import { DeadlineQueue } from './deadline-queue.ts';
import type { EventPlaces } from './event-places.ts';
import type { EventData, HitColumns } from './hit-columns.ts';
import type { KeyTable, RuleColumn } from './key-table.ts';
import { compareEvents, type RuleEvent } from './rule-event.ts';
import type { RulePlan } from './rule-plan.ts';
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
 * What one rule remembers: runs of keys, and events of runs, all of them numbers in pools, so that beginning and forgetting a run costs no
 * objects. Knows who belongs to whom, and how much memory that is, but not what it is good for.
 */
export class RuleMemory {
  readonly plan: RulePlan;
  readonly table: KeyTable;
  readonly column: RuleColumn;
  readonly shared: SharedMemory;
  readonly deadlines: DeadlineQueue;
  bytes = 0;
  /** Whether events may have data. */
  readonly #hasData: boolean;

  constructor(plan: RulePlan, table: KeyTable, shared: SharedMemory) {
    this.plan = plan;
    this.table = table;
    this.column = table.addRule(plan.atoms.length);
    this.shared = shared;
    this.deadlines = new DeadlineQueue(shared.pools.runs);
    this.#hasData = plan.toldMask !== 0;
  }

  /** The first run of that key; 0: none. Next is `runs.nextOfKey`. */
  firstRun(key: number): number {
    return this.table.firstRun(key, this.column);
  }

  /** Its last run; before it is `runs.previousOfKey`. */
  lastRun(key: number): number {
    return this.table.lastRun(key, this.column);
  }

  /** What can do anything to the key's runs, at least. */
  interest(key: number): number {
    return this.table.interest(key, this.column);
  }

  addInterest(key: number, mask: number): void {
    this.table.setInterest(key, this.column, this.interest(key) | mask);
  }

  /** A run that waits for the rule's first step; its deadline and first event are given. */
  addRun(key: number, deadlineMs: number, hits: HitColumns, at: number): number {
    const { runs } = this.shared.pools;
    const run = runs.add(key, hits, at);
    const last = this.lastRun(key);
    if (last === 0) this.table.setFirstRun(key, this.column, run);
    else runs.setNextOfKey(last, run);
    this.table.setLastRun(key, this.column, run);
    runs.setPreviousOfKey(run, last);
    runs.setCount(run, last === 0 ? 1 : runs.count(last) + 1);
    if (this.plan.isCounting) this.#moveToItsTime(run);
    this.deadlines.add(run, deadlineMs);
    this.bytes += runBytes;
    return run;
  }

  /** Makes a run one that only keeps others from beginning. */
  absorb(run: number): void {
    this.#dropEvents(run);
    this.shared.pools.runs.setStep(run, absorbing);
  }

  /** Forgets a run. */
  dropRun(run: number): void {
    this.#dropEvents(run);
    this.#unlinkFromKey(run);
    this.deadlines.remove(run);
    this.shared.pools.runs.giveBack(run);
    this.bytes -= runBytes;
  }

  /** Lets a run's first event be one of its events; it costs no entry of its own. */
  keepFirst(run: number, hits: HitColumns, at: number): void {
    const { runs } = this.shared.pools;
    runs.setFirstType(run, hits.types[at]!);
    this.bytes += eventBytes;
    if (this.#hasData) {
      const data = hits.data[at]!;
      runs.data[run] = data;
      this.bytes += dataBytes(data);
    }
  }

  /** Remembers an event; it belongs to nobody yet. */
  addEvent(hits: HitColumns, at: number): number {
    this.bytes += eventBytes + dataBytes(hits.data[at]!);
    return this.shared.pools.events.add(hits, at);
  }

  /** Puts a remembered event to those of the run. */
  appendEvent(run: number, event: number): void {
    const { runs, events } = this.shared.pools;
    events.setPrevious(event, runs.lastEvent(run));
    runs.setLastEvent(run, event);
  }

  /** Lets the run wait for a step that is more than one event; alternatives that need none of the atoms of `must` cannot happen. */
  openStep(run: number, must = -1): void {
    const { runs, openSteps } = this.shared.pools;
    runs.setOpenStep(run, openSteps.add(must));
  }

  /** Remembers an event that is the first to meet the atoms of `mask`. */
  addMet(openStep: number, mask: number, event: number): void {
    const { openSteps, events } = this.shared.pools;
    events.setMask(event, mask);
    events.setPrevious(event, openSteps.lastEvent(openStep));
    openSteps.setLastEvent(openStep, event);
    openSteps.setMet(openStep, openSteps.met(openStep) | mask);
  }

  /** Ends the run's open step: what met an atom of `mask` stays as events of the run, the others are forgotten. */
  closeStep(run: number, mask: number): void {
    const { runs, openSteps, events } = this.shared.pools;
    const open = runs.openStep(run);
    for (let event = openSteps.lastEvent(open); event !== 0; ) {
      const previous = events.previous(event);
      if ((events.mask(event) & mask) !== 0) this.appendEvent(run, event);
      else this.#dropEvent(event);
      event = previous;
    }
    openSteps.giveBack(open);
    runs.setOpenStep(run, 0);
  }

  #dropEvent(event: number): void {
    const { events } = this.shared.pools;
    this.bytes -= eventBytes;
    if (this.#hasData) {
      this.bytes -= dataBytes(events.data[event]!);
      events.dropData(event);
    }
    events.giveBack(event);
  }

  #dropEvents(run: number): void {
    const { runs, events } = this.shared.pools;
    if (runs.openStep(run) !== 0) this.closeStep(run, 0);
    for (let event = runs.lastEvent(run); event !== 0; ) {
      const previous = events.previous(event);
      this.#dropEvent(event);
      event = previous;
    }
    runs.setLastEvent(run, 0);
    if (runs.firstType(run) < 0) return;
    runs.setFirstType(run, -1);
    this.bytes -= eventBytes;
    if (this.#hasData) {
      this.bytes -= dataBytes(runs.data[run]!);
      runs.dropData(run);
    }
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
    // Objects are spelled out, here and below: made with a spread, they cost a fifth of all the rules' time.
    const found: RuleEvent[] = [];
    const firstType = runs.firstType(run);
    for (let event = runs.lastEvent(run); event !== 0; event = events.previous(event)) found.push(this.eventAt(event));
    if (firstType >= 0) {
      const { topic, partition } = this.shared.places.at(runs.firstPlace(run));
      found.push({
        topic,
        partition,
        offset: runs.firstOffset(run),
        type: this.shared.typeNames[firstType]!,
        timeMs: runs.firstMs(run),
        data: this.#hasData ? runs.data[run]! : null,
      });
    }
    // Nearly always they stand the other way round.
    return found.reverse().sort(compareEvents);
  }

  eventAt(event: number): RuleEvent {
    const { events } = this.shared.pools;
    const { topic, partition } = this.shared.places.at(events.place(event));
    return {
      topic,
      partition,
      offset: events.offset(event),
      type: this.shared.typeNames[events.type(event)]!,
      timeMs: events.timeMs(event),
      data: events.data[event]!,
    };
  }

  /**
   * Runs that are counted stand in the order of their events; those of a moment as they came. Only where partitions come together that were not read
   * side by side is one not the last.
   */
  #moveToItsTime(run: number): void {
    const { runs } = this.shared.pools;
    const key = runs.key(run);
    const last = runs.previousOfKey(run);
    let before = last;
    while (before !== 0 && runs.firstMs(before) > runs.firstMs(run)) before = runs.previousOfKey(before);
    if (before === last) return;
    const after = before === 0 ? this.firstRun(key) : runs.nextOfKey(before);
    runs.setNextOfKey(last, 0);
    runs.setCount(last, runs.count(run));
    this.table.setLastRun(key, this.column, last);
    runs.setPreviousOfKey(run, before);
    runs.setNextOfKey(run, after);
    runs.setPreviousOfKey(after, run);
    if (before !== 0) runs.setNextOfKey(before, run);
    else this.table.setFirstRun(key, this.column, run);
  }

  #unlinkFromKey(run: number): void {
    const { runs } = this.shared.pools;
    const key = runs.key(run);
    const before = runs.previousOfKey(run);
    const after = runs.nextOfKey(run);
    if (before !== 0) runs.setNextOfKey(before, after);
    else this.table.setFirstRun(key, this.column, after);
    if (after !== 0) {
      runs.setPreviousOfKey(after, before);
      if (this.plan.isCounting) runs.setCount(this.lastRun(key), runs.count(this.lastRun(key)) - 1);
    } else {
      this.table.setLastRun(key, this.column, before);
      if (before !== 0) runs.setCount(before, runs.count(run) - 1);
      else this.table.setInterest(key, this.column, 0);
    }
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
