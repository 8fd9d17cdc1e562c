import type { Literal } from './rule-ast.ts';

/** Where an event stands in the log. */
export interface EventPlace {
  topic: string;
  partition: number;
  offset: bigint;
}

/** An event of a match. */
export interface RuleEvent extends EventPlace {
  type: string;
  timeMs: number;
  /** Values of the fields that the rule's actions are told, by field key. */
  data: Record<string, Literal> | null;
}

/**
 * Event time first, then the log: the order in which rules see events, whatever the order of arrival.
 * Negative: `a` comes first.
 */
export function compareEvents(a: EventPlace & { timeMs: number }, b: EventPlace & { timeMs: number }): number {
  if (a.timeMs !== b.timeMs) return a.timeMs - b.timeMs;
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1;
  if (a.partition !== b.partition) return a.partition - b.partition;
  return a.offset < b.offset ? -1 : a.offset > b.offset ? 1 : 0;
}
