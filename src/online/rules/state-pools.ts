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
    this.grown(this.#size);
  }

  /** Entries below `size` may be given out. */
  protected grown(_size: number): void {}
}

/** Entries of events, with what actions are told of them. */
abstract class EventDataPool extends Pool {
  /** Null for those that are not in use. */
  readonly data: EventData[] = [];

  /** Call it before giving back an entry that may have data. */
  dropData(entry: number): void {
    if (this.data[entry] !== null) this.data[entry] = null;
  }

  protected override grown(size: number): void {
    while (this.data.length < size) this.data.push(null);
  }
}

const eventInts = 8;
const runInts = 16;
const openStepInts = 4;

/** Events that runs hold on to, each belonging to one run. */
export class EventPool extends EventDataPool {
  constructor() {
    super(eventInts * 4);
  }

  add(hits: HitColumns, at: number): number {
    const event = this.take();
    const wide = event * (eventInts / 2);
    const narrow = event * eventInts;
    this.floats[wide] = hits.times[at]!;
    this.ints[narrow + 2] = hits.offsetWords[2 * at]!;
    this.ints[narrow + 3] = hits.offsetWords[2 * at + 1]!;
    this.ints[narrow + 4] = hits.places[at]!;
    this.ints[narrow + 5] = hits.types[at]!;
    this.ints[narrow + 6] = 0;
    const data = hits.data[at]!;
    if (data !== null) this.data[event] = data;
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

  /** The event before it in the same list. */
  previous(event: number): number {
    return this.ints[event * eventInts + 6]!;
  }

  setPrevious(event: number, previous: number): void {
    this.ints[event * eventInts + 6] = previous;
  }

  /** In a step that is more than one event: the atoms that it was the first to meet. */
  mask(event: number): number {
    return this.ints[event * eventInts + 7]!;
  }

  setMask(event: number, mask: number): void {
    this.ints[event * eventInts + 7] = mask;
  }
}

/** What has happened of steps that are more than one event and not complete. */
export class OpenStepPool extends Pool {
  constructor() {
    super(openStepInts * 4);
  }

  /** `must`: an alternative that needs none of these atoms cannot happen. */
  add(must: number): number {
    const step = this.take();
    const start = step * openStepInts;
    this.ints[start] = must;
    this.ints[start + 1] = 0;
    this.ints[start + 2] = 0;
    this.ints[start + 3] = 0;
    return step;
  }

  must(step: number): number {
    return this.ints[step * openStepInts]!;
  }

  /** Atoms that an event met already: each counts its first event only. */
  met(step: number): number {
    return this.ints[step * openStepInts + 1]!;
  }

  setMet(step: number, mask: number): void {
    this.ints[step * openStepInts + 1] = mask;
  }

  /** Atoms that were not to happen, and did: an alternative that forbids one of them cannot happen any more. */
  broken(step: number): number {
    return this.ints[step * openStepInts + 2]!;
  }

  setBroken(step: number, mask: number): void {
    this.ints[step * openStepInts + 2] = mask;
  }

  /** The newest of the events that met an atom. */
  lastEvent(step: number): number {
    return this.ints[step * openStepInts + 3]!;
  }

  setLastEvent(step: number, event: number): void {
    this.ints[step * openStepInts + 3] = event;
  }
}

/** Beginnings of matches ("runs"): what has happened since the first event of each. An entry is a line of the processor's cache. */
export class RunPool extends EventDataPool {
  constructor() {
    super(runInts * 4);
  }

  /** A run of that key that waits for the first step. */
  add(key: number, hits: HitColumns, at: number): number {
    const run = this.take();
    const wide = run * (runInts / 2);
    const narrow = run * runInts;
    this.floats[wide] = hits.times[at]!;
    this.ints[narrow + 2] = hits.offsetWords[2 * at]!;
    this.ints[narrow + 3] = hits.offsetWords[2 * at + 1]!;
    for (let i = narrow + 6; i < narrow + 13; i++) this.ints[i] = 0;
    this.ints[narrow + 4] = hits.places[at]!;
    this.ints[narrow + 5] = key;
    this.ints[narrow + 14] = -1;
    return run;
  }

  firstMs(run: number): number {
    return this.floats[run * (runInts / 2)]!;
  }

  firstOffset(run: number): bigint {
    return this.bigints[run * (runInts / 2) + 1]!;
  }

  firstPlace(run: number): number {
    return this.ints[run * runInts + 4]!;
  }

  /** Its FOR EACH value, by its number. */
  key(run: number): number {
    return this.ints[run * runInts + 5]!;
  }

  /** The planned step it waits for; as many as there are: only for its time to be over. */
  step(run: number): number {
    return this.ints[run * runInts + 6]!;
  }

  setStep(run: number, value: number): void {
    this.ints[run * runInts + 6] = value;
  }

  occurrences(run: number): number {
    return this.ints[run * runInts + 7]!;
  }

  setOccurrences(run: number, value: number): void {
    this.ints[run * runInts + 7] = value;
  }

  /** The newest event of the steps that have happened. */
  lastEvent(run: number): number {
    return this.ints[run * runInts + 8]!;
  }

  setLastEvent(run: number, value: number): void {
    this.ints[run * runInts + 8] = value;
  }

  /** What has happened of the step it waits for, if that is more than one event. */
  openStep(run: number): number {
    return this.ints[run * runInts + 9]!;
  }

  setOpenStep(run: number, value: number): void {
    this.ints[run * runInts + 9] = value;
  }

  /** Runs of the same rule and key, in the order in which they began. */
  nextOfKey(run: number): number {
    return this.ints[run * runInts + 10]!;
  }

  setNextOfKey(run: number, value: number): void {
    this.ints[run * runInts + 10] = value;
  }

  previousOfKey(run: number): number {
    return this.ints[run * runInts + 11]!;
  }

  setPreviousOfKey(run: number, value: number): void {
    this.ints[run * runInts + 11] = value;
  }

  /** Where it stands among the deadlines of its rule. */
  position(run: number): number {
    return this.ints[run * runInts + 12]!;
  }

  setPosition(run: number, value: number): void {
    this.ints[run * runInts + 12] = value;
  }

  /** How many runs its key had when it had begun, at most; of the last run of a rule that counts: how many there are. */
  count(run: number): number {
    return this.ints[run * runInts + 13]!;
  }

  setCount(run: number, value: number): void {
    this.ints[run * runInts + 13] = value;
  }

  /** The type of its first event; -1: that is not one of its events, or stands among `lastEvent` and those before it. */
  firstType(run: number): number {
    return this.ints[run * runInts + 14]!;
  }

  setFirstType(run: number, value: number): void {
    this.ints[run * runInts + 14] = value;
  }
}

/** What all rules of a program remember. */
export class StatePools {
  readonly events = new EventPool();
  readonly openSteps = new OpenStepPool();
  readonly runs = new RunPool();
}
