import { BadSchemaError } from './value-error.ts';

/** A JSON value whose integers beyond 2^53 are bigint: default values in schemas must not be rounded. */
export type ExactJson = null | boolean | number | bigint | string | ExactJson[] | { [name: string]: ExactJson };

const maxNesting = 200;

/**
 * JSON.parse for schemas: the same grammar (RFC 8259), but for integers that a double cannot hold, and duplicate names are
 * refused.
 *
 * @throws BadSchemaError saying where.
 */
export function parseExactJson(text: string): ExactJson {
  const parser = new Parser(text);
  return parser.document();
}

class Parser {
  readonly #text: string;
  #at = 0;
  #nesting = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): ExactJson {
    const value = this.#value();
    if (this.#peek() !== '') this.#fail('the end');
    return value;
  }

  #value(): ExactJson {
    if (++this.#nesting > maxNesting) throw new BadSchemaError(`expected at most ${maxNesting} levels of JSON`);
    const value = this.#anyValue();
    this.#nesting--;
    return value;
  }

  #anyValue(): ExactJson {
    const char = this.#peek();
    if (char === '{') return this.#object();
    if (char === '[') return this.#array();
    if (char === '"') return this.#string();
    if (this.#take(/true/y)) return true;
    if (this.#take(/false/y)) return false;
    if (this.#take(/null/y)) return null;
    return this.#number();
  }

  #object(): ExactJson {
    const entries = new Map<string, ExactJson>();
    this.#at++;
    if (this.#skip('}')) return {};
    do {
      if (this.#peek() !== '"') this.#fail('a name in quotes');
      const name = this.#string();
      if (!this.#skip(':')) this.#fail('":"');
      if (entries.has(name)) throw new BadSchemaError(`the name ${JSON.stringify(name)} is there twice`);
      entries.set(name, this.#value());
    } while (this.#skip(','));
    if (!this.#skip('}')) this.#fail('"," or "}"');
    return Object.fromEntries(entries);
  }

  #array(): ExactJson[] {
    const items: ExactJson[] = [];
    this.#at++;
    if (this.#skip(']')) return items;
    do items.push(this.#value());
    while (this.#skip(','));
    if (!this.#skip(']')) this.#fail('"," or "]"');
    return items;
  }

  #string(): string {
    const raw = this.#take(/"(?:[^"\\]|\\.)*"/sy);
    if (raw === null) this.#fail('a closed string');
    try {
      return JSON.parse(raw) as string;
    } catch {
      return this.#fail('a valid string');
    }
  }

  #number(): number | bigint {
    const raw = this.#take(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y);
    if (raw === null) return this.#fail('a value');
    const value = Number(raw);
    return /^-?\d+$/.test(raw) && !Number.isSafeInteger(value) ? BigInt(raw) : value;
  }

  #peek(): string {
    this.#take(/[ \t\r\n]+/y);
    return this.#text[this.#at] ?? '';
  }

  #skip(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#at++;
    return true;
  }

  #take(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return null;
    this.#at += match[0].length;
    return match[0];
  }

  #fail(expected: string): never {
    throw new BadSchemaError(`expected ${expected} at character ${this.#at} of the JSON text`);
  }
}
