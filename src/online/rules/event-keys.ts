import { type EventColumns, fieldValue } from './event-columns.ts';
import type { Literal } from './rule-ast.ts';
import type { RulePlan } from './rule-plan.ts';

/**
 * The FOR EACH values of an event as one text; null when one of them is missing, and then the rule does not see the event.
 * One field is the usual case and has a short form: a letter for the type and the value.
 */
export function keyOf({ keyFields }: RulePlan, events: EventColumns, row: number): string | null {
  if (keyFields.length === 0) return '';
  if (keyFields.length === 1) {
    const value = fieldValue(events.fields.get(keyFields[0]!), row);
    return value === undefined || value === null ? null : letterOf(value) + String(value);
  }
  const values: string[] = [];
  for (const field of keyFields) {
    const value = fieldValue(events.fields.get(field), row);
    if (value === undefined || value === null) return null;
    values.push(letterOf(value) + String(value));
  }
  return JSON.stringify(values);
}

export function parseKey({ keyFields }: RulePlan, key: string): Literal[] {
  if (keyFields.length === 0) return [];
  if (keyFields.length === 1) return [parseValue(key)];
  return (JSON.parse(key) as string[]).map(parseValue);
}

function letterOf(value: string | number | bigint | boolean): string {
  switch (typeof value) {
    case 'string':
      return 's';
    case 'number':
      return 'n';
    case 'bigint':
      return 'i';
    default:
      return 'b';
  }
}

function parseValue(text: string): Literal {
  const rest = text.slice(1);
  switch (text[0]) {
    case 's':
      return rest;
    case 'n':
      return Number(rest);
    case 'i':
      return BigInt(rest);
    default:
      return rest === 'true';
  }
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
