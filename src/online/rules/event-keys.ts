import { type EventColumns, fieldValue } from './event-columns.ts';
import type { Literal } from './rule-ast.ts';
import type { Atom, RulePlan } from './rule-plan.ts';

/** The FOR EACH values of an event as one text; null when one of them is missing, and then the rule does not see the event. */
export function keyOf({ keyFields }: RulePlan, events: EventColumns, row: number): string | null {
  if (keyFields.length === 0) return '[]';
  const values: unknown[] = [];
  for (const field of keyFields) {
    const value = fieldValue(events.fields.get(field), row);
    if (value === undefined || value === null) return null;
    values.push(typeof value === 'bigint' ? { int64: `${value}` } : value);
  }
  return JSON.stringify(values);
}

export function parseKey(key: string): Literal[] {
  const values: (Literal | { int64: string })[] = JSON.parse(key);
  return values.map((value) => (typeof value === 'object' && value !== null ? BigInt(value.int64) : value));
}

export function meets(atom: Atom, events: EventColumns, row: number): boolean {
  for (const test of atom.tests) if (!test.passes(events.fields.get(test.key), row)) return false;
  return true;
}

/** What the rule's actions are told of this event. */
export function dataOf(
  plan: RulePlan,
  type: string,
  events: EventColumns,
  row: number,
): Record<string, Literal> | null {
  let data: Record<string, Literal> | null = null;
  for (const field of plan.parameterFields) {
    if (field.type !== type) continue;
    data ??= {};
    data[field.key] = fieldValue(events.fields.get(field.key), row) ?? null;
  }
  return data;
}
