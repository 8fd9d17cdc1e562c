import {
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeValue,
  DuckDBUUIDValue,
} from '@duckdb/node-api';
import type { DataType } from '../../src/warehouse/index.ts';
import { seededRandom } from './seeded-random.ts';

/**
 * Rows of every column type with edge values, as the JSON text that a producer would write and as the value that a lossless reader
 * has to find. Values are compared as: bigint for integers, dates (days), times and timestamps (microseconds); number for float and double; text for
 * decimals, strings, enums, json; hex for bytes; arrays; pairs sorted by key for maps; objects for structs.
 */
export type OracleValue = null | boolean | bigint | number | string | OracleValue[] | { [name: string]: OracleValue };

export interface TypedRow {
  json: string;
  values: Record<string, OracleValue>;
}

export const flatTypes = [
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
  'decimal(4,2)',
  'decimal(9,0)',
  'decimal(18,6)',
  'decimal(38,10)',
  'string',
  'json',
  'enum(red,green,"deep blue")',
  'bytes',
  'fixed(16)',
  'uuid',
  'date',
  'time_ms',
  'time_us',
  'timestamp',
  'timestamp_us',
  'local_timestamp',
  'local_timestamp_us',
] as const;

export const nestedTypes = [
  'list<int64>',
  'list<list<decimal(38,2)>>',
  'map<string,timestamp_us>',
  'map<string,list<boolean>>',
  'struct{a: int8, "b c": list<struct{x: uuid, y: float}>, t: time_us}',
  'list<map<string,struct{d: date, s: string}>>',
] as const;

/** Makes rows with columns `c0`, `c1`, ... of the given types; the same seed makes the same rows. */
export class TypedRows {
  readonly #types: readonly DataType[];
  readonly #random: () => number;

  constructor(types: readonly DataType[], seed: number) {
    this.#types = types;
    this.#random = seededRandom(seed);
  }

  next(): TypedRow {
    const values: Record<string, OracleValue> = {};
    const fields: string[] = [];
    for (const [index, type] of this.#types.entries()) {
      const name = `c${index}`;
      const made = this.#chance(0.1) ? null : this.#value(type);
      values[name] = made?.value ?? null;
      if (made !== null) fields.push(`"${name}":${made.json}`);
      else if (this.#chance(0.5)) fields.push(`"${name}":null`);
    }
    return { json: `{${fields.join(',')}}`, values };
  }

  #maybe(type: DataType): { json: string; value: OracleValue } {
    return this.#chance(0.15) ? { json: 'null', value: null } : this.#value(type);
  }

  #value(type: DataType): { json: string; value: OracleValue } {
    switch (type.kind) {
      case 'boolean': {
        const value = this.#chance(0.5);
        return { json: String(value), value };
      }
      case 'float':
      case 'double':
        return this.#floating(type.kind);
      case 'decimal':
        return this.#decimal(type.precision, type.scale);
      case 'string':
        return this.#text();
      case 'json':
        return this.#json();
      case 'enum': {
        const value = type.values[Math.floor(this.#random() * type.values.length)]!;
        return { json: JSON.stringify(value), value };
      }
      case 'bytes':
      case 'fixed': {
        const bytes = this.#bytes(type.kind === 'fixed' ? type.length : Math.floor(this.#random() * 40));
        return { json: JSON.stringify(bytes.toString('base64')), value: bytes.toString('hex') };
      }
      case 'uuid':
        return this.#uuid();
      case 'list': {
        const elements = this.#many(() => this.#maybe(type.element));
        return { json: `[${elements.map(({ json }) => json).join(', ')}]`, value: elements.map(({ value }) => value) };
      }
      case 'map':
        return this.#map(type.value);
      case 'struct':
        return this.#struct(type.fields);
      default:
        return type.kind in integerBits ? this.#integer(type.kind) : this.#time(type.kind);
    }
  }

  #integer(kind: string): { json: string; value: bigint } {
    const [low, high] = integerBits[kind]!;
    const edges = [low, high, 0n, 1n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, high - 1n].filter(
      (x) => x >= low && x <= high,
    );
    const value = this.#chance(0.3) ? edges[Math.floor(this.#random() * edges.length)]! : this.#between(low, high);
    return { json: String(value), value };
  }

  #floating(kind: 'float' | 'double'): { json: string; value: number } {
    const edges = [0, -0, 0.1, 1e-7, 1 / 3, -1.5, kind === 'float' ? 3.4028234663852886e38 : 1.7976931348623157e308];
    const drawn = this.#chance(0.3) ? edges[Math.floor(this.#random() * edges.length)]! : (this.#random() - 0.5) * 1e9;
    const value = kind === 'float' ? Math.fround(drawn) : drawn;
    return { json: Object.is(value, -0) ? '-0.0' : value.toExponential(), value };
  }

  #decimal(precision: number, scale: number): { json: string; value: string } {
    const limit = 10n ** BigInt(precision) - 1n;
    const unscaled = this.#chance(0.2) ? (this.#chance(0.5) ? limit : -limit) : this.#between(-limit, limit);
    const value = decimalText(unscaled, scale);
    return { json: this.#chance(0.5) ? JSON.stringify(value) : value, value };
  }

  #text(): { json: string; value: string } {
    const alphabet = ['a', 'B', '7', ' ', '"', '\\', '\n', '\u0000', '\u00e9', '\u4e2d', '\u{1f600}', '/', '\u2028'];
    const length = Math.floor(this.#random() * 24);
    const value = Array.from({ length }, () => alphabet[Math.floor(this.#random() * alphabet.length)]).join('');
    return { json: JSON.stringify(value), value };
  }

  #json(): { json: string; value: string } {
    const { json: text } = this.#text();
    const { json: number } = this.#integer('int64');
    const made = [text, number, `{"a": [${number}, {"b":${text}}]}`, '[]', 'true'][Math.floor(this.#random() * 5)]!;
    return { json: made, value: made };
  }

  #uuid(): { json: string; value: string } {
    const hex = this.#bytes(16).toString('hex');
    const text = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
    return { json: JSON.stringify(this.#chance(0.5) ? text.toUpperCase() : text), value: hex };
  }

  #map(type: DataType): { json: string; value: OracleValue } {
    const pairs = new Map(
      this.#many(() => [this.#text(), this.#maybe(type)] as const).map((pair) => [pair[0].value, pair]),
    );
    const json = [...pairs.values()].map(([key, { json: text }]) => `${key.json}:${text}`);
    const value = [...pairs.values()].map(([key, mapped]): OracleValue => [key.value, mapped.value]);
    return { json: `{${json.join(',')}}`, value: sortedPairs(value as [string, OracleValue][]) };
  }

  #struct(fields: readonly { name: string; type: DataType }[]): { json: string; value: OracleValue } {
    const made = fields.map((field) => ({ name: field.name, ...this.#maybe(field.type) }));
    const written = made.filter(({ value }) => value !== null || this.#chance(0.5));
    if (this.#chance(0.5)) written.reverse();
    return {
      json: `{${written.map(({ name, json }) => `${JSON.stringify(name)}:${json}`).join(',')}}`,
      value: Object.fromEntries(made.map(({ name, value }) => [name, value])),
    };
  }

  #time(kind: string): { json: string; value: bigint } {
    if (kind === 'date') {
      const value = this.#between(-719_162n, 2_932_896n);
      return { json: JSON.stringify(isoText(value * 86_400_000_000n).slice(0, 10)), value };
    }
    const isMicros = kind.endsWith('_us');
    const unit = isMicros ? 1n : 1000n;
    const isOfDay = kind.startsWith('time_');
    const range = isOfDay ? [0n, 86_400_000_000n - 1n] : [-62_135_596_800_000_000n, 253_402_300_799_999_999n];
    const drawn = this.#chance(0.1) ? range[Math.floor(this.#random() * 2)]! : this.#between(range[0]!, range[1]!);
    const value = drawn >= 0n ? drawn - (drawn % unit) : drawn - (((drawn % unit) + unit) % unit);
    const text = isoText(value);
    if (isOfDay) return { json: JSON.stringify(text.slice(11)), value };
    if (kind.startsWith('local')) return { json: JSON.stringify(text), value };
    if (this.#chance(0.2)) return { json: String(value / unit), value };
    return { json: JSON.stringify(`${text}Z`), value };
  }

  #many<T>(make: () => T): T[] {
    return Array.from({ length: Math.floor(this.#random() ** 2 * 6) }, make);
  }

  #bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => Math.floor(this.#random() * 256)));
  }

  #between(low: bigint, high: bigint): bigint {
    const range = high - low + 1n;
    if (range <= 2n ** 32n) return low + BigInt(Math.floor(this.#random() * Number(range)));
    let drawn = 0n;
    for (let word = 0; word < (range <= 2n ** 64n ? 2 : 5); word++)
      drawn = (drawn << 32n) | BigInt(Math.floor(this.#random() * 2 ** 32));
    return low + (drawn % range);
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }
}

/** What a reader gave for a column of that type, as an OracleValue. */
export function oracleValue(type: DataType, value: unknown): OracleValue {
  if (value === null || value === undefined) return null;
  switch (type.kind) {
    case 'list':
      return itemsOf(value).map((item) => oracleValue(type.element, item));
    case 'map':
      return sortedPairs(pairsOf(value).map(([key, mapped]) => [key, oracleValue(type.value, mapped)]));
    case 'struct': {
      const fields = (value instanceof DuckDBStructValue ? value.entries : value) as Record<string, unknown>;
      return Object.fromEntries(type.fields.map((field) => [field.name, oracleValue(field.type, fields[field.name])]));
    }
    case 'decimal':
      return decimalText(unscaledOf(value), type.scale);
    case 'bytes':
    case 'fixed':
    case 'uuid':
      return bytesOf(value).toString('hex');
    case 'string':
    case 'json':
    case 'enum':
      return value instanceof Uint8Array || value instanceof DuckDBBlobValue
        ? bytesOf(value).toString('utf8')
        : String(value);
    case 'boolean':
      return value as boolean;
    case 'float':
    case 'double':
      return value as number;
    default:
      return type.kind in integerBits ? BigInt(value as bigint) : microsOf(type.kind, value);
  }
}

function microsOf(kind: string, value: unknown): bigint {
  if (value instanceof DuckDBDateValue) return BigInt(value.days);
  if (value instanceof DuckDBTimestampMillisecondsValue) return value.millis * 1000n;
  if (
    value instanceof DuckDBTimeValue ||
    value instanceof DuckDBTimestampValue ||
    value instanceof DuckDBTimestampTZValue
  )
    return value.micros;
  const number = BigInt(value as bigint | number);
  return kind === 'date' || kind.endsWith('_us') ? number : number * 1000n;
}

function itemsOf(value: unknown): readonly unknown[] {
  return value instanceof DuckDBListValue ? value.items : (value as unknown[]);
}

function pairsOf(value: unknown): [string, unknown][] {
  if (value instanceof DuckDBMapValue) return value.entries.map(({ key, value: mapped }) => [key as string, mapped]);
  return Object.entries(value as object);
}

function sortedPairs(pairs: [string, OracleValue][]): OracleValue[] {
  return pairs.sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0));
}

function bytesOf(value: unknown): Buffer {
  if (value instanceof DuckDBBlobValue) return Buffer.from(value.bytes);
  if (value instanceof DuckDBUUIDValue) return Buffer.from(value.toString().replaceAll('-', ''), 'hex');
  if (typeof value === 'string') return Buffer.from(value.replaceAll('-', ''), 'hex');
  return Buffer.from(value as Uint8Array);
}

function unscaledOf(value: unknown): bigint {
  if (value instanceof DuckDBDecimalValue) return value.value;
  if (value instanceof Uint8Array) return BigInt.asIntN(128, BigInt(`0x${Buffer.from(value).toString('hex')}`));
  return BigInt(value as bigint | number);
}

function decimalText(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? '-' : '';
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  return scale === 0 ? `${sign}${digits}` : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** `YYYY-MM-DDTHH:MM:SS.ffffff` without needless zeros at the end. */
function isoText(micros: bigint): string {
  const millis = micros >= 0n ? micros / 1000n : -((-micros + 999n) / 1000n);
  const rest = String(micros - millis * 1000n).padStart(3, '0');
  return `${new Date(Number(millis)).toISOString().slice(0, -1)}${rest}`.replace(/\.?0{1,6}$/, (zeros) =>
    zeros.startsWith('.') ? '' : zeros.replace(/0+$/, ''),
  );
}

const integerBits: Record<string, readonly [bigint, bigint]> = {
  int8: [-128n, 127n],
  int16: [-32_768n, 32_767n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint8: [0n, 255n],
  uint16: [0n, 65_535n],
  uint32: [0n, 2n ** 32n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
};
