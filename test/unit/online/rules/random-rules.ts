// Random programs and random logs, from a seed.
import type { Condition, FieldPath, Literal, Rule, Step } from '../../../../src/online/rules/rule-ast.ts';
import type { OracleEvent } from './rule-oracle.ts';

export type Random = () => number;

const span = { start: 0, end: 0 };
const types = ['A', 'B', 'C', 'D'];
const int = (random: Random, below: number): number => Math.floor(random() * below);
const pick = <T>(random: Random, list: readonly T[]): T => list[int(random, list.length)]!;
const chance = (random: Random, p: number): boolean => random() < p;

export function randomRule(random: Random, name: string): Rule {
  const count = 1 + int(random, 3);
  const steps: Step[] = [];
  for (let i = 0; i < count; i++) {
    if (i > 0 && chance(random, 0.3)) {
      steps.push({
        condition: randomCondition(random, 0),
        repetition: { count: 1, isAtLeast: false },
        isNegated: true,
        span,
      });
    }
    const repetition = chance(random, 0.25)
      ? { count: 1 + int(random, 3), isAtLeast: chance(random, 0.4) }
      : { count: 1, isAtLeast: false };
    steps.push({ condition: randomCondition(random, 2), repetition, isNegated: false, span });
  }
  if (chance(random, 0.25)) {
    steps.push({
      condition: randomCondition(random, 0),
      repetition: { count: 1, isAtLeast: false },
      isNegated: true,
      span,
    });
  }
  return {
    name,
    isNamed: true,
    steps,
    within: chance(random, 0.75)
      ? { kind: chance(random, 0.3) ? 'tumbling' : 'sliding', ms: 1000 * (1 + int(random, 30)) }
      : null,
    forEach: chance(random, 0.5) ? [['k']] : [],
    latenessMs: pick(random, [0, 0, 2000, 10_000]),
    afterMatch: pick(random, ['skip-past-last', 'skip-past-last', 'skip-to-last', 'no-skip']),
    actions: [{ name: 'Act', parameters: [], target: { kind: 'none' }, span }],
    span,
  };
}

function randomCondition(random: Random, depth: number): Condition {
  if (depth > 0 && chance(random, 0.6)) {
    const of = Array.from({ length: 2 + int(random, 2) }, () => randomCondition(random, depth - 1));
    return { kind: chance(random, 0.5) ? 'and' : 'or', of, span };
  }
  if (depth > 0 && chance(random, 0.2)) return { kind: 'not', of: randomCondition(random, depth - 1), span };
  const type = pick(random, types);
  const field: FieldPath = { type, path: [pick(random, ['x', 's'])], span };
  const value: Literal = field.path[0] === 'x' ? int(random, 4) : pick(random, ['red', 'green', 'a "b"\n']);
  switch (int(random, 5)) {
    case 0:
      return { kind: 'compare', field, operator: pick(random, ['=', '!=', '<', '<=', '>', '>=']), value, span };
    case 1:
      return { kind: 'in', field, values: [value, 'red'], span };
    case 2:
      return { kind: 'matches', field, pattern: '^r|e$', span };
    case 3:
      return { kind: 'exists', field, span };
    default:
      return { kind: 'event', type, span };
  }
}

/** Times rise with a jitter, so events come out of order and some are late; many share a moment. */
export function randomLog(random: Random): OracleEvent[][] {
  const partitions = 1 + int(random, 3);
  return Array.from({ length: partitions }, (_, partition) => {
    let timeMs = 1_000_000;
    let offset = int(random, 5);
    return Array.from({ length: 10 + int(random, 50) }, (): OracleEvent => {
      timeMs += 500 * int(random, 6);
      offset += 1 + (chance(random, 0.1) ? int(random, 4) : 0);
      const fields: Record<string, Literal> = {};
      if (chance(random, 0.8)) fields.x = int(random, 4);
      if (chance(random, 0.8)) fields.s = pick(random, ['red', 'green', 'blue']);
      if (chance(random, 0.9)) fields.k = int(random, 3);
      const jitter = chance(random, 0.3) ? 500 * int(random, 12) : 0;
      return {
        topic: 't',
        partition,
        offset,
        timeMs: timeMs - jitter,
        type: chance(random, 0.95) ? pick(random, types) : null,
        fields,
      };
    });
  });
}
