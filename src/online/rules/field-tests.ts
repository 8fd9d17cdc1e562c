import type { BatchMatches } from './batch-matches.ts';
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

/**
 * All tests that the atoms of one type make on one field. Says of rows which of those atoms they leave standing, as words of
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

  /** Strikes out the atoms that these rows do not meet by their values in this column; undefined: the batch has no such column. */
  match(column: FieldColumn | undefined, rows: Int32Array, matches: BatchMatches): void {
    for (let word = 0; word < this.#words; word++) {
      if (column === undefined) this.#matchAbsent(rows, word, matches);
      else if ('numbers' in column) this.#matchNumbers(column.numbers, rows, word, matches);
      else this.#matchCodes(column.codes, column.values, rows, word, matches);
    }
  }

  #matchAbsent(rows: Int32Array, word: number, { words, width }: BatchMatches): void {
    const absent = this.#absent[word]!;
    for (let i = 0; i < rows.length; i++) {
      const at = rows[i]! * width + word;
      words[at] = words[at]! & absent;
    }
  }

  #matchNumbers(numbers: Float64Array, rows: Int32Array, word: number, { words, width }: BatchMatches): void {
    const absent = this.#absent[word]!;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      const at = row * width + word;
      const number = numbers[row]!;
      const standing = Number.isNaN(number)
        ? absent
        : this.#rangeWords[this.#ranges.rangeOf(number) * this.#words + word]!;
      words[at] = words[at]! & standing;
    }
  }

  #matchCodes(codes: Int32Array, values: Literal[], rows: Int32Array, word: number, matches: BatchMatches): void {
    const { words, width } = matches;
    const absent = this.#absent[word]!;
    const known = this.#verdictsOf(values);
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      const at = row * width + word;
      const code = codes[row]!;
      if (code >= 0 && known.isKnown[code] === 0) {
        this.#judge(values[code], known.words, code * this.#words);
        known.isKnown[code] = 1;
      }
      words[at] = words[at]! & (code < 0 ? absent : known.words[code * this.#words + word]!);
    }
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
