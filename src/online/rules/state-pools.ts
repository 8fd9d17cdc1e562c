import type { EventData, HitColumns } from './hit-columns.ts';

/** Numbered entries of so many bytes each, side by side in memory; 0 is none. What was given back is given out again first. */
abstract class Pool {
  /** The same bytes, as what an entry holds. */
  ints: Int32Array = new Int32Array(0);
  floats: Float64Array = new Float64Array(0);
  bigints: BigInt64Array = new BigInt64Array(0);
  readonly #bytes: number;
  #size = 0;
  #end = 1;
  readonly #unused: number[] = [];

  /** `bytes`: of an entry, a multiple of 8. */
  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** The number of an entry; it holds what it held before. */
  take(): number {
    const entry = this.#unused.pop() ?? this.#end++;
    if (entry >= this.#size) this.#grow(entry * 2);
    return entry;
  }

  giveBack(entry: number): void {
    this.#unused.push(entry);
  }

  #grow(size: number): void {
    this.#size = Math.max(64, size);
    const ints = new Int32Array((this.#size * this.#bytes) / 4);
    ints.set(this.ints);
    this.ints = ints;
    this.floats = new Float64Array(ints.buffer);
    this.bigints = new BigInt64Array(ints.buffer);
  }
}

const eventInts = 8;
const runInts = 16;
const keyStateInts = 6;

/** Events that runs hold on to, each belonging to one run. */
export class EventPool extends Pool {
  readonly data: EventData[] = [];

  constructor() {
    super(eventInts * 4);
  }

  add(hits: HitColumns, at: number): number {
    const event = this.take();
    const wide = event * (eventInts / 2);
    const narrow = event * eventInts;
    this.floats[wide] = hits.times[at]!;
    this.bigints[wide + 1] = hits.offsets[at]!;
    this.ints[narrow + 4] = hits.places[at]!;
    this.ints[narrow + 5] = hits.types[at]!;
    this.ints[narrow + 6] = 0;
    this.data[event] = hits.data[at] ?? null;
    return event;
  }

  timeMs(event: number): number {
    return this.floats[event * (eventInts / 2)]!;
  }

  offset(event: number): bigint {
    return this.bigints[event * (eventInts / 2) + 1]!;
  }

  place(event: number): number {
    return this.ints[event * eventInts + 4]!;
  }

  type(event: number): number {
    return this.ints[event * eventInts + 5]!;
  }

  /** The next event of the same run. */
  next(event: number): number {
    return this.ints[event * eventInts + 6]!;
  }

  setNext(event: number, next: number): void {
    this.ints[event * eventInts + 6] = next;
  }

  drop(event: number): void {
    if (this.data[event] !== null) this.data[event] = null;
    this.giveBack(event);
  }
}

/** What is known of the alternatives of a step that is more than one event: events (0: none yet) by alternative, and which cannot happen any more. */
export interface OpenStep {
  found: number[][];
  dead: boolean[];
}

/** Beginnings of matches ("runs"): what has happened since the first event of each. An entry is a line of the processor's cache. */
export class RunPool extends Pool {
  readonly openSteps: (OpenStep | null)[] = [];

  constructor() {
    super(runInts * 4);
  }

  /** A run of that key that waits for the first step. */
  add(keyState: number, deadlineMs: number, firstMs: number, place: number, offset: bigint): number {
    const run = this.take();
    const wide = run * (runInts / 2);
    const narrow = run * runInts;
    this.floats[wide] = deadlineMs;
    this.floats[wide + 1] = firstMs;
    this.bigints[wide + 2] = offset;
    for (let i = narrow + 6; i < narrow + runInts; i++) this.ints[i] = 0;
    this.ints[narrow + 6] = place;
    this.ints[narrow + 9] = keyState;
    if (this.openSteps[run] !== null) this.openSteps[run] = null;
    return run;
  }

  deadlineMs(run: number): number {
    return this.floats[run * (runInts / 2)]!;
  }

  firstMs(run: number): number {
    return this.floats[run * (runInts / 2) + 1]!;
  }

  firstOffset(run: number): bigint {
    return this.bigints[run * (runInts / 2) + 2]!;
  }

  firstPlace(entry: number): number {
    return this.ints[entry * runInts + 6]!;
  }

  /** The planned step it waits for; as many as there are: only for its time to be over. */
  step(entry: number): number {
    return this.ints[entry * runInts + 7]!;
  }

  setStep(entry: number, value: number): void {
    this.ints[entry * runInts + 7] = value;
  }

  occurrences(entry: number): number {
    return this.ints[entry * runInts + 8]!;
  }

  setOccurrences(entry: number, value: number): void {
    this.ints[entry * runInts + 8] = value;
  }

  keyState(entry: number): number {
    return this.ints[entry * runInts + 9]!;
  }

  setKeyState(entry: number, value: number): void {
    this.ints[entry * runInts + 9] = value;
  }

  /** Events of the steps that have happened. */
  firstEvent(entry: number): number {
    return this.ints[entry * runInts + 10]!;
  }

  setFirstEvent(entry: number, value: number): void {
    this.ints[entry * runInts + 10] = value;
  }

  lastEvent(entry: number): number {
    return this.ints[entry * runInts + 11]!;
  }

  setLastEvent(entry: number, value: number): void {
    this.ints[entry * runInts + 11] = value;
  }

  /** Runs of the same key, in the order of their first events. */
  nextOfKey(entry: number): number {
    return this.ints[entry * runInts + 12]!;
  }

  setNextOfKey(entry: number, value: number): void {
    this.ints[entry * runInts + 12] = value;
  }

  previousOfKey(entry: number): number {
    return this.ints[entry * runInts + 13]!;
  }

  setPreviousOfKey(entry: number, value: number): void {
    this.ints[entry * runInts + 13] = value;
  }

  /** Runs of the same rule, in the order in which their time is over. */
  nextOfRule(entry: number): number {
    return this.ints[entry * runInts + 14]!;
  }

  setNextOfRule(entry: number, value: number): void {
    this.ints[entry * runInts + 14] = value;
  }

  previousOfRule(entry: number): number {
    return this.ints[entry * runInts + 15]!;
  }

  setPreviousOfRule(entry: number, value: number): void {
    this.ints[entry * runInts + 15] = value;
  }
}

/** What a rule remembers of a key. */
export class KeyStatePool extends Pool {
  constructor() {
    super(keyStateInts * 4);
  }

  add(key: number): number {
    const state = this.take();
    const start = state * keyStateInts;
    for (let i = 1; i < keyStateInts; i++) this.ints[start + i] = 0;
    this.ints[start] = key;
    return state;
  }

  key(entry: number): number {
    return this.ints[entry * keyStateInts]!;
  }

  firstRun(entry: number): number {
    return this.ints[entry * keyStateInts + 1]!;
  }

  setFirstRun(entry: number, value: number): void {
    this.ints[entry * keyStateInts + 1] = value;
  }

  lastRun(entry: number): number {
    return this.ints[entry * keyStateInts + 2]!;
  }

  setLastRun(entry: number, value: number): void {
    this.ints[entry * keyStateInts + 2] = value;
  }

  runs(entry: number): number {
    return this.ints[entry * keyStateInts + 3]!;
  }

  setRuns(entry: number, value: number): void {
    this.ints[entry * keyStateInts + 3] = value;
  }

  /** Matches that further events still belong to (AT LEAST): as long as there are any, nothing begins. */
  absorbers(entry: number): number {
    return this.ints[entry * keyStateInts + 4]!;
  }

  setAbsorbers(entry: number, value: number): void {
    this.ints[entry * keyStateInts + 4] = value;
  }
}

/** What all rules of a program remember. */
export class StatePools {
  readonly events = new EventPool();
  readonly runs = new RunPool();
  readonly keyStates = new KeyStatePool();
}
