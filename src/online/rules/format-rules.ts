import type { Action, Condition, FieldPath, Literal, Rule, Step } from './rule-ast.ts';
import { keywords } from './rule-grammar.ts';

/** The program as it is usually written: one clause a line, keywords in capitals. Reads back as the same rules; comments are lost. */
export function formatRules(rules: readonly Rule[]): string {
  return `${rules.map(formatRule).join('\n\n')}\n`;
}

export function formatRule(rule: Rule): string {
  const { steps, within, forEach, latenessMs, afterMatch, actions } = rule;
  return [
    ...(rule.isNamed ? [`RULE ${name(rule.name)}`] : []),
    `WHEN ${formatStep(steps[0]!)}`,
    ...steps.slice(1).map((step) => `  ${step.isNegated ? 'NOT ' : ''}FOLLOWED-BY ${formatStep(step)}`),
    ...(within ? [`WITHIN ${within.kind === 'tumbling' ? 'TUMBLING ' : ''}${formatDuration(within.ms)}`] : []),
    ...(forEach.length > 0 ? [`FOR EACH ${forEach.map((path) => path.map(name).join('.')).join(', ')}`] : []),
    ...(latenessMs > 0 ? [`ALLOW LATENESS ${formatDuration(latenessMs)}`] : []),
    ...(afterMatch === 'no-skip' ? ['AFTER MATCH NO SKIP'] : []),
    ...(afterMatch === 'skip-to-last' ? ['AFTER MATCH SKIP TO LAST EVENT'] : []),
    `ACTION ${actions.map(formatAction).join(', ')}`,
  ].join('\n');
}

export function formatStep({ condition, repetition: { count, isAtLeast } }: Step): string {
  const times = isAtLeast ? `AT LEAST ${count} TIMES ` : count > 1 ? `${count} TIMES ` : '';
  return `${times}${formatCondition(condition)}`;
}

export function formatCondition(condition: Condition): string {
  switch (condition.kind) {
    case 'and':
      return condition.of.map((part) => inGroup(part, ['and', 'or'])).join(' AND ');
    case 'or':
      return condition.of.map((part) => inGroup(part, ['or'])).join(' OR ');
    case 'not':
      return `NOT ${inGroup(condition.of, ['and', 'or'])}`;
    case 'event':
      return name(condition.type);
    case 'compare':
      return `${formatField(condition.field)} ${operatorNames[condition.operator] ?? condition.operator} ${formatLiteral(condition.value)}`;
    case 'in':
      return `${formatField(condition.field)} IN (${condition.values.map(formatLiteral).join(', ')})`;
    case 'matches':
      return `${formatField(condition.field)} MATCHES ${formatLiteral(condition.pattern)}`;
    case 'exists':
      return `${formatField(condition.field)} EXISTS`;
  }
}

const operatorNames: Record<string, string> = { '=': 'EQUALS', '!=': 'NOT EQUALS' };

function inGroup(condition: Condition, kinds: string[]): string {
  const text = formatCondition(condition);
  return kinds.includes(condition.kind) ? `(${text})` : text;
}

function formatAction({ name: called, parameters, target }: Action): string {
  const values = parameters.map(
    (parameter) =>
      `${name(parameter.name)} = ${'field' in parameter.value ? formatField(parameter.value.field) : formatLiteral(parameter.value.literal)}`,
  );
  return `${name(called)}${values.length > 0 ? `(${values.join(', ')})` : ''}${formatTarget(target)}`;
}

function formatTarget(target: Action['target']): string {
  switch (target.kind) {
    case 'none':
      return '';
    case 'topic':
      return ` TO TOPIC ${formatLiteral(target.topic)}`;
    case 'http':
      return ` TO HTTP ${formatLiteral(target.url)}`;
    case 'redis':
      return ` TO REDIS ${formatLiteral(target.key)}`;
    default:
      return ` TO ${target.kind.toUpperCase()}`;
  }
}

export function formatField({ type, path }: FieldPath): string {
  return [type, ...path].map(name).join('.');
}

export function formatLiteral(value: Literal): string {
  if (typeof value !== 'string') return String(value);
  const escaped = value.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n').replace(/\r/g, '\\r').replace(/\t/g, '\\t');
  return `"${escaped}"`;
}

const units: [ms: number, name: string][] = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
  [1000, 'second'],
  [1, 'millisecond'],
];

/** In the largest unit that divides it. */
export function formatDuration(ms: number): string {
  const [size, unit] = units.find(([candidate]) => ms % candidate === 0)!;
  const count = ms / size;
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** In backquotes where it is not a word, or is a word of the language. */
function name(text: string): string {
  return /^[\p{L}_][\p{L}\d_]*$/u.test(text) && !keywords.has(text.toLowerCase()) ? text : `\`${text}\``;
}
