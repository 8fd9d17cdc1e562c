import { BatchHits } from './batch-hits.ts';
import type { EngineState, RuleCounts, StateRecord, WaitingRecord } from './engine-state.ts';
import type { EventColumns } from './event-columns.ts';
import { dataOf } from './event-keys.ts';
import { EventPlaces } from './event-places.ts';
import { HitColumns } from './hit-columns.ts';
import { HitMemory } from './hit-memory.ts';
import { KeyTable } from './key-table.ts';
import { type AssignedProgress, PartitionClock, type Watermark } from './partition-clock.ts';
import type { Literal, Rule } from './rule-ast.ts';
import type { RuleEvent } from './rule-event.ts';
import { RuleMemory, type SharedMemory } from './rule-memory.ts';
import { planRule, type RulePlan } from './rule-plan.ts';
import { RuleRuns } from './rule-runs.ts';
import { readEvent, restoreRun, runRecords, writeEvent } from './run-records.ts';
import { StatePools } from './state-pools.ts';
import { type RuleAtom, TypeMatcher } from './type-matcher.ts';
import { WaitingEvents } from './waiting-events.ts';

export interface RuleMatch {
  rule: Rule;
  /** Values of the FOR EACH fields, in their order; empty: one key for all. */
  key: Literal[];
  /** Event time of the last event, or the end of the time in which something did not happen. Epoch ms. */
  atMs: number;
  events: RuleEvent[];
}

/** Rules with one lateness wait together. */
interface Lane {
  latenessMs: number;
  waiting: WaitingEvents;
  /** Nothing waits, and nothing will: events are handed out as they come. */
  isImmediate: boolean;
  rules: PlannedRule[];
}

interface PlannedRule {
  plan: RulePlan;
  lane: Lane;
  table: KeyTable;
  runs: RuleRuns;
}

interface FoundMatch {
  match: RuleMatch;
  isTimeout: boolean;
}

export const defaultStateBytes = 2 ** 30;

/** So many that their memory, once it was fetched, is still in the caches of a core when it is their turn. */
const reachedHits = 512;

export interface RuleEngineOptions {
  /** What all rules together remember of beginnings of matches, each the same share; `defaultStateBytes` when left out. */
  maxStateBytes?: number;
}

/**
 * All rules of a program over any number of partitions. What it finds depends on the events and their places in the log only,
 * never on how they were cut into batches or how partitions took turns.
 */
export class RuleEngine {
  readonly #rules: PlannedRule[];
  readonly #lanes = new Map<number, Lane>();
  readonly #tables = new Map<string, KeyTable>();
  readonly #places = new EventPlaces();
  readonly #clock = new PartitionClock(this.#places);
  readonly #matchers = new Map<string, TypeMatcher>();
  readonly #shared: SharedMemory;
  readonly counts: RuleCounts = { events: 0, late: 0, droppedRuns: 0, matches: 0 };
  readonly #batch: BatchHits;
  readonly #memory: HitMemory;
  /** Events whose time has come, a piece of them. */
  readonly #reached = new HitColumns(reachedHits);
  #found: FoundMatch[] = [];
  #matches: RuleMatch[] = [];
  #newestMs = Number.NEGATIVE_INFINITY;

  /** `text` is the program's, for errors. */
  constructor(rules: readonly Rule[], text: string, { maxStateBytes = defaultStateBytes }: RuleEngineOptions = {}) {
    const plans = rules.map((rule) => planRule(rule, text));
    const typeNames = [...new Set(plans.flatMap(({ atoms }) => atoms.map(({ type }) => type)))];
    this.#shared = { pools: new StatePools(), places: this.#places, typeNames };
    this.#rules = plans.map((plan) => this.#plannedRule(plan, maxStateBytes / plans.length));
    const byType = new Map<string, RuleAtom[]>(typeNames.map((type) => [type, []]));
    plans.forEach(({ atoms }, rule) => {
      for (const atom of atoms) byType.get(atom.type)!.push({ rule, atom });
    });
    typeNames.forEach((type, i) => {
      this.#matchers.set(type, new TypeMatcher(type, i, byType.get(type)!));
    });
    this.#batch = new BatchHits(this.#rules, this.#matchers.values());
    this.#memory = new HitMemory(this.#rules.map(({ runs }) => runs));
  }

  /** Fields of events that the rules look at, by `fieldKey`. */
  get fieldKeys(): Set<string> {
    return new Set([...this.fieldKeysOfTypes.values()].flatMap((keys) => [...keys]));
  }

  /** The same by the type of events; events of other types are not looked at. */
  get fieldKeysOfTypes(): Map<string, Set<string>> {
    const byType = new Map([...this.#matchers].map(([type, { fieldKeys }]) => [type, new Set(fieldKeys)]));
    for (const { plan } of this.#rules) {
      for (const { type } of plan.atoms) for (const key of plan.keyFields) byType.get(type)!.add(key);
      for (const { type, key } of plan.parameterFields) byType.get(type)?.add(key);
    }
    return byType;
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
  get progress(): readonly AssignedProgress[] {
    return this.#clock.all;
  }

  /** What events that wait for those of other partitions take. */
  get waitingBytes(): number {
    let bytes = 0;
    for (const { waiting } of this.#lanes.values()) bytes += waiting.bytes;
    return bytes;
  }

  /** Takes events of a partition that was assigned; those below its position are ignored. */
  push(events: EventColumns): void {
    const progress = this.#clock.get(events.topic, events.partition);
    if (!progress) throw new Error(`${events.topic}-${events.partition} was not assigned to the rules`);
    let row = 0;
    while (row < events.count && events.offsets[row]! < progress.next) row++;
    if (row === events.count) return;
    this.counts.events += events.count - row;
    const matchers = events.typeNames.map((name) => this.#matchers.get(name) ?? null);
    this.#sweepKeys();
    for (const table of this.#tables.values()) table.bind(events);
    const isAlone = this.#clock.all.every((other) => other === progress || other.hasEnded);
    for (const lane of this.#lanes.values())
      lane.isImmediate = isAlone && lane.latenessMs === 0 && lane.waiting.count === 0;
    this.#batch.bind(events, matchers);
    this.#take(events, row, progress);
    if (progress.maxTimeMs > this.#newestMs) this.#newestMs = progress.maxTimeMs;
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

  /** The partition brings nothing any more: nothing waits for it. Not remembered in the state. */
  end(topic: string, partition: number): void {
    const progress = this.#clock.get(topic, partition);
    if (!progress || progress.hasEnded) return;
    progress.hasEnded = true;
    this.#advance();
  }

  /** The input has ended: what waited for earlier events waits no longer. Time has come as far as the newest event. */
  finish(): void {
    this.#advanceTo(null);
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
      partitions: this.#clock.all.map(({ topic, partition, next, maxTimeMs }) => ({
        topic,
        partition,
        next,
        maxTimeMs,
      })),
      counts: { ...this.counts },
      records: this.#records(),
    };
  }

  /** Goes on where `state()` of the same program was taken. */
  restore({ partitions, counts, records }: EngineState): void {
    for (const progress of partitions) this.#clock.restore(progress);
    this.#newestMs = this.#clock.newestMs;
    Object.assign(this.counts, counts);
    for (const record of records) {
      if ('run' in record) restoreRun(this.#rules[record.run.rule]!.runs.memory, record.run);
      else this.#restoreWaiting(record.waiting);
    }
  }

  #restoreWaiting({ rule, key, mask, event }: WaitingRecord): void {
    const { table, lane } = this.#rules[rule]!;
    const entry = new HitColumns(1);
    writeEvent(this.#shared, entry, event);
    entry.rules[0] = rule;
    entry.masks[0] = mask;
    entry.keys[0] = table.intern(key);
    lane.waiting.push(entry, 0);
  }

  #plannedRule(plan: RulePlan, maxBytes: number): PlannedRule {
    const tableKey = JSON.stringify(plan.keyFields);
    const table = this.#tables.get(tableKey) ?? new KeyTable(plan.keyFields);
    this.#tables.set(tableKey, table);
    const { latenessMs } = plan.rule;
    const lane = this.#lanes.get(latenessMs) ?? newLane(latenessMs, this.#places);
    this.#lanes.set(latenessMs, lane);
    const runs = new RuleRuns(new RuleMemory(plan, table, this.#shared), maxBytes, {
      found: (key, atMs, events, isTimeout) => {
        this.counts.matches++;
        this.#found.push({ match: { rule: plan.rule, key: table.valuesOf(key), atMs, events }, isTimeout });
      },
      gaveUp: (count) => {
        this.counts.droppedRuns += count;
      },
    });
    const rule = { plan, lane, table, runs };
    lane.rules.push(rule);
    return rule;
  }

  /** Keys of events that wait are needed, too. */
  #sweepKeys(): void {
    if (![...this.#tables.values()].some(({ isFull }) => isFull)) return;
    const held: [KeyTable, number][] = [];
    for (const { waiting } of this.#lanes.values()) {
      for (const [hits, at] of waiting.items()) held.push([this.#rules[hits.rules[at]!]!.table, hits.keys[at]!]);
    }
    for (const table of this.#tables.values()) {
      if (table.isFull) table.sweep(new Set(held.filter(([of]) => of === table).map(([, key]) => key)));
    }
  }

  #take(events: EventColumns, from: number, progress: AssignedProgress): void {
    for (let row = from; row < events.count; ) {
      const { count, next } = this.#batch.collect(events, row, progress);
      this.#keep(events, count);
      row = next;
    }
    this.counts.late += this.#batch.late;
    this.#batch.late = 0;
  }

  /** Keeps events for the rules that they concern until their time has come. */
  #keep(events: EventColumns, hitCount: number): void {
    const { hits, rows } = this.#batch;
    if ([...this.#lanes.values()].some(({ isImmediate }) => isImmediate)) this.#memory.fetch(hits, hitCount);
    for (let i = 0; i < hitCount; i++) {
      const { plan, lane, runs } = this.#rules[hits.rules[i]!]!;
      const key = hits.keys[i]!;
      if (key === 0 || (lane.isImmediate && !runs.isConcerned(key, hits.masks[i]!))) continue;
      const isTold = (hits.masks[i]! & plan.toldMask) !== 0;
      hits.data[i] = isTold ? dataOf(plan, this.#shared.typeNames[hits.types[i]!]!, events, rows[i]!) : null;
      if (lane.isImmediate) runs.take(hits, i);
      else lane.waiting.push(hits, i);
    }
  }

  #advance(): void {
    this.#advanceTo(this.#clock.watermark);
  }

  /** Hands out what the watermark has reached; null: everything. */
  #advanceTo(watermark: Watermark | null): void {
    for (const lane of this.#lanes.values()) {
      const reached = watermark && { timeMs: watermark.timeMs - lane.latenessMs, place: watermark.place };
      for (;;) {
        const count = lane.waiting.drain(reached, this.#reached);
        if (count === 0) break;
        this.#handOut(count);
      }
      // An event of the watermark's own moment may still come.
      const nowMs = reached?.timeMs ?? this.#clock.newestMs;
      for (const { runs } of lane.rules) if (runs.memory.deadlines.dueMs < nowMs) runs.passTime(nowMs);
      this.#settle();
    }
  }

  #handOut(count: number): void {
    const hits = this.#reached;
    this.#memory.fetch(hits, count);
    for (let i = 0; i < count; i++) {
      const { runs } = this.#rules[hits.rules[i]!]!;
      if (runs.isConcerned(hits.keys[i]!, hits.masks[i]!)) runs.take(hits, i);
      hits.data[i] = null;
    }
  }

  /** Each rule was told of time as it needed to know; together their matches stand in the order of time. */
  #settle(): void {
    if (this.#found.length === 0) return;
    if (this.#found.length > 1) {
      this.#found.sort((a, b) => a.match.atMs - b.match.atMs || Number(a.isTimeout) - Number(b.isTimeout));
    }
    for (const { match } of this.#found) this.#matches.push(match);
    this.#found = [];
  }

  *#records(): Generator<StateRecord> {
    for (const { waiting } of this.#lanes.values()) {
      for (const [hits, at] of waiting.items()) {
        const rule = hits.rules[at]!;
        const key = this.#rules[rule]!.table.textOf(hits.keys[at]!);
        yield { waiting: { rule, key, mask: hits.masks[at]!, event: readEvent(this.#shared, hits, at) } };
      }
    }
    for (const [rule, { runs }] of this.#rules.entries()) {
      for (const run of runRecords(runs.memory, rule)) yield { run };
    }
  }
}

const newLane = (latenessMs: number, places: EventPlaces): Lane => ({
  latenessMs,
  waiting: new WaitingEvents(places),
  isImmediate: false,
  rules: [],
});
