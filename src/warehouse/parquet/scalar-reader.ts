import type { ScalarType } from '../table/data-type.ts';
import { formatType } from '../table/data-type.ts';
import { ByteHeap } from './byte-heap.ts';
import type { CellValue } from './cell-value.ts';
import { parseDecimal } from './decimal-text.ts';
import { TimeParser } from './event-time.ts';
import { describeKind, latin1, preview } from './json-preview.ts';
import { isDigit, type JsonReader, minus, openBrace, openBracket } from './json-reader.ts';
import { quote } from './json-scanner.ts';

/**
 * Turns one JSON value into a value of any scalar type, exactly or not at all; CellWriter does the same, faster, for the most common types
 * of flat columns. Besides what is said there:
 *
 *   int8 ... uint64   a number without fraction and exponent, in range
 *   float             a number within its range; one without fraction and exponent must be exactly representable, others are
 *                     rounded to the nearest float, as everywhere
 *   decimal(p,s)      a number, or a string of one, with at most s digits after the point and p in all (zeros do not count)
 *   fixed(n)          Base64 of exactly n bytes
 *   enum              one of its strings
 *   uuid              the 36 characters of RFC 9562, in upper or lower case
 *   time_ms, time_us  `HH:MM:SS` with at most 3 or 6 digits after the point
 *   timestamp_us      RFC 3339 with a zone and at most 6 digits, or an integer of epoch microseconds
 *   local_timestamp   `YYYY-MM-DDTHH:MM:SS` without a zone, with at most 3 digits (local_timestamp_us: 6) after the point
 */
export class ScalarReader {
  readonly #reader: JsonReader;
  readonly #time = new TimeParser();
  readonly #scratch = new ByteHeap();
  /** What to call the value in a message. */
  place = '';

  constructor(reader: JsonReader) {
    this.#reader = reader;
  }

  /**
   * Reads the value whose first byte `first` stands at the reader's position and is not null's. Null with the reader's failure
   * set when it does not fit. `acceptsScalars`: a string takes values of other kinds too, as their JSON text.
   */
  read(type: ScalarType, first: number, acceptsScalars = false): CellValue | null {
    switch (type.kind) {
      case 'boolean':
        return this.#readBoolean(type, first);
      case 'int8':
      case 'int16':
      case 'int32':
      case 'uint8':
      case 'uint16':
      case 'uint32':
      case 'int64':
      case 'uint64':
        return this.#readInteger(type, first);
      case 'float':
      case 'double':
        return this.#readFloating(type, first);
      case 'decimal':
        return this.#readDecimal(type, first);
      case 'json':
        return this.#readJson();
      case 'string':
        if (acceptsScalars && first !== quote) return this.#readJson();
        return this.#readText(type, first);
      default:
        return this.#readFromText(type, first);
    }
  }

  #readBoolean(type: ScalarType, first: number): boolean | null {
    if (first !== 0x74 && first !== 0x66) return this.#wrongType(type, first);
    return this.#reader.readLiteral() ? first === 0x74 : null;
  }

  #readInteger(type: ScalarType, first: number): CellValue | null {
    const reader = this.#reader;
    if (first !== minus && !isDigit(first)) return this.#wrongType(type, first);
    const start = reader.position;
    if (!reader.readNumber()) return null;
    if (!reader.isInteger) {
      reader.position = start;
      return this.#wrongType(type, first);
    }
    const [low, high] = integerRanges[type.kind]!;
    const text = reader.digitCount > 20 ? null : BigInt(this.#numberText());
    if (text === null || text < low || text > high) {
      return this.#fail('out-of-range', `a number within the range of ${type.kind}`, this.#token(start));
    }
    return high > 0xffff_ffffn ? text : Number(text);
  }

  #readFloating(type: ScalarType, first: number): CellValue | null {
    const reader = this.#reader;
    if (first !== minus && !isDigit(first)) return this.#wrongType(type, first);
    const start = reader.position;
    if (!reader.readNumber()) return null;
    const text = this.#numberText();
    const exact = Number(text);
    const value = type.kind === 'float' ? Math.fround(exact) : exact;
    if (!Number.isFinite(value) || (value === 0 && reader.mantissa !== 0)) {
      return this.#fail('out-of-range', `a number within the range of ${type.kind}`, this.#token(start));
    }
    if (reader.isInteger && BigInt(value) !== BigInt(text)) {
      return this.#fail('not-representable', `an integer that a ${type.kind} can hold exactly`, this.#token(start));
    }
    return value;
  }

  #readDecimal(type: ScalarType & { kind: 'decimal' }, first: number): CellValue | null {
    const reader = this.#reader;
    const start = reader.position;
    let text: string;
    if (first === quote) {
      const bytes = this.#decodeText();
      if (bytes === null) return null;
      text = latin1(bytes, 0, bytes.length);
    } else {
      if (first !== minus && !isDigit(first)) return this.#wrongType(type, first);
      if (!reader.readNumber()) return null;
      text = this.#numberText();
    }
    const value = parseDecimal(text, type.precision, type.scale);
    if (typeof value === 'bigint') return value;
    if (value === 'text') return this.#fail('bad-decimal', 'a number like 12.50', this.#token(start));
    return value === 'inexact'
      ? this.#fail('not-representable', `at most ${type.scale} digits after the point`, this.#token(start))
      : this.#fail('out-of-range', `a number within the range of ${formatType(type)}`, this.#token(start));
  }

  #readJson(): Uint8Array | null {
    const reader = this.#reader;
    const from = reader.position;
    return reader.skipValue() ? reader.buffer.slice(from, reader.position) : null;
  }

  #readText(type: ScalarType, first: number): Uint8Array | null {
    if (first !== quote) return this.#wrongType(type, first);
    return this.#decodeText()?.slice() ?? null;
  }

  #readFromText(type: ScalarType, first: number): CellValue | null {
    const start = this.#reader.position;
    const isNumeric = first === minus || isDigit(first);
    if (isNumeric && (type.kind === 'timestamp' || type.kind === 'timestamp_us')) return this.#readEpoch(type, start);
    if (first !== quote) return this.#wrongType(type, first);
    const text = this.#decodeText();
    if (text === null) return null;
    switch (type.kind) {
      case 'bytes':
      case 'fixed':
        return this.#base64(type, text, start);
      case 'uuid':
        return (
          parseUuid(text) ??
          this.#fail('bad-uuid', 'a uuid like 123e4567-e89b-12d3-a456-426614174000', this.#token(start))
        );
      case 'enum':
        return this.#enumValue(type.values, text, start);
      case 'date':
        if (text.length === 10 && this.#time.parseDate(text, 0)) return this.#time.value;
        return this.#fail('bad-date', 'a date like 2026-11-21', this.#token(start));
      default:
        return this.#timeValue(type, text, start);
    }
  }

  #base64(type: ScalarType, text: Uint8Array, start: number): Uint8Array | null {
    const encoded = latin1(text, 0, text.length);
    const bytes = Buffer.from(encoded, 'base64');
    if (bytes.toString('base64') !== encoded)
      return this.#fail('bad-base64', 'Base64 with padding', this.#token(start));
    if (type.kind === 'fixed' && bytes.length !== type.length) {
      return this.#fail('out-of-range', `Base64 of ${type.length} bytes`, `${bytes.length} bytes`);
    }
    return bytes;
  }

  #enumValue(values: readonly string[], text: Uint8Array, start: number): Uint8Array | null {
    const value = Buffer.from(text).toString('utf8');
    if (values.includes(value)) return text.slice();
    const shown = values.slice(0, 10).join(', ');
    return this.#fail('not-in-enum', `one of ${shown}${values.length > 10 ? ', ...' : ''}`, this.#token(start));
  }

  #timeValue(type: ScalarType, text: Uint8Array, start: number): CellValue | null {
    const time = this.#time;
    const [example, after] = timeForms[type.kind]!(time, text);
    if (after !== text.length) return this.#fail('bad-time', `a time like ${example}`, this.#token(start));
    const isMicros = type.kind.endsWith('_us');
    if (isMicros ? time.isFinerThanMicros : time.isFiner) {
      const unit = isMicros ? 'microseconds' : 'milliseconds';
      return this.#fail(
        'not-representable',
        `at most ${unit} (declare the column as string to keep more)`,
        this.#token(start),
      );
    }
    if (type.kind === 'time_ms') return time.value;
    return isMicros ? BigInt(time.value) * 1000n + BigInt(time.micros) : BigInt(time.value);
  }

  #readEpoch(type: ScalarType, start: number): CellValue | null {
    const reader = this.#reader;
    if (!reader.readNumber()) return null;
    const unit = type.kind === 'timestamp_us' ? 1000n : 1n;
    const value = reader.isInteger && reader.digitCount <= 19 ? BigInt(this.#numberText()) : null;
    if (value !== null && this.#time.setMillis(Number(value / unit))) return value;
    const expected = unit === 1n ? 'epoch milliseconds' : 'epoch microseconds';
    return this.#fail('bad-time', `a time like 2026-11-21T07:30:00Z, or ${expected} as an integer`, this.#token(start));
  }

  /** Passes a string; its decoded bytes, valid until the next one. Null with the reader's failure set. */
  #decodeText(): Uint8Array | null {
    this.#reader.position++;
    this.#scratch.length = 0;
    if (!this.#reader.readString(this.#scratch)) return null;
    return this.#scratch.bytes.subarray(0, this.#scratch.length);
  }

  #numberText(): string {
    return latin1(this.#reader.buffer, this.#reader.numberStart, this.#reader.position);
  }

  #token(start: number): string {
    return preview(this.#reader.buffer, start, this.#reader.position);
  }

  #wrongType(type: ScalarType, first: number): null {
    const reader = this.#reader;
    const start = reader.position;
    if (!reader.skipValue()) return null;
    const isObject = first === openBrace || first === openBracket;
    const expected =
      type.kind in integerRanges ? `${type.kind} (a number without fraction or exponent)` : formatType(type);
    return this.#fail('wrong-type', expected, `${describeKind(first)} ${isObject ? '' : this.#token(start)}`.trimEnd());
  }

  #fail(code: string, expected: string, came: string): null {
    this.#reader.fail(code, `${this.place}: expected ${expected}, came ${came}`);
    return null;
  }
}

const integerRanges: Partial<Record<ScalarType['kind'], readonly [bigint, bigint]>> = {
  int8: [-128n, 127n],
  int16: [-32_768n, 32_767n],
  int32: [-2_147_483_648n, 2_147_483_647n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint8: [0n, 255n],
  uint16: [0n, 65_535n],
  uint32: [0n, 4_294_967_295n],
  uint64: [0n, 2n ** 64n - 1n],
};

type TimeForm = (time: TimeParser, text: Uint8Array) => [example: string, after: number];

const instant: TimeForm = (time, text) => ['2026-11-21T07:30:00.000Z', time.parseTimestamp(text, 0, text.length)];
const wallClock: TimeForm = (time, text) => ['2026-11-21T07:30:00', time.parseLocalTimestamp(text, 0, text.length)];
const timeOfDay: TimeForm = (time, text) => ['07:30:00', time.parseTimeOfDay(text, 0, text.length)];
const timeForms: Partial<Record<ScalarType['kind'], TimeForm>> = {
  timestamp: instant,
  timestamp_us: instant,
  local_timestamp: wallClock,
  local_timestamp_us: wallClock,
  time_ms: timeOfDay,
  time_us: timeOfDay,
};

function parseUuid(text: Uint8Array): Uint8Array | null {
  const hex = latin1(text, 0, text.length);
  if (!/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(hex)) return null;
  return Buffer.from(hex.replaceAll('-', ''), 'hex');
}
