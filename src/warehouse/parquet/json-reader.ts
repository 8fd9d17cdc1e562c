import type { ByteHeap } from './byte-heap.ts';
import { decodeEscape, utf8SequenceLength } from './json-string.ts';

/**
 * A strict RFC 8259 reader over bytes: no object, no string, no recursion. It moves `position` over one value at a time; a
 * method that answers false has left `failure` behind. Strings must be valid UTF-8 without lone surrogates, escaped or
 * not, at every depth; a nested value is walked, never built.
 */

/** Objects and arrays within each other, the record's own object included. */
export const maxDepth = 512;

export interface Failure {
  code: string;
  reason: string;
}

export const quote = 0x22;
export const comma = 0x2c;
export const minus = 0x2d;
export const colon = 0x3a;
export const openBracket = 0x5b;
export const closeBracket = 0x5d;
export const openBrace = 0x7b;
export const closeBrace = 0x7d;
const backslash = 0x5c;

/** Strings up to here are copied into a heap with room for the rest of the record; longer ones are measured first. */
const roomyBytes = 4096;

export class JsonReader {
  buffer: Uint8Array = new Uint8Array(0);
  /** The same bytes as `buffer`, for words. */
  view: DataView = new DataView(new ArrayBuffer(0));
  position = 0;
  /** First position that does not belong to the value being read. */
  end = 0;
  failure: Failure | null = null;

  /** The number that `readNumber` passed: its text is [numberStart, position). */
  numberStart = 0;
  /** True when the text has neither fraction nor exponent. */
  isInteger = false;
  isNegative = false;
  /** First 15 significant digits as an integer, without the sign; exact. */
  mantissa = 0;
  /** Significant digits of the text (leading zeros not counted); beyond 15 the mantissa lacks the rest. */
  digitCount = 0;
  /** Digits after the point. */
  fractionDigits = 0;
  hasExponent = false;

  readonly #open = new Uint8Array(maxDepth + 1);

  start(buffer: Uint8Array, start: number, end: number): void {
    if (buffer !== this.buffer) {
      this.buffer = buffer;
      this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
    }
    this.position = start;
    this.end = end;
    this.failure = null;
  }

  fail(code: string, reason: string): false {
    this.failure = { code, reason };
    return false;
  }

  /** A complaint about what stands at `position`. */
  failHere(expected: string): false {
    const { position, end } = this;
    const came = position >= end ? 'the end of the value' : describeByte(this.buffer[position]!);
    return this.fail('not-json', `expected ${expected}, came ${came}`);
  }

  /** Passes white space; the byte that comes next, or -1 at the end. */
  peek(): number {
    const { buffer, end } = this;
    let at = this.position;
    while (at < end) {
      const byte = buffer[at]!;
      if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) {
        this.position = at;
        return byte;
      }
      at++;
    }
    this.position = at;
    return -1;
  }

  /** Passes a string whose opening quote has been passed, and appends its decoded bytes to `heap`. */
  readString(heap: ByteHeap): boolean {
    const { buffer, end } = this;
    let at = this.position;
    if (end - at <= roomyBytes) heap.reserve(end - at + 4);
    else {
      if (!this.skipString()) return false;
      heap.reserve(this.position - at + 4);
    }
    const { bytes, view: target } = heap;
    const source = this.view;
    const lastWord = end - 4;
    let to = heap.length;
    while (at < end) {
      // Four bytes at a time. A word is copied whole, and only the plain bytes at its front count.
      while (at <= lastWord) {
        const word = source.getInt32(at, true);
        const special = specialBytes(word);
        target.setInt32(to, word, true);
        if (special !== 0) {
          const plain = plainBytesBefore(special);
          at += plain;
          to += plain;
          break;
        }
        at += 4;
        to += 4;
      }
      const byte = at < end ? buffer[at]! : -1;
      if (byte === quote) {
        this.position = at + 1;
        heap.length = to;
        return true;
      }
      if (byte === backslash) {
        heap.length = to;
        at = decodeEscape(this, heap, at);
        if (at < 0) return false;
        to = heap.length;
      } else if (byte >= 0x80) {
        const length = utf8SequenceLength(buffer, at, end);
        if (length === 0) return this.#failInString(at);
        for (const stop = at + length; at < stop; at++) bytes[to++] = buffer[at]!;
      } else if (byte >= 0x20) {
        bytes[to++] = byte;
        at++;
      } else if (byte >= 0) return this.#failInString(at);
    }
    this.position = at;
    return this.failHere('the closing quote of a string');
  }

  /** Passes a string whose opening quote has been passed, checking all of it. */
  skipString(): boolean {
    const { buffer, end, view } = this;
    const lastWord = end - 4;
    let at = this.position;
    while (at < end) {
      while (at <= lastWord) {
        const special = specialBytes(view.getInt32(at, true));
        if (special !== 0) {
          at += plainBytesBefore(special);
          break;
        }
        at += 4;
      }
      const byte = at < end ? buffer[at]! : -1;
      if (byte === quote) {
        this.position = at + 1;
        return true;
      }
      if (byte === backslash) {
        at = decodeEscape(this, null, at);
        if (at < 0) return false;
      } else if (byte >= 0x80) {
        const length = utf8SequenceLength(buffer, at, end);
        if (length === 0) return this.#failInString(at);
        at += length;
      } else if (byte >= 0x20) at++;
      else if (byte >= 0) return this.#failInString(at);
    }
    this.position = at;
    return this.failHere('the closing quote of a string');
  }

  #failInString(at: number): false {
    this.position = at;
    if (this.buffer[at]! >= 0x80) return this.fail('not-utf8', 'expected UTF-8, came bytes in a string that are not');
    return this.failHere('an escaped control character in a string');
  }

  /** Passes a number, whose first byte stands at `position`, and describes it in the number fields. */
  readNumber(): boolean {
    const { buffer, end } = this;
    let at = this.position;
    this.numberStart = at;
    this.isNegative = buffer[at] === minus;
    if (this.isNegative) at++;
    let mantissa = 0;
    let digitCount = 0;
    let digit = at < end ? buffer[at]! - 0x30 : -1;
    if (digit === 0) {
      at++;
      if (at < end && isDigit(buffer[at]!)) {
        this.position = at;
        return this.failHere('no digit after a leading zero');
      }
    } else {
      const first = at;
      while (digit >= 0 && digit <= 9) {
        if (digitCount < 15) mantissa = mantissa * 10 + digit;
        digitCount++;
        at++;
        digit = at < end ? buffer[at]! - 0x30 : -1;
      }
      if (at === first) {
        this.position = at;
        return this.failHere('a digit');
      }
    }
    this.isInteger = true;
    this.mantissa = mantissa;
    this.digitCount = digitCount;
    this.fractionDigits = 0;
    this.hasExponent = false;
    this.position = at;
    if (at >= end) return true;
    const byte = buffer[at]!;
    return byte === 0x2e || (byte | 0x20) === 0x65 ? this.#readFractionAndExponent() : true;
  }

  #readFractionAndExponent(): boolean {
    const { buffer, end } = this;
    this.isInteger = false;
    let at = this.position;
    if (buffer[at] === 0x2e) {
      const first = ++at;
      let { mantissa, digitCount } = this;
      let digit = at < end ? buffer[at]! - 0x30 : -1;
      while (digit >= 0 && digit <= 9) {
        if (digitCount < 15) mantissa = mantissa * 10 + digit;
        if (digitCount > 0 || digit !== 0) digitCount++;
        at++;
        digit = at < end ? buffer[at]! - 0x30 : -1;
      }
      this.mantissa = mantissa;
      this.digitCount = digitCount;
      this.position = at;
      this.fractionDigits = at - first;
      if (at === first) return this.failHere('a digit after the point');
    }
    if (at >= end || (buffer[at]! | 0x20) !== 0x65) return true;
    at++;
    if (at < end && (buffer[at] === 0x2b || buffer[at] === minus)) at++;
    const first = at;
    while (at < end && isDigit(buffer[at]!)) at++;
    this.position = at;
    this.hasExponent = true;
    return at > first ? true : this.failHere('a digit in the exponent');
  }

  /** Passes `true`, `false` or `null`, whose first byte stands at `position`. */
  readLiteral(): boolean {
    const { buffer, position } = this;
    const word = buffer[position] === 0x74 ? 'true' : buffer[position] === 0x66 ? 'false' : 'null';
    if (position + word.length > this.end) return this.failHere(`the word ${word}`);
    for (let index = 0; index < word.length; index++) {
      if (buffer[position + index] !== word.charCodeAt(index)) return this.failHere(`the word ${word}`);
    }
    this.position = position + word.length;
    return true;
  }

  /** Passes one value of any kind. Depth counts the record's object, so that `maxDepth` - 1 levels are left for the value. */
  skipValue(): boolean {
    const open = this.#open;
    let level = 0;
    for (;;) {
      const byte = this.peek();
      if (byte === openBrace || byte === openBracket) {
        if (level + 2 > maxDepth)
          return this.fail('too-deep', `expected at most ${maxDepth} levels of nesting, came more`);
        open[level++] = byte;
        this.position++;
        if (this.peek() !== byte + 2) {
          if (byte === openBrace && !this.#skipKey()) return false;
          continue;
        }
        this.position++;
        level--;
      } else if (!this.#skipScalar(byte)) return false;
      // A value has ended: close what ends with it, or go on to the next one.
      for (;;) {
        if (level === 0) return true;
        const around = open[level - 1]!;
        const next = this.peek();
        if (next === comma) {
          this.position++;
          if (around === openBrace && !this.#skipKey()) return false;
          break;
        }
        if (next !== around + 2) return this.failHere(around === openBrace ? '"," or "}"' : '"," or "]"');
        this.position++;
        level--;
      }
    }
  }

  #skipKey(): boolean {
    if (this.peek() !== quote) return this.failHere('the name of a field in quotes');
    this.position++;
    if (!this.skipString()) return false;
    if (this.peek() !== colon) return this.failHere('":" after the name of a field');
    this.position++;
    return true;
  }

  #skipScalar(byte: number): boolean {
    if (byte === quote) {
      this.position++;
      return this.skipString();
    }
    if (byte === minus || isDigit(byte)) return this.readNumber();
    if (byte === 0x74 || byte === 0x66 || byte === 0x6e) return this.readLiteral();
    return this.failHere('a value');
  }
}

/**
 * The highest bit of each byte of a little-endian word that is a control character, a quote, a backslash or beyond ASCII. A
 * borrow can mark a byte behind a marked one as well, so only the lowest mark is to be trusted.
 */
function specialBytes(word: number): number {
  const control = word - 0x20202020;
  const quotes = (word ^ 0x22222222) - 0x01010101;
  const backslashes = (word ^ 0x5c5c5c5c) - 0x01010101;
  return (control | quotes | backslashes | word) & 0x80808080;
}

/** How many bytes of the word come before the lowest marked one. */
function plainBytesBefore(marks: number): number {
  return (31 - Math.clz32(marks & -marks)) >>> 3;
}

export function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function describeByte(byte: number): string {
  return byte > 0x20 && byte < 0x7f
    ? `"${String.fromCharCode(byte)}"`
    : `the byte 0x${byte.toString(16).padStart(2, '0')}`;
}
