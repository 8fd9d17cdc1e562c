import type { ComparisonOperator, Literal } from './rule-ast.ts';
import type { SimpleTest } from './step-alternatives.ts';

/** Says whether a value passes; `undefined` is a field that is not there. */
export type ValueTest = (value: Literal | undefined) => boolean;

/**
 * Values are equal when they have the same JSON type and value; numbers compare with numbers (int64 exactly), texts with
 * texts by code unit. A comparison of different types, or with a field that is not there, is false, and so its NOT is true:
 * `x != 1` and `NOT x = 1` are the same.
 */
export function valueTest({ condition, isNegated }: SimpleTest): ValueTest {
  const test = positiveTest(condition);
  return isNegated ? (value) => !test(value) : test;
}

function positiveTest(condition: SimpleTest['condition']): ValueTest {
  switch (condition.kind) {
    case 'compare':
      return comparison(condition.operator, condition.value);
    case 'in': {
      const tests = condition.values.map((value) => comparison('=', value));
      return (value) => tests.some((test) => test(value));
    }
    case 'matches': {
      const pattern = new RegExp(condition.pattern, 'u');
      return (value) => typeof value === 'string' && pattern.test(value);
    }
    case 'exists':
      return (value) => value !== undefined && value !== null;
  }
}

function comparison(operator: ComparisonOperator, literal: Literal): ValueTest {
  switch (operator) {
    case '=':
      return (value) => areEqual(value, literal);
    case '!=':
      return (value) => !areEqual(value, literal);
    case '<':
      return ordered(literal, (order) => order < 0);
    case '<=':
      return ordered(literal, (order) => order <= 0);
    case '>':
      return ordered(literal, (order) => order > 0);
    case '>=':
      return ordered(literal, (order) => order >= 0);
  }
}

const isNumeric = (value: unknown): boolean => typeof value === 'number' || typeof value === 'bigint';

function areEqual(value: Literal | undefined, literal: Literal): boolean {
  // biome-ignore lint/suspicious/noDoubleEquals: 1n == 1 compares a number and a bigint by value.
  return value === literal || (isNumeric(value) && isNumeric(literal) && value == literal);
}

function ordered(literal: Literal, test: (order: number) => boolean): ValueTest {
  return (value) => {
    const isComparable =
      (isNumeric(value) && isNumeric(literal)) || (typeof value === 'string' && typeof literal === 'string');
    if (!isComparable) return false;
    const [a, b] = [value as number, literal as number]; // of one kind, whichever it is
    return test(a < b ? -1 : a > b ? 1 : 0);
  };
}
