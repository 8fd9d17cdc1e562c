import { isUtf8 } from 'node:buffer';
import { ValueError } from './value-error.ts';

const quote = 0x22;
const backslash = 0x5c;
const firstBytes = 4096;
const nativeFrom = 40;
/** What one value may become; a value of few bytes that unfolds into much (a list of a million nulls) ends earlier. */
const maxTextBytes = 128 * 1024 * 1024;
const growthFactor = 256;
const growthFloor = 1024 * 1024;

/** JSON text of one value, written byte by byte into a buffer that is used again for the next. */
export class JsonText {
  #bytes = Buffer.allocUnsafe(firstBytes);
  #limit = maxTextBytes;
  length = 0;

  /** Begins the text of a value of `valueBytes` bytes, which also bounds how long the text may grow. */
  reset(valueBytes: number): void {
    this.length = 0;
    this.#limit = Math.min(maxTextBytes, growthFloor + valueBytes * growthFactor);
  }

  /** The text so far; valid until the next reset. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.length);
  }

  /** ASCII text as it is: punctuation, numbers, literals. */
  raw(text: string): void {
    const { length } = text;
    this.#reserve(length);
    // A call into the runtime costs more than a few bytes do.
    if (length > nativeFrom) this.#bytes.write(text, this.length, 'latin1');
    else for (let at = 0; at < length; at++) this.#bytes[this.length + at] = text.charCodeAt(at);
    this.length += length;
  }

  /** Text of any characters as it is: a name in quotes with its colon. */
  utf8Text(text: string): void {
    this.#reserve(text.length * 3);
    this.length += this.#bytes.write(text, this.length, 'utf8');
  }

  /** Bytes as they are: JSON text from elsewhere. */
  copy(bytes: Buffer, start: number, end: number): void {
    this.#reserve(end - start);
    this.length += bytes.copy(this.#bytes, this.length, start, end);
  }

  /** A JSON string of text that is a JavaScript string. */
  string(text: string): void {
    const json = JSON.stringify(text);
    this.#reserve(json.length * 3);
    this.length += this.#bytes.write(json, this.length, 'utf8');
  }

  /** A JSON string of UTF-8 bytes. @throws ValueError `not-utf8`. */
  utf8(bytes: Buffer, start: number, end: number): void {
    this.#reserve((end - start) * 6 + 2);
    const out = this.#bytes;
    let to = this.length;
    let seen = 0;
    out[to++] = quote;
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!;
      seen |= byte;
      if (byte >= 0x20 && byte !== quote && byte !== backslash) out[to++] = byte;
      else to = this.#escape(byte, to);
    }
    if (seen >= 0x80 && !isUtf8(bytes.subarray(start, end))) {
      throw new ValueError('not-utf8', `expected text in UTF-8, came other bytes at byte ${start}`);
    }
    out[to++] = quote;
    this.length = to;
  }

  #escape(byte: number, to: number): number {
    const text = byte === quote || byte === backslash ? `\\${String.fromCharCode(byte)}` : hexEscape(byte);
    return to + this.#bytes.write(text, to, 'latin1');
  }

  /** A JSON string of Base64 (RFC 4648 section 4, padded). */
  base64(bytes: Buffer, start: number, end: number): void {
    const text = bytes.toString('base64', start, end);
    this.raw(`"${text}"`);
  }

  /** A double. What JSON has no number for is a string: "NaN", "Infinity", "-Infinity". */
  double(value: number): void {
    if (Number.isFinite(value)) this.raw(doubleText(value));
    else this.raw(`"${value}"`);
  }

  #reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.#bytes.length) return;
    if (needed > this.#limit) {
      throw new ValueError('too-large', `expected a value whose JSON text has at most ${this.#limit} bytes`);
    }
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.length);
    this.#bytes = larger;
  }
}

/** With a fraction or an exponent, so that the text says double and not integer; -0 keeps its sign. */
function doubleText(value: number): string {
  if (Object.is(value, -0)) return '-0.0';
  const text = String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

function hexEscape(byte: number): string {
  return `\\u00${byte.toString(16).padStart(2, '0')}`;
}
