import type { FieldColumn } from './event-columns.ts';
import { NumericRanges } from './numeric-ranges.ts';
import type { Literal } from './rule-ast.ts';
import type { SimpleTest } from './step-alternatives.ts';
import { type ValueTest, valueTest } from './value-test.ts';

/** A test, and the place of its atom among those of its type. */
interface AtomTest {
  atom: number;
  test: ValueTest;
}

/** What is known of the entries of one dictionary. */
interface Verdicts {
  isKnown: Uint8Array;
  words: Int32Array;
}

const noCodes = new Int32Array(0);
const noNumbers = new Float64Array(0);

/**
 * All tests that the atoms of one type make on one field. Says of a row which of those atoms it leaves standing, as words of
 * 32 bits: looked up by dictionary code, or by the range in which a number lies.
 */
export class FieldTests {
  readonly key: string;
  readonly #words: number;
  readonly #tests: AtomTest[] = [];
  readonly #absent: Int32Array;
  /** Dictionaries live as long as the partition that brings them. */
  readonly #verdicts = new WeakMap<Literal[], Verdicts>();
  readonly #ranges: NumericRanges;
  readonly #rangeWords: Int32Array;
  #kind: 'absent' | 'codes' | 'numbers' = 'absent';
  #codes: Int32Array = noCodes;
  #numbers: Float64Array = noNumbers;
  #values: Literal[] = [];
  #bound: Verdicts = { isKnown: new Uint8Array(0), words: new Int32Array(0) };

  /** `words`: how many of them hold a bit for each atom of the type. */
  constructor(key: string, words: number, tests: readonly { atom: number; test: SimpleTest }[]) {
    this.key = key;
    this.#words = words;
    for (const { atom, test } of tests) this.#tests.push({ atom, test: valueTest(test) });
    this.#absent = new Int32Array(words);
    this.#judge(undefined, this.#absent, 0);
    this.#ranges = new NumericRanges(tests.flatMap(({ test }) => boundsOf(test)));
    this.#rangeWords = new Int32Array(this.#ranges.count * words);
    for (let range = 0; range < this.#ranges.count; range++)
      this.#judge(this.#ranges.sample(range), this.#rangeWords, range * words);
  }

  /** From then on rows are those of this column; undefined: the batch has no such column. */
  bind(column: FieldColumn | undefined): void {
    if (column === undefined) this.#kind = 'absent';
    else if ('numbers' in column) {
      this.#kind = 'numbers';
      this.#numbers = column.numbers;
    } else {
      this.#kind = 'codes';
      this.#codes = column.codes;
      this.#values = column.values;
      this.#bound = this.#verdictsOf(column.values);
    }
  }

  /** The atoms of that word that the row leaves standing; those that do not test this field are among them. */
  standing(row: number, word: number): number {
    if (this.#kind === 'codes') {
      const code = this.#codes[row]!;
      if (code < 0) return this.#absent[word]!;
      const { isKnown, words } = this.#bound;
      const at = code * this.#words;
      if (isKnown[code] === 0) {
        this.#judge(this.#values[code], words, at);
        isKnown[code] = 1;
      }
      return words[at + word]!;
    }
    if (this.#kind === 'absent') return this.#absent[word]!;
    const number = this.#numbers[row]!;
    if (Number.isNaN(number)) return this.#absent[word]!;
    return this.#rangeWords[this.#ranges.rangeOf(number) * this.#words + word]!;
  }

  #judge(value: Literal | undefined, words: Int32Array, at: number): void {
    for (let word = 0; word < this.#words; word++) words[at + word] = -1;
    for (const { atom, test } of this.#tests) {
      const word = at + (atom >> 5);
      if (!test(value)) words[word] = words[word]! & ~(1 << (atom & 31));
    }
  }

  #verdictsOf(values: Literal[]): Verdicts {
    const known = this.#verdicts.get(values);
    if (known && known.isKnown.length >= values.length) return known;
    const size = Math.max(16, values.length * 2);
    const verdicts = { isKnown: new Uint8Array(size), words: new Int32Array(size * this.#words) };
    if (known) {
      verdicts.isKnown.set(known.isKnown);
      verdicts.words.set(known.words);
    }
    this.#verdicts.set(values, verdicts);
    return verdicts;
  }
}

/** The numbers at which a test may change its mind. */
function boundsOf({ condition }: SimpleTest): number[] {
  const literals = condition.kind === 'compare' ? [condition.value] : condition.kind === 'in' ? condition.values : [];
  return literals.flatMap((value) => (typeof value === 'number' || typeof value === 'bigint' ? [Number(value)] : []));
}
