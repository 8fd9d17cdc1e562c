import type { EngineState, RuleCounts, WaitingEvent } from './engine-state.ts';
import type { EventColumns } from './event-columns.ts';
import { dataOf, keyOf, parseKey } from './event-keys.ts';
import { Heap } from './heap.ts';
import { isReached, PartitionClock, type PartitionProgress } from './partition-clock.ts';
import type { Literal, Rule } from './rule-ast.ts';
import type { EventPlace } from './rule-event.ts';
import { planRule, type RulePlan } from './rule-plan.ts';
import { closeOverdue, type FoundMatch, type KeyState, newKeyState, takeEvent } from './rule-runs.ts';
import { type Hits, type RuleAtom, TypeMatcher } from './type-matcher.ts';
import { WaitingEvents } from './waiting-events.ts';

export interface RuleMatch {
  rule: Rule;
  /** Values of the FOR EACH fields, in their order; empty: one key for all. */
  key: Literal[];
  /** Event time of the last event, or the end of the time in which something did not happen. Epoch ms. */
  atMs: number;
  events: (EventPlace & { type: string; timeMs: number; data: Record<string, Literal> | null })[];
}

/** Rules with one lateness share a buffer and a moment. */
interface Lane {
  latenessMs: number;
  /** Events that wait for earlier ones. */
  waiting: WaitingEvents;
  /** When keys have to be looked at because a run's time is over. An entry may be out of date. */
  deadlines: Heap<Deadline>;
  nowMs: number;
}

interface Deadline {
  ms: number;
  rule: number;
  key: string;
}

/** The order of rules and keys only makes runs repeatable. */
const compareDeadlines = (a: Deadline, b: Deadline): number =>
  a.ms - b.ms || a.rule - b.rule || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);

interface PlannedRule {
  plan: RulePlan;
  lane: Lane;
  keys: Map<string, KeyState>;
}

/**
 * All rules of a program over any number of partitions. What it finds depends on the events and their places in the log only,
 * never on how they were cut into batches or how partitions took turns.
 */
export class RuleEngine {
  readonly #rules: PlannedRule[];
  readonly #lanes = new Map<number, Lane>();
  readonly #clock = new PartitionClock();
  readonly #byType = new Map<string, RuleAtom[]>();
  readonly counts: RuleCounts = { events: 0, late: 0, droppedRuns: 0, matches: 0 };
  readonly #hits: Hits;
  #matches: RuleMatch[] = [];
  #newestMs = Number.NEGATIVE_INFINITY;

  /** `text` is the program's, for errors. */
  constructor(rules: readonly Rule[], text: string) {
    this.#rules = rules.map((rule) => ({
      plan: planRule(rule, text),
      lane: this.#laneOf(rule.latenessMs),
      keys: new Map(),
    }));
    this.#rules.forEach(({ plan }, rule) => {
      for (const atom of plan.atoms) {
        const atoms = this.#byType.get(atom.type) ?? [];
        atoms.push({ rule, atom });
        this.#byType.set(atom.type, atoms);
      }
    });
    this.#hits = { rules: [], masks: new Int32Array(this.#rules.length) };
  }

  /** Fields of events that the rules look at, by `fieldKey`. */
  get fieldKeys(): Set<string> {
    const keys = new Set<string>();
    for (const { plan } of this.#rules) {
      for (const atom of plan.atoms) for (const test of atom.tests) keys.add(test.key);
      for (const key of plan.keyFields) keys.add(key);
      for (const { key } of plan.parameterFields) keys.add(key);
    }
    return keys;
  }

  /** From then on nothing is decided before this partition has come as far. Do so for all partitions before the first batch. */
  assign(topic: string, partition: number, next: bigint): void {
    this.#clock.assign(topic, partition, next);
  }

  /** The next offset that it has not seen; null: not assigned. */
  position(topic: string, partition: number): bigint | null {
    return this.#clock.get(topic, partition)?.next ?? null;
  }

  /** The newest event time seen in any partition, promises left out; -Infinity: none yet. */
  get newestMs(): number {
    return this.#newestMs;
  }

  /** How far each assigned partition has come. */
  get progress(): readonly PartitionProgress[] {
    return this.#clock.all;
  }

  /** Takes events of a partition that was assigned; those below its position are ignored. */
  push(events: EventColumns): void {
    const progress = this.#clock.get(events.topic, events.partition);
    if (!progress) throw new Error(`${events.topic}-${events.partition} was not assigned to the rules`);
    let row = 0;
    while (row < events.count && events.offsets[row]! < progress.next) row++;
    if (row === events.count) return;
    this.counts.events += events.count - row;
    const matchers = events.typeNames.map((name) => {
      const atoms = this.#byType.get(name);
      return atoms && new TypeMatcher(atoms, events);
    });
    for (; row < events.count; row++) {
      const matcher = matchers[events.types[row]!];
      if (matcher) {
        matcher.match(row, this.#hits);
        if (this.#hits.rules.length > 0) this.#keep(events, row, progress);
      }
      const timeMs = events.times[row]!;
      if (timeMs > progress.maxTimeMs) progress.maxTimeMs = timeMs;
      if (timeMs > this.#newestMs) this.#newestMs = timeMs;
    }
    progress.next = events.offsets[events.count - 1]! + 1n;
    this.#advance();
  }

  /** Offsets below `next` hold nothing for the rules: filtered, aborted, compacted away. */
  skipTo(topic: string, partition: number, next: bigint): void {
    const progress = this.#clock.get(topic, partition);
    if (progress && next > progress.next) progress.next = next;
  }

  /** A promise that the partition brings nothing older than `timeMs` any more: a quiet partition must not hold up the others. */
  promise(topic: string, partition: number, timeMs: number): void {
    const progress = this.#clock.get(topic, partition);
    if (!progress || timeMs <= progress.maxTimeMs) return;
    progress.maxTimeMs = timeMs;
    this.#advance();
  }

  /** The input has ended: what waited for earlier events waits no longer. Time has come as far as the newest event. */
  finish(): void {
    const newestMs = this.#clock.newestMs;
    if (newestMs === Number.NEGATIVE_INFINITY) return;
    for (const lane of this.#lanes.values()) {
      for (let next = lane.waiting.shift(); next; next = lane.waiting.shift()) this.#handOut(lane, next);
      this.#passTime(lane, newestMs);
    }
  }

  /** The matches since the last call, in the order in which they were found. */
  takeMatches(): RuleMatch[] {
    const matches = this.#matches;
    this.#matches = [];
    return matches;
  }

  /** Everything it remembers, but matches that were not taken yet. It is not a copy: write it down before going on. */
  state(): EngineState {
    return {
      partitions: this.#clock.all,
      lanes: [...this.#lanes.values()].map(({ latenessMs, nowMs, waiting }) => ({
        latenessMs,
        nowMs,
        waiting: waiting.items,
      })),
      keys: this.#rules.map(({ keys }) => [...keys]),
      counts: { ...this.counts },
    };
  }

  /** Goes on where `state()` of the same program was taken. */
  restore(state: EngineState): void {
    for (const progress of state.partitions) this.#clock.restore(progress);
    this.#newestMs = this.#clock.newestMs;
    for (const { latenessMs, nowMs, waiting } of state.lanes) {
      const lane = this.#laneOf(latenessMs);
      lane.waiting = new WaitingEvents(waiting);
      lane.nowMs = nowMs;
    }
    this.#rules.forEach((rule, i) => {
      rule.keys = new Map(state.keys[i]);
      for (const [key, { runs, absorbUntilMs }] of rule.keys) {
        for (const { deadlineMs } of runs) lookAt(rule.lane, deadlineMs, i, key);
        lookAt(rule.lane, absorbUntilMs, i, key);
      }
    });
    Object.assign(this.counts, state.counts);
  }

  #laneOf(latenessMs: number): Lane {
    let lane = this.#lanes.get(latenessMs);
    if (!lane) {
      lane = {
        latenessMs,
        waiting: new WaitingEvents(),
        deadlines: new Heap(compareDeadlines),
        nowMs: Number.NEGATIVE_INFINITY,
      };
      this.#lanes.set(latenessMs, lane);
    }
    return lane;
  }

  /** Keeps an event for the rules that it concerns until its time has come. */
  #keep(events: EventColumns, row: number, { maxTimeMs }: PartitionProgress): void {
    const { rules, masks } = this.#hits;
    const { topic, partition } = events;
    const offset = events.offsets[row]!;
    const timeMs = events.times[row]!;
    const type = events.typeNames[events.types[row]!]!;
    for (const rule of rules) {
      const mask = masks[rule]!;
      masks[rule] = 0;
      const { plan, lane } = this.#rules[rule]!;
      if (timeMs < maxTimeMs - lane.latenessMs) {
        this.counts.late++;
        continue;
      }
      const key = keyOf(plan, events, row);
      if (key === null) continue;
      const event = { topic, partition, offset, timeMs, type, mask, data: dataOf(plan, type, events, row) };
      lane.waiting.push({ event, rule, key });
    }
    rules.length = 0;
  }

  #advance(): void {
    for (const lane of this.#lanes.values()) {
      const watermark = this.#clock.watermark(lane.latenessMs);
      for (let next = lane.waiting.first; next && isReached(next.event, watermark); next = lane.waiting.first) {
        lane.waiting.shift();
        this.#handOut(lane, next);
      }
      // An event of the watermark's own moment may still come.
      this.#passTime(lane, watermark.timeMs);
    }
  }

  #handOut(lane: Lane, { event, rule: index, key }: WaitingEvent): void {
    this.#passTime(lane, event.timeMs);
    const { plan, keys } = this.#rules[index]!;
    let state = keys.get(key);
    if (!state) {
      if ((event.mask & plan.firstMask) === 0) return;
      state = newKeyState();
      keys.set(key, state);
    }
    const last = state.runs.at(-1);
    const { matches, dropped } = takeEvent(plan, state, event);
    this.counts.droppedRuns += dropped;
    for (const match of matches) this.#found(plan, key, match);
    const newest = state.runs.at(-1);
    if (newest && newest !== last) lookAt(lane, newest.deadlineMs, index, key);
    if (plan.isAbsorbing && matches.length > 0) lookAt(lane, state.absorbUntilMs, index, key);
    if (state.runs.length === 0 && state.absorbUntilMs < event.timeMs) keys.delete(key);
  }

  /** Ends what was over before that moment. */
  #passTime(lane: Lane, nowMs: number): void {
    if (nowMs <= lane.nowMs) return;
    lane.nowMs = nowMs;
    for (let due = lane.deadlines.first; due && due.ms < nowMs; due = lane.deadlines.first) {
      lane.deadlines.shift();
      const { plan, keys } = this.#rules[due.rule]!;
      const state = keys.get(due.key);
      if (!state) continue;
      for (const match of closeOverdue(plan, state, due.ms + 1)) this.#found(plan, due.key, match);
      if (state.runs.length === 0 && state.absorbUntilMs < nowMs) keys.delete(due.key);
    }
  }

  #found(plan: RulePlan, key: string, { atMs, events }: FoundMatch): void {
    this.counts.matches++;
    this.#matches.push({
      rule: plan.rule,
      key: parseKey(plan, key),
      atMs,
      events: events.map(({ topic, partition, offset, type, timeMs, data }) => ({
        topic,
        partition,
        offset,
        type,
        timeMs,
        data,
      })),
    });
  }
}

/** What never ends need not be looked at. */
function lookAt(lane: Lane, ms: number, rule: number, key: string): void {
  if (Number.isFinite(ms)) lane.deadlines.push({ ms, rule, key });
}
