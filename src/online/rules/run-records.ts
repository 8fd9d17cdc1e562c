import type { RunRecord } from './engine-state.ts';
import { HitColumns } from './hit-columns.ts';
import type { RuleEvent } from './rule-event.ts';
import { absorbing, type RuleMemory, type SharedMemory } from './rule-memory.ts';

/** What a rule remembers, as plain data. */
export function* runRecords(memory: RuleMemory, rule: number): Generator<RunRecord> {
  const { runs, keyStates } = memory.shared.pools;
  for (let run = memory.firstRun; run !== 0; run = runs.nextOfRule(run)) {
    const key = memory.table.textOf(keyStates.key(runs.keyState(run)));
    const deadlineMs = runs.deadlineMs(run);
    if (runs.step(run) === absorbing) {
      yield { rule, key, absorbUntilMs: deadlineMs };
      continue;
    }
    const open = runs.openSteps[run];
    yield {
      rule,
      key,
      first: {
        ...memory.shared.places.at(runs.firstPlace(run)),
        offset: runs.firstOffset(run),
        timeMs: runs.firstMs(run),
      },
      deadlineMs,
      step: runs.step(run),
      occurrences: runs.occurrences(run),
      events: memory.eventsOf(run),
      ...(open
        ? {
            open: {
              found: open.found.map((events) => events.map((event) => (event === 0 ? null : memory.eventAt(event)))),
              dead: open.dead,
            },
          }
        : {}),
    };
  }
}

/** Remembers what was written down. */
export function restoreRun(memory: RuleMemory, record: RunRecord): void {
  const { runs } = memory.shared.pools;
  const key = memory.table.intern(record.key);
  const state = memory.table.cell(key, memory.column) || memory.addKeyState(key);
  if ('absorbUntilMs' in record) {
    memory.absorb(memory.addRun(state, record.absorbUntilMs, Number.NEGATIVE_INFINITY, 0, 0n));
    return;
  }
  const { first, deadlineMs, step, occurrences, events, open } = record;
  const place = memory.shared.places.numberOf(first.topic, first.partition);
  const run = memory.addRun(state, deadlineMs, first.timeMs, place, first.offset);
  runs.setStep(run, step);
  memory.addInterest(key, memory.plan.interests[step]!);
  runs.setOccurrences(run, occurrences);
  const remember = (event: RuleEvent): number => {
    const hits = new HitColumns(1);
    writeEvent(memory.shared, hits, event);
    return memory.addEvent(hits, 0);
  };
  for (const event of events) memory.appendEvent(run, remember(event));
  if (!open) return;
  runs.openSteps[run] = {
    found: open.found.map((found) => found.map((event) => (event ? remember(event) : 0))),
    dead: open.dead,
  };
}

/** Writes an event as the first entry of `hits`. */
export function writeEvent({ places, typeNames }: SharedMemory, hits: HitColumns, event: RuleEvent): void {
  hits.times[0] = event.timeMs;
  hits.offsets[0] = event.offset;
  hits.places[0] = places.numberOf(event.topic, event.partition);
  hits.types[0] = typeNames.indexOf(event.type);
  hits.data[0] = event.data;
}

export function readEvent({ places, typeNames }: SharedMemory, hits: HitColumns, at: number): RuleEvent {
  return {
    ...places.at(hits.places[at]!),
    offset: hits.offsets[at]!,
    type: typeNames[hits.types[at]!]!,
    timeMs: hits.times[at]!,
    data: hits.data[at] ?? null,
  };
}
