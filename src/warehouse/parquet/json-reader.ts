import { JsonScanner, quote } from './json-scanner.ts';

/**
 * A strict RFC 8259 reader over bytes: no object, no string, no recursion. It moves `position` over one value at a time; a
 * method that answers false has left `failure` behind. Strings must be valid UTF-8 without lone surrogates, escaped or
 * not, at every depth; a nested value is walked, never built.
 */

/** Objects and arrays within each other, the record's own object included. */
export const maxDepth = 512;

export const comma = 0x2c;
export const minus = 0x2d;
export const colon = 0x3a;
export const openBracket = 0x5b;
export const closeBracket = 0x5d;
export const openBrace = 0x7b;
export const closeBrace = 0x7d;

export class JsonReader extends JsonScanner {
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

export function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
