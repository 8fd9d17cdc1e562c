import { type FieldColumn, fieldKey } from './event-columns.ts';
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

/** Says whether a row of a batch passes. */
export type RowTest = (row: number) => boolean;

const fails = 1;
const passes = 2;

/** A test on one field, which remembers what it said of each entry of a dictionary. */
export class ColumnTest {
  readonly key: string;
  readonly #test: ValueTest;
  readonly #ofAbsent: boolean;
  #values: Literal[] | null = null;
  /** By code: 0 not known yet. */
  #verdicts = new Uint8Array(0);

  constructor(test: SimpleTest) {
    this.key = fieldKey(test.condition.field.path);
    this.#test = valueTest(test);
    this.#ofAbsent = this.#test(undefined);
  }

  /** Whether an event without the field passes. */
  get passesAbsent(): boolean {
    return this.#ofAbsent;
  }

  passesValue(value: Literal | undefined): boolean {
    return this.#test(value);
  }

  /** The test for the rows of one batch. */
  bind(column: FieldColumn | undefined): RowTest {
    const [test, ofAbsent] = [this.#test, this.#ofAbsent];
    if (column === undefined) return () => ofAbsent;
    if ('numbers' in column) {
      const { numbers } = column;
      return (row) => {
        const number = numbers[row]!;
        return Number.isNaN(number) ? ofAbsent : test(number);
      };
    }
    const { codes, values } = column;
    const verdicts = this.#verdictsOf(values);
    return (row) => {
      const code = codes[row]!;
      if (code < 0) return ofAbsent;
      const verdict = verdicts[code]!;
      if (verdict !== 0) return verdict === passes;
      const isPassed = test(values[code]);
      verdicts[code] = isPassed ? passes : fails;
      return isPassed;
    };
  }

  #verdictsOf(values: Literal[]): Uint8Array {
    if (values === this.#values && values.length <= this.#verdicts.length) return this.#verdicts;
    const verdicts = new Uint8Array(Math.max(16, values.length * 2));
    if (values === this.#values) verdicts.set(this.#verdicts);
    this.#values = values;
    this.#verdicts = verdicts;
    return verdicts;
  }
}
