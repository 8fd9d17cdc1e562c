import { createHash } from 'node:crypto';
import { fieldKey } from './event-columns.ts';
import type { Action, Literal } from './rule-ast.ts';
import type { RuleMatch } from './rule-engine.ts';

/** What a match looks like outside: printed, sent, stored. int64 values that JSON numbers cannot hold are decimal strings. */
export interface MatchRecord {
  rule: string;
  action: string;
  /** The FOR EACH value; an array where there are several; null without. */
  key: unknown;
  /** RFC 3339, event time. */
  at: string;
  events: { topic: string; partition: number; offset: string }[];
  /** Only where the action has some. */
  parameters?: Record<string, unknown>;
}

export function matchRecord(match: RuleMatch, action: Action): MatchRecord {
  const { rule, key, atMs, events } = match;
  const parameters = action.parameters.map(({ name, value }) => [name, plain(parameterOf(match, value))] as const);
  return {
    rule: rule.name,
    action: action.name,
    key: key.length > 1 ? key.map(plain) : key.length === 1 ? plain(key[0]!) : null,
    at: new Date(atMs).toISOString(),
    events: events.map(({ topic, partition, offset }) => ({ topic, partition, offset: `${offset}` })),
    ...(parameters.length > 0 ? { parameters: Object.fromEntries(parameters) } : {}),
  };
}

/** The same match has the same id wherever and whenever it is found: receivers can tell a repeated delivery by it. */
export function matchId({ rule, action, events }: MatchRecord): string {
  return createHash('sha256')
    .update(JSON.stringify([rule, action, events]))
    .digest('hex')
    .slice(0, 32);
}

function parameterOf({ events }: RuleMatch, value: Action['parameters'][number]['value']): Literal {
  if ('literal' in value) return value.literal;
  const last = events.findLast(({ type, data }) => type === value.field.type && data !== null);
  return last?.data?.[fieldKey(value.field.path)] ?? null;
}

const plain = (value: Literal): unknown => (typeof value === 'bigint' ? `${value}` : value);
