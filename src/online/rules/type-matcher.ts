import type { EventColumns } from './event-columns.ts';
import { fieldKey } from './event-columns.ts';
import { FieldTests } from './field-tests.ts';
import type { Atom } from './rule-plan.ts';
import type { SimpleTest } from './step-alternatives.ts';

/** An atom of a rule, by its place in the program. */
export interface RuleAtom {
  rule: number;
  atom: Atom;
}

/** Which rules an event concerns, in the order of the program, and by which of their atoms. Written over from row to row. */
export interface Hits {
  rules: Int32Array;
  masks: Int32Array;
}

/**
 * Finds the atoms that an event of one type meets. All atoms of the type are tested at once, a bit each: a row costs a look-up
 * for each field that any of them tests, however many rules there are.
 */
export class TypeMatcher {
  readonly type: string;
  /** Its place among the types that rules know. */
  readonly index: number;
  readonly #atoms: readonly RuleAtom[];
  /** A bit for each atom, and none beyond them. */
  readonly #all: Int32Array;
  readonly #fields: FieldTests[];

  /** `atoms` in the order of their rules. */
  constructor(type: string, index: number, atoms: readonly RuleAtom[]) {
    this.type = type;
    this.index = index;
    this.#atoms = atoms;
    const words = Math.ceil(atoms.length / 32);
    this.#all = new Int32Array(words).fill(-1);
    if (atoms.length % 32 !== 0) this.#all[words - 1] = (1 << (atoms.length % 32)) - 1;
    const byField = new Map<string, { atom: number; test: SimpleTest }[]>();
    atoms.forEach(({ atom }, i) => {
      for (const test of atom.tests) {
        const key = fieldKey(test.condition.field.path);
        byField.set(key, [...(byField.get(key) ?? []), { atom: i, test }]);
      }
    });
    this.#fields = [...byField].map(([key, tests]) => new FieldTests(key, words, tests));
  }

  get fieldKeys(): string[] {
    return this.#fields.map(({ key }) => key);
  }

  /** From then on rows are those of this batch. */
  bind({ fields }: EventColumns): void {
    for (const field of this.#fields) field.bind(fields.get(field.key));
  }

  /** Writes the rules that the row concerns, and says how many there are. */
  match(row: number, { rules, masks }: Hits): number {
    const fields = this.#fields;
    let count = 0;
    for (let word = 0; word < this.#all.length; word++) {
      let bits = this.#all[word]!;
      for (let i = 0; i < fields.length && bits !== 0; i++) bits &= fields[i]!.standing(row, word);
      while (bits !== 0) {
        const { rule, atom } = this.#atoms[word * 32 + 31 - Math.clz32(bits & -bits)]!;
        bits &= bits - 1;
        if (count > 0 && rules[count - 1] === rule) masks[count - 1] = masks[count - 1]! | atom.bit;
        else {
          rules[count] = rule;
          masks[count++] = atom.bit;
        }
      }
    }
    return count;
  }
}
