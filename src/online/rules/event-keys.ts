import { type EventColumns, fieldValue } from './event-columns.ts';
import type { Literal } from './rule-ast.ts';
import type { RulePlan } from './rule-plan.ts';

/** A FOR EACH value as text: a letter for its type, and the value. */
export function textOfValue(value: string | number | bigint | boolean): string {
  return letterOf(value) + String(value);
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

export function parseValue(text: string): string | number | bigint | boolean {
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

/** The text of one of several values, which may hold anything: with its length in front. */
export function withLength(text: string): string {
  return `${text.length}:${text}`;
}

export function parseValues(text: string): Literal[] {
  const values: Literal[] = [];
  for (let at = 0; at < text.length; ) {
    const colon = text.indexOf(':', at);
    const end = colon + 1 + Number(text.slice(at, colon));
    values.push(parseValue(text.slice(colon + 1, end)));
    at = end;
  }
  return values;
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
