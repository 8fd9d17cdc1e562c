import type { Condition } from './rule-ast.ts';
import { RuleError } from './rule-error.ts';

/** A condition on one event: all of `tests` hold for an event of the type. */
export interface EventTest {
  type: string;
  tests: SimpleTest[];
}

export type SimpleTest = {
  condition: Extract<Condition, { kind: 'compare' | 'in' | 'matches' | 'exists' }>;
  isNegated: boolean;
};

/** One way in which a step can happen: one event for each of `positives`, in any order, and none of `absents` before the last. */
export interface Alternative {
  positives: EventTest[];
  absents: EventTest[];
}

const maxAlternatives = 64;

type Leaf = { kind: 'event'; type: string; isNegated: boolean } | { kind: 'test'; type: string; test: SimpleTest };

/**
 * The ways in which a step can happen, as written: the disjunctive normal form. Conditions on one type in a conjunction
 * speak of one event; those on different types of different events.
 *
 * `NOT` before a comparison whose type also occurs positively tests that same event; any other NOT says that no such
 * event happens between the step before and the completion of this one.
 */
export function alternativesOf(condition: Condition, text: string): Alternative[] {
  const conjunctions = normalize(condition, false);
  if (conjunctions.length > maxAlternatives) {
    const problem = `expected at most ${maxAlternatives} ways in which a step can happen, found ${conjunctions.length}`;
    throw new RuleError(text, condition.span, problem, 'split the rule into several');
  }
  return conjunctions.map(alternativeOf);
}

function normalize(condition: Condition, isNegated: boolean): Leaf[][] {
  switch (condition.kind) {
    case 'not':
      return normalize(condition.of, !isNegated);
    case 'and':
    case 'or': {
      const parts = condition.of.map((part) => normalize(part, isNegated));
      // De Morgan: a negated AND is an OR of the negated parts.
      const isOr = (condition.kind === 'or') !== isNegated;
      return isOr ? parts.flat() : parts.reduce(product);
    }
    case 'event':
      return [[{ kind: 'event', type: condition.type, isNegated }]];
    default:
      return [[{ kind: 'test', type: condition.field.type, test: { condition, isNegated } }]];
  }
}

function product(left: Leaf[][], right: Leaf[][]): Leaf[][] {
  // The bound keeps hostile programs from growing exponentially; the caller refuses them.
  return left.flatMap((a) => right.map((b) => [...a, ...b])).slice(0, maxAlternatives * 2);
}

function alternativeOf(leaves: Leaf[]): Alternative {
  const positives = new Map<string, EventTest>();
  const happens = (leaf: Leaf): boolean => (leaf.kind === 'event' ? !leaf.isNegated : !leaf.test.isNegated);
  for (const leaf of leaves.filter(happens)) {
    if (!positives.has(leaf.type)) positives.set(leaf.type, { type: leaf.type, tests: [] });
    if (leaf.kind === 'test') positives.get(leaf.type)!.tests.push(leaf.test);
  }
  const absents: EventTest[] = [];
  for (const leaf of leaves.filter((candidate) => !happens(candidate))) {
    const same = positives.get(leaf.type);
    if (leaf.kind === 'test' && same) same.tests.push(leaf.test);
    else if (leaf.kind === 'test') absents.push({ type: leaf.type, tests: [{ ...leaf.test, isNegated: false }] });
    else absents.push({ type: leaf.type, tests: [] });
  }
  return { positives: [...positives.values()], absents };
}
