import type { FieldColumn } from './event-columns.ts';
import type { Literal } from './rule-ast.ts';

/** What is known of the values of one dictionary, an entry for each: a number, and the codes of the other fields that it was found with. */
interface Entries {
  generation: number;
  /** Dictionaries of the other fields. */
  others: Literal[][];
  ints: Int32Array;
}

/**
 * Numbers of FOR EACH values by the codes of dictionaries, so that the values themselves are looked at once. Of several fields, that with the most
 * values leads, and the last combination is remembered for each of its values: a user has a country, and keeps it.
 */
export class KnownKeys {
  readonly #byDictionary = new WeakMap<Literal[], Entries>();
  #codes: Int32Array = new Int32Array(0);
  #otherCodes: Int32Array[] = [];
  #entries: Int32Array = new Int32Array(0);
  #width = 1;

  /** From then on rows are those of these columns; whether all have dictionaries, so that `get` and `set` may be used. Numbers of another generation are forgotten. */
  bind(columns: readonly (FieldColumn | undefined)[], generation: number): boolean {
    const coded = columns.filter((column) => column !== undefined && 'codes' in column);
    if (coded.length === 0 || coded.length < columns.length) return false;
    coded.sort((a, b) => b.values.length - a.values.length);
    const [lead, ...others] = coded as [(typeof coded)[number], ...typeof coded];
    this.#width = coded.length;
    this.#codes = lead.codes;
    this.#otherCodes = others.map(({ codes }) => codes);
    this.#entries = this.#entriesOf(
      lead.values,
      others.map(({ values }) => values),
      generation,
    );
    return true;
  }

  /** The number of the row's key; 0: not known, -1: there is none. */
  get(row: number): number {
    const code = this.#codes[row]!;
    if (code < 0) return -1;
    const at = code * this.#width;
    const others = this.#otherCodes;
    for (let i = 0; i < others.length; i++) if (this.#entries[at + 1 + i] !== others[i]![row]) return 0;
    return this.#entries[at]!;
  }

  set(row: number, id: number): void {
    const at = this.#codes[row]! * this.#width;
    const others = this.#otherCodes;
    this.#entries[at] = id;
    for (let i = 0; i < others.length; i++) this.#entries[at + 1 + i] = others[i]![row]!;
  }

  #entriesOf(lead: Literal[], others: Literal[][], generation: number): Int32Array {
    let known = this.#byDictionary.get(lead);
    const isSame = known?.generation === generation && known.others.every((values, i) => values === others[i]);
    if (!known || !isSame) {
      known = { generation, others, ints: new Int32Array(Math.max(16, lead.length * 2) * this.#width) };
      this.#byDictionary.set(lead, known);
    }
    if (known.ints.length < lead.length * this.#width) {
      const ints = new Int32Array(lead.length * 2 * this.#width);
      ints.set(known.ints);
      known.ints = ints;
    }
    return known.ints;
  }
}
