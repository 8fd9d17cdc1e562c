import { parsePath } from './record-rules.ts';

/**
 * The language of filters:
 *
 *   country in [DE, FR] and amount > 0
 *   not (user.kind = bot or user.id is null)
 *
 * A comparison has a path on its left and a value on its right: a number, a text (a bare word, or in '...' or "..."), true or false. Operators: = == != < <= > >=,
 * in [...], not in [...], is null, is not null, combined by not, and, or and parentheses. A comparison with a field that is missing, null or of another
 * kind than the value is neither true nor false, and neither is its `not`; only records for which the whole is true are loaded.
 */
export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>=';

/** A number keeps its text: digits beyond 2^53 count. */
export type FilterValue = { kind: 'number' | 'string'; text: string } | { kind: 'boolean'; value: boolean };

export type FilterNode =
  | { kind: 'and'; left: FilterNode; right: FilterNode }
  | { kind: 'or'; left: FilterNode; right: FilterNode }
  | { kind: 'not'; of: FilterNode }
  | { kind: 'compare'; path: string[]; operator: Comparison; value: FilterValue }
  | { kind: 'in'; path: string[]; values: FilterValue[]; isNot: boolean }
  | { kind: 'null'; path: string[]; isNot: boolean };

export class FilterTextError extends Error {}

/** @throws FilterTextError with one line: what was expected, what came, where. */
export function parseFilter(text: string): FilterNode {
  const parser = new FilterParser(text);
  const node = parser.or();
  parser.end();
  return node;
}

/** Every path that a filter looks at, in its order. */
export function pathsOf(node: FilterNode): string[][] {
  if (node.kind === 'and' || node.kind === 'or') return [...pathsOf(node.left), ...pathsOf(node.right)];
  return node.kind === 'not' ? pathsOf(node.of) : [node.path];
}

interface Token {
  kind: 'word' | 'quoted' | 'number' | 'symbol' | 'end';
  text: string;
  at: number;
}

const tokenPattern =
  /\s*(?:(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])|('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(<=|>=|!=|==|[=<>()[\],.])|([^\s'"<>=!()[\],.]+))/y;
const keywords = new Set(['and', 'or', 'not', 'in', 'is', 'null', 'true', 'false']);

class FilterParser {
  readonly #text: string;
  readonly #tokens: Token[] = [];
  #index = 0;

  constructor(text: string) {
    this.#text = text;
    tokenPattern.lastIndex = 0;
    for (let at = 0; ; ) {
      if (text.slice(at).trim() === '') break;
      tokenPattern.lastIndex = at;
      const match = tokenPattern.exec(text);
      if (match === null) throw this.#error('a name, a value or an operator', text.slice(at).trim());
      const [whole, number, quoted, symbol, word] = match;
      const kind =
        number !== undefined ? 'number' : quoted !== undefined ? 'quoted' : symbol !== undefined ? 'symbol' : 'word';
      this.#tokens.push({ kind, text: (number ?? quoted ?? symbol ?? word)!, at });
      at += whole.length;
    }
  }

  or(): FilterNode {
    let node = this.#and();
    while (this.#takeWord('or')) node = { kind: 'or', left: node, right: this.#and() };
    return node;
  }

  end(): void {
    if (this.#peek().kind !== 'end') throw this.#unexpected('"and", "or" or the end');
  }

  #and(): FilterNode {
    let node = this.#not();
    while (this.#takeWord('and')) node = { kind: 'and', left: node, right: this.#not() };
    return node;
  }

  #not(): FilterNode {
    if (this.#takeWord('not')) return { kind: 'not', of: this.#not() };
    if (!this.#takeSymbol('(')) return this.#comparison();
    const node = this.or();
    this.#expectSymbol(')');
    return node;
  }

  #comparison(): FilterNode {
    const path = this.#path();
    if (this.#takeWord('is')) {
      const isNot = this.#takeWord('not');
      if (!this.#takeWord('null')) throw this.#unexpected('"null"');
      return { kind: 'null', path, isNot };
    }
    const isNot = this.#takeWord('not');
    if (this.#takeWord('in')) return { kind: 'in', path, values: this.#list(), isNot };
    if (isNot) throw this.#unexpected('"in"');
    const { kind, text } = this.#peek();
    const operator = kind === 'symbol' ? operators[text] : undefined;
    if (operator === undefined) throw this.#unexpected('one of = != < <= > >= in is');
    this.#index++;
    const value = this.#value();
    if (value.kind === 'boolean' && operator !== '=' && operator !== '!=') {
      throw this.#error('a number or a text to compare with', String(value.value));
    }
    return { kind: 'compare', path, operator, value };
  }

  #path(): string[] {
    const path: string[] = [];
    do {
      const { kind, text } = this.#peek();
      if (kind === 'word' && !keywords.has(text)) path.push(text);
      else if (kind === 'quoted' && text.startsWith('"')) path.push(...parsePath(text));
      else throw this.#unexpected('the name of a field');
      this.#index++;
    } while (this.#takeSymbol('.'));
    return path;
  }

  #list(): FilterValue[] {
    this.#expectSymbol('[');
    const values = [this.#value()];
    while (this.#takeSymbol(',')) values.push(this.#value());
    this.#expectSymbol(']');
    return values;
  }

  #value(): FilterValue {
    const { kind, text } = this.#peek();
    if (kind === 'symbol' || kind === 'end') throw this.#unexpected('a value');
    this.#index++;
    if (kind === 'number') return { kind: 'number', text };
    if (kind === 'quoted') return { kind: 'string', text: unquoted(text) };
    if (text === 'true' || text === 'false') return { kind: 'boolean', value: text === 'true' };
    if (text === 'null') throw this.#error('"is null" or "is not null"', 'a comparison with null');
    if (keywords.has(text)) throw this.#error('a value', text);
    return { kind: 'string', text };
  }

  #peek(): Token {
    return this.#tokens[this.#index] ?? { kind: 'end', text: '', at: this.#text.length };
  }

  #takeWord(word: string): boolean {
    const { kind, text } = this.#peek();
    if (kind !== 'word' || text !== word) return false;
    this.#index++;
    return true;
  }

  #takeSymbol(symbol: string): boolean {
    const { kind, text } = this.#peek();
    if (kind !== 'symbol' || text !== symbol) return false;
    this.#index++;
    return true;
  }

  #expectSymbol(symbol: string): void {
    if (!this.#takeSymbol(symbol)) throw this.#unexpected(`"${symbol}"`);
  }

  #unexpected(expected: string): FilterTextError {
    const { kind, at } = this.#peek();
    return this.#error(expected, kind === 'end' ? 'its end' : JSON.stringify(this.#text.slice(at).trim().slice(0, 30)));
  }

  #error(expected: string, came: string): FilterTextError {
    return new FilterTextError(`expected ${expected} in the filter ${JSON.stringify(this.#text)}, came ${came}`);
  }
}

const operators: Record<string, Comparison> = {
  '=': '=',
  '==': '=',
  '!=': '!=',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
};

function unquoted(text: string): string {
  return text.slice(1, -1).replace(/\\(.)/g, '$1');
}
