import { columnNameProblem } from './column-name.ts';

/**
 * What a column can hold. Types are kept as text (`decimal(18,2)`, `list<struct{id: int64, tags: list<string>}>`), in the one form
 * that `formatType` gives; `parseType` makes of it what the code works with.
 *
 *   boolean  int8 int16 int32 int64  uint8 uint16 uint32 uint64  float double  decimal(precision,scale)
 *   string  json  enum(A,B,...)  bytes  fixed(length)  uuid
 *   date  time_ms time_us  timestamp timestamp_us (an instant, in UTC)  local_timestamp local_timestamp_us (a clock's reading)
 *   list<T>  map<string,T>  struct{name: T, ...}
 */
export const plainTypes = [
  'boolean',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'float',
  'double',
  'string',
  'json',
  'bytes',
  'uuid',
  'date',
  'time_ms',
  'time_us',
  'timestamp',
  'timestamp_us',
  'local_timestamp',
  'local_timestamp_us',
] as const;
export type PlainType = (typeof plainTypes)[number];

export type ScalarType =
  | { readonly kind: PlainType }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'fixed'; readonly length: number }
  | { readonly kind: 'enum'; readonly values: readonly string[] };

export interface ListType {
  readonly kind: 'list';
  readonly element: DataType;
}

export interface MapType {
  readonly kind: 'map';
  readonly value: DataType;
}

export interface StructField {
  readonly name: string;
  readonly type: DataType;
}

export interface StructType {
  readonly kind: 'struct';
  readonly fields: readonly StructField[];
}

export type NestedType = ListType | MapType | StructType;
export type DataType = ScalarType | NestedType;

/** The text of a type. */
export type ColumnType =
  | PlainType
  | `decimal(${number},${number})`
  | `fixed(${number})`
  | `enum(${string})`
  | `list<${string}>`
  | `map<string,${string}>`
  | `struct{${string}}`;

/** Types within types. */
export const maxTypeDepth = 16;
export const maxDecimalPrecision = 38;
const maxFixedLength = 65_536;
const maxEnumValues = 4096;

/** Every type by its name, for messages. */
export const typeNames: readonly string[] = [
  ...plainTypes,
  'decimal(p,s)',
  'fixed(n)',
  'enum(a,b)',
  'list<T>',
  'map<string,T>',
  'struct{name: T}',
];

export class TypeTextError extends Error {}

export function isNested(type: DataType): type is NestedType {
  return type.kind === 'list' || type.kind === 'map' || type.kind === 'struct';
}

/** @throws TypeTextError saying what was expected. */
export function parseType(text: string): DataType {
  const parser = new TypeParser(text);
  const type = parser.type(1);
  parser.end();
  return type;
}

/** The one text of a type. */
export function formatType(type: DataType): ColumnType {
  switch (type.kind) {
    case 'decimal':
      return `decimal(${type.precision},${type.scale})`;
    case 'fixed':
      return `fixed(${type.length})`;
    case 'enum':
      return `enum(${type.values.map(quoted).join(',')})`;
    case 'list':
      return `list<${formatType(type.element)}>`;
    case 'map':
      return `map<string,${formatType(type.value)}>`;
    case 'struct':
      return `struct{${type.fields.map((field) => `${quoted(field.name)}: ${formatType(field.type)}`).join(', ')}}`;
    default:
      return type.kind;
  }
}

/** The one text of the type that `text` describes. @throws TypeTextError */
export function canonicalType(text: string): ColumnType {
  return formatType(parseType(text));
}

const aliases: Record<string, PlainType> = {
  timestamp_ms: 'timestamp',
  local_timestamp_ms: 'local_timestamp',
};
const word = /[A-Za-z_][A-Za-z0-9_-]*/y;

function quoted(text: string): string {
  return /^[A-Za-z_][A-Za-z0-9_-]*$/.test(text) ? text : JSON.stringify(text);
}

class TypeParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  type(depth: number): DataType {
    if (depth > maxTypeDepth) throw new TypeTextError(`expected at most ${maxTypeDepth} types within each other`);
    const name = this.#word();
    switch (name) {
      case 'decimal':
        return this.#decimal();
      case 'fixed':
        return { kind: 'fixed', length: this.#inRange(this.#parenthesized(1)[0]!, 1, maxFixedLength, 'length') };
      case 'enum':
        return this.#enum();
      case 'list': {
        this.#expect('<');
        const element = this.type(depth + 1);
        this.#expect('>');
        return { kind: 'list', element };
      }
      case 'map':
        return this.#map(depth);
      case 'struct':
        return this.#struct(depth);
      default:
        return { kind: this.#plain(name) };
    }
  }

  end(): void {
    if (this.#peek() !== '') throw this.#error('the end of the type');
  }

  #plain(name: string): PlainType {
    const alias = aliases[name];
    if (alias !== undefined) return alias;
    if ((plainTypes as readonly string[]).includes(name)) return name as PlainType;
    throw new TypeTextError(`expected one of ${typeNames.join(', ')}, came ${JSON.stringify(name)}`);
  }

  #decimal(): DataType {
    const [precision, scale] = this.#parenthesized(2) as [number, number];
    this.#inRange(precision, 1, maxDecimalPrecision, 'precision');
    this.#inRange(scale, 0, precision, 'scale');
    return { kind: 'decimal', precision, scale };
  }

  #enum(): DataType {
    const values: string[] = [];
    this.#expect('(');
    do values.push(this.#name());
    while (this.#take(','));
    this.#expect(')');
    if (new Set(values).size < values.length) throw new TypeTextError('expected each value of an enum once');
    this.#inRange(values.length, 1, maxEnumValues, 'number of values');
    return { kind: 'enum', values };
  }

  #map(depth: number): DataType {
    this.#expect('<');
    const key = this.#word();
    if (key !== 'string') throw new TypeTextError(`expected a map of string keys, came ${JSON.stringify(key)}`);
    this.#expect(',');
    const value = this.type(depth + 1);
    this.#expect('>');
    return { kind: 'map', value };
  }

  #struct(depth: number): DataType {
    const fields: StructField[] = [];
    const folded = new Set<string>();
    this.#expect('{');
    do {
      const name = this.#name();
      const problem = columnNameProblem(name, 'field');
      if (problem !== null) throw new TypeTextError(problem);
      if (folded.has(name.toLowerCase()))
        throw new TypeTextError(`the field ${JSON.stringify(name)} is there twice (upper and lower case are one)`);
      folded.add(name.toLowerCase());
      this.#expect(':');
      fields.push({ name, type: this.type(depth + 1) });
    } while (this.#take(','));
    this.#expect('}');
    return { kind: 'struct', fields };
  }

  #parenthesized(count: number): number[] {
    const numbers: number[] = [];
    this.#expect('(');
    do numbers.push(this.#number());
    while (this.#take(','));
    this.#expect(')');
    if (numbers.length !== count) throw new TypeTextError(`expected ${count} numbers, came ${numbers.length}`);
    return numbers;
  }

  #inRange(value: number, first: number, last: number, what: string): number {
    if (value >= first && value <= last) return value;
    throw new TypeTextError(`expected a ${what} from ${first} to ${last}, came ${value}`);
  }

  #number(): number {
    this.#peek();
    const match = /\d{1,6}/y;
    match.lastIndex = this.#at;
    const digits = match.exec(this.#text)?.[0];
    if (digits === undefined) throw this.#error('a number');
    this.#at += digits.length;
    return Number(digits);
  }

  /** A word, or anything in JSON's quotes. */
  #name(): string {
    if (this.#peek() !== '"') return this.#word();
    const match = /"(?:[^"\\]|\\.)*"/y;
    match.lastIndex = this.#at;
    const text = match.exec(this.#text)?.[0];
    if (text === undefined) throw this.#error('a closing quote');
    this.#at += text.length;
    try {
      return JSON.parse(text) as string;
    } catch {
      throw new TypeTextError(`expected a name in quotes as in JSON, came ${text}`);
    }
  }

  #word(): string {
    this.#peek();
    word.lastIndex = this.#at;
    const found = word.exec(this.#text)?.[0];
    if (found === undefined) throw this.#error('a name');
    this.#at += found.length;
    return found;
  }

  #peek(): string {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
    return this.#text[this.#at] ?? '';
  }

  #take(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#at++;
    return true;
  }

  #expect(char: string): void {
    if (!this.#take(char)) throw this.#error(`"${char}"`);
  }

  #error(expected: string): TypeTextError {
    const rest = this.#text.slice(this.#at, this.#at + 20);
    const came =
      rest === ''
        ? 'its end (in a YAML list or map in one line, put a type with a comma in quotes)'
        : JSON.stringify(rest);
    return new TypeTextError(`expected ${expected} in the type ${JSON.stringify(this.#text)}, came ${came}`);
  }
}
