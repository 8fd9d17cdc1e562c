import type { PartitionProgress } from './partition-clock.ts';
import type { RuleEvent } from './rule-event.ts';
import type { KeyState } from './rule-runs.ts';

/** An event that waits for earlier ones, with the rule and the key it is for. */
export interface WaitingEvent {
  event: RuleEvent;
  rule: number;
  key: string;
}

export interface RuleCounts {
  /** Events seen, whether a rule uses them or not. */
  events: number;
  /** Events that a rule would have used, had they not been older than its allowed lateness; once for each such rule. */
  late: number;
  /** Beginnings of matches given up because one key had too many. */
  droppedRuns: number;
  matches: number;
}

/** What a rule engine remembers. */
export interface EngineState {
  partitions: PartitionProgress[];
  lanes: { latenessMs: number; nowMs: number; waiting: WaitingEvent[] }[];
  /** Of each rule, in the order of the program. */
  keys: [string, KeyState][][];
  counts: RuleCounts;
}

/** The state as one line of JSON; int64 and infinities, which JSON does not know, as objects of one member. */
export function stringifyState(state: EngineState): string {
  return JSON.stringify(state, (_key, value) => {
    if (typeof value === 'bigint') return { int64: `${value}` };
    return value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY ? { infinite: value > 0 } : value;
  });
}

export function parseState(text: string): EngineState {
  return JSON.parse(text, (_key, value) => {
    if (typeof value !== 'object' || value === null) return value;
    if (typeof value.int64 === 'string') return BigInt(value.int64);
    if (typeof value.infinite === 'boolean')
      return value.infinite ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    return value;
  });
}
