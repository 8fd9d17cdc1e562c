import type { BatchMatches } from './batch-matches.ts';
import type { EventColumns } from './event-columns.ts';
import { fieldKey } from './event-columns.ts';
import { FieldTests } from './field-tests.ts';
import type { HitColumns } from './hit-columns.ts';
import type { Atom } from './rule-plan.ts';
import type { SimpleTest } from './step-alternatives.ts';

/** An atom of a rule, by its place in the program. */
export interface RuleAtom {
  rule: number;
  atom: Atom;
}

/**
 * Finds the atoms that events of one type meet. All atoms of the type are tested at once, a bit each: a row costs a look-up
 * for each field that any of them tests, however many rules there are.
 */
export class TypeMatcher {
  readonly type: string;
  /** Its place among the types that rules know. */
  readonly index: number;
  /** Words of 32 bits that hold a bit for each atom. */
  readonly width: number;
  /** By atom: its rule, and its bit there. */
  readonly #rules: Int32Array;
  readonly #ruleBits: Int32Array;
  /** A bit for each atom, and none beyond them. */
  readonly #all: Int32Array;
  readonly #fields: FieldTests[];

  /** `atoms` in the order of their rules. */
  constructor(type: string, index: number, atoms: readonly RuleAtom[]) {
    this.type = type;
    this.index = index;
    this.width = Math.ceil(atoms.length / 32);
    this.#rules = Int32Array.from(atoms, ({ rule }) => rule);
    this.#ruleBits = Int32Array.from(atoms, ({ atom }) => atom.bit);
    this.#all = new Int32Array(this.width).fill(-1);
    if (atoms.length % 32 !== 0) this.#all[this.width - 1] = (1 << (atoms.length % 32)) - 1;
    const byField = new Map<string, { atom: number; test: SimpleTest }[]>();
    atoms.forEach(({ atom }, i) => {
      for (const test of atom.tests) {
        const key = fieldKey(test.condition.field.path);
        byField.set(key, [...(byField.get(key) ?? []), { atom: i, test }]);
      }
    });
    this.#fields = [...byField].map(([key, tests]) => new FieldTests(key, this.width, tests));
  }

  get fieldKeys(): string[] {
    return this.#fields.map(({ key }) => key);
  }

  /** Writes the atoms that these rows of the batch meet. */
  match({ fields }: EventColumns, rows: Int32Array, matches: BatchMatches): void {
    for (let word = 0; word < this.width; word++) {
      const all = this.#all[word]!;
      for (let i = 0; i < rows.length; i++) matches.words[rows[i]! * matches.width + word] = all;
    }
    for (const field of this.#fields) field.match(fields.get(field.key), rows, matches);
  }

  /** Writes the rules that a row of the type concerns, in the order of the program, and by which of their atoms; says where the next row's go. */
  hitsOf(row: number, matches: BatchMatches, { rules, masks }: HitColumns, at: number): number {
    let next = at;
    for (let word = 0; word < this.width; word++) {
      let bits = matches.words[row * matches.width + word]!;
      while (bits !== 0) {
        const atom = word * 32 + 31 - Math.clz32(bits & -bits);
        bits &= bits - 1;
        const rule = this.#rules[atom]!;
        if (next > at && rules[next - 1] === rule) masks[next - 1] = masks[next - 1]! | this.#ruleBits[atom]!;
        else {
          rules[next] = rule;
          masks[next++] = this.#ruleBits[atom]!;
        }
      }
    }
    return next;
  }
}
