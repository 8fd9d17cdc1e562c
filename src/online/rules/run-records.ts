import type { OpenStepRecord, RunRecord } from './engine-state.ts';
import { HitColumns } from './hit-columns.ts';
import type { RuleEvent } from './rule-event.ts';
import { absorbing, type RuleMemory, type SharedMemory } from './rule-memory.ts';

/** What a rule remembers, as plain data. */
export function* runRecords(memory: RuleMemory, rule: number): Generator<RunRecord> {
  const { runs } = memory.shared.pools;
  for (const run of memory.deadlines.all()) {
    const key = memory.table.textOf(runs.key(run));
    const deadlineMs = memory.deadlines.deadlineMs(run);
    if (runs.step(run) === absorbing) {
      yield { rule, key, absorbUntilMs: deadlineMs };
      continue;
    }
    const open = runs.openStep(run);
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
      ...(open === 0 ? {} : { open: openStepRecord(memory, open) }),
    };
  }
}

function openStepRecord(memory: RuleMemory, open: number): OpenStepRecord {
  const { openSteps, events } = memory.shared.pools;
  const met: OpenStepRecord['met'] = [];
  for (let event = openSteps.lastEvent(open); event !== 0; event = events.previous(event))
    met.unshift({ mask: events.mask(event), event: memory.eventAt(event) });
  return { must: openSteps.must(open), broken: openSteps.broken(open), met };
}

/** Remembers what was written down. */
export function restoreRun(memory: RuleMemory, record: RunRecord): void {
  const { runs, openSteps } = memory.shared.pools;
  const key = memory.table.intern(record.key);
  if ('absorbUntilMs' in record) {
    memory.absorb(memory.addRun(key, record.absorbUntilMs, new HitColumns(1), 0)); // it has no events any more
    return;
  }
  const { first, deadlineMs, step, occurrences, events, open } = record;
  const begin = new HitColumns(1);
  begin.times[0] = first.timeMs;
  begin.offsets[0] = first.offset;
  begin.places[0] = memory.shared.places.numberOf(first.topic, first.partition);
  const run = memory.addRun(key, deadlineMs, begin, 0);
  runs.setStep(run, step);
  memory.addInterest(key, memory.plan.interests[step]!);
  runs.setOccurrences(run, occurrences);
  const remember = (event: RuleEvent): number => {
    const hits = new HitColumns(1);
    writeEvent(memory.shared, hits, event);
    return memory.addEvent(hits, 0);
  };
  // Of a rule that counts, the other events are those of later runs.
  for (const event of memory.plan.isCounting ? events.slice(0, 1) : events) memory.appendEvent(run, remember(event));
  if (!open) return;
  memory.openStep(run, open.must);
  openSteps.setBroken(runs.openStep(run), open.broken);
  for (const { mask, event } of open.met) memory.addMet(runs.openStep(run), mask, remember(event));
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
  const { topic, partition } = places.at(hits.places[at]!);
  return {
    topic,
    partition,
    offset: hits.offsets[at]!,
    type: typeNames[hits.types[at]!]!,
    timeMs: hits.times[at]!,
    data: hits.data[at] ?? null,
  };
}
