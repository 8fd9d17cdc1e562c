import type { EventColumns } from './event-columns.ts';
import type { RowTest } from './field-test.ts';
import type { Atom } from './rule-plan.ts';

/** An atom of a rule, by its place in the program. */
export interface RuleAtom {
  rule: number;
  atom: Atom;
}

/** Which rules an event concerns, and by which of their atoms. Reused from row to row. */
export interface Hits {
  rules: number[];
  /** By rule; 0 for those that are not in `rules`. */
  masks: Int32Array;
}

interface Candidate {
  rule: number;
  bit: number;
  /** What is left to be tested. */
  tests: RowTest[];
}

/** Atoms with a test on one dictionary column: by code, those whose test the value passes. Made as values are met. */
interface Access {
  codes: Int32Array;
  byCode: (Candidate[] | undefined)[];
  all: { test: (code: number) => boolean; candidate: Candidate }[];
}

/**
 * Finds the atoms that an event of one type meets, for the columns of one batch. Atoms are looked up by the value of a column that they
 * test, so an event costs about as much as the atoms that it nearly meets, however many rules there are.
 */
export class TypeMatcher {
  readonly #always: Candidate[] = [];
  readonly #accesses: Access[] = [];

  constructor(atoms: readonly RuleAtom[], { fields }: EventColumns) {
    const accesses = new Map<string, Access>();
    for (const { rule, atom } of atoms) {
      const index = atom.tests.findIndex((test) => !test.passesAbsent && 'codes' in (fields.get(test.key) ?? {}));
      const rest = atom.tests.filter((_test, i) => i !== index);
      const candidate = { rule, bit: atom.bit, tests: rest.map((test) => test.bind(fields.get(test.key))) };
      const test = atom.tests[index];
      const column = test && fields.get(test.key);
      if (!test || !column || !('codes' in column)) {
        this.#always.push(candidate);
        continue;
      }
      let access = accesses.get(test.key);
      if (!access) {
        access = { codes: column.codes, byCode: new Array(column.values.length), all: [] };
        accesses.set(test.key, access);
        this.#accesses.push(access);
      }
      access.all.push({ test: (code) => test.passesValue(column.values[code]), candidate });
    }
  }

  /** `hits` comes and goes empty: the caller clears it. */
  match(row: number, hits: Hits): void {
    for (const candidate of this.#always) take(candidate, row, hits);
    for (const access of this.#accesses) {
      const code = access.codes[row]!;
      if (code < 0) continue;
      const candidates = access.byCode[code] ?? candidatesOf(access, code);
      for (const candidate of candidates) take(candidate, row, hits);
    }
  }
}

function candidatesOf(access: Access, code: number): Candidate[] {
  const candidates = access.all.filter(({ test }) => test(code)).map(({ candidate }) => candidate);
  access.byCode[code] = candidates;
  return candidates;
}

function take({ rule, bit, tests }: Candidate, row: number, { rules, masks }: Hits): void {
  for (let i = 0; i < tests.length; i++) if (!tests[i]!(row)) return;
  if (masks[rule] === 0) rules.push(rule);
  masks[rule] = masks[rule]! | bit;
}
