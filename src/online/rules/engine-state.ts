import type { PartitionProgress } from './partition-clock.ts';
import type { EventPlace, RuleEvent } from './rule-event.ts';

export interface RuleCounts {
  /** Events seen, whether a rule uses them or not. */
  events: number;
  /** Events that a rule would have used, had they not been older than its allowed lateness; once for each such rule. */
  late: number;
  /** Beginnings of matches given up because one key had too many, or the rule no more memory. */
  droppedRuns: number;
  matches: number;
}

/** An event that waits for earlier ones, with the rule (its place in the program) and the key it is for. */
export interface WaitingRecord {
  rule: number;
  key: string;
  /** Bits of the rule's conditions that it meets. */
  mask: number;
  event: RuleEvent;
}

/** A beginning of a match, or until when nothing begins because a match with AT LEAST goes on. */
export type RunRecord =
  | { rule: number; key: string; absorbUntilMs: number }
  | {
      rule: number;
      key: string;
      first: EventPlace & { timeMs: number };
      /** Infinity: no end. */
      deadlineMs: number;
      step: number;
      occurrences: number;
      /** Events of the steps that have happened. */
      events: RuleEvent[];
      /** Only in a step that is more than one event. */
      open?: OpenStepRecord;
    };

/** What has happened of a step that is more than one event; bits of masks are the rule's conditions. */
export interface OpenStepRecord {
  /** Alternatives that need none of these cannot happen. */
  must: number;
  /** What was not to happen, and did. */
  broken: number;
  /** Events with the conditions that each was the first to meet. */
  met: { mask: number; event: RuleEvent }[];
}

export type StateRecord = { waiting: WaitingRecord } | { run: RunRecord };

/** What a rule engine remembers. */
export interface EngineState {
  partitions: readonly PartitionProgress[];
  counts: RuleCounts;
  /** Made as they are read. Runs of one rule stand in the order in which their time is over. */
  records: Iterable<StateRecord>;
}

/** One line of JSON; int64 and infinities, which JSON does not know, as objects of one member. */
export function stringifyRecord(record: unknown): string {
  return JSON.stringify(record, (_key, value) => {
    if (typeof value === 'bigint') return { int64: `${value}` };
    return value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY ? { infinite: value > 0 } : value;
  });
}

export function parseRecord(text: string): unknown {
  return JSON.parse(text, (_key, value) => {
    if (typeof value !== 'object' || value === null) return value;
    if (typeof value.int64 === 'string') return BigInt(value.int64);
    if (typeof value.infinite === 'boolean')
      return value.infinite ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    return value;
  });
}
