import type { ByteHeap } from './byte-heap.ts';
import { decodeEscape, escapeFaults, utf8SequenceLength } from './json-string.ts';

/** Why a record is refused: a stable word, and a sentence for people. */
export interface Failure {
  code: string;
  reason: string;
}

export const quote = 0x22;
const backslash = 0x5c;

/** Strings up to here are copied into a heap with room for the rest of the record; longer ones are measured first. */
const roomyBytes = 4096;

/**
 * A position in the bytes of one JSON value, and the strings of it. A method that answers false has left `failure` behind.
 * Strings must be valid UTF-8 without control characters and without lone surrogates, escaped or not.
 */
export class JsonScanner {
  buffer: Uint8Array = new Uint8Array(0);
  /** The same bytes as `buffer`, for words. */
  view: DataView = new DataView(new ArrayBuffer(0));
  position = 0;
  /** First position that does not belong to the value being read. */
  end = 0;
  failure: Failure | null = null;

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
        const after = decodeEscape(buffer, at, end, heap);
        if (after < 0) return this.#failInEscape(at, after);
        at = after;
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
        const after = decodeEscape(buffer, at, end, null);
        if (after < 0) return this.#failInEscape(at, after);
        at = after;
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

  #failInEscape(at: number, fault: number): false {
    if (fault === escapeFaults.loneSurrogate) {
      const text = Buffer.from(this.buffer.buffer, this.buffer.byteOffset + at, 6).toString('latin1');
      return this.fail('lone-surrogate', `expected a surrogate pair, came half of one (${text}): that is no character`);
    }
    this.position = at + 1;
    return this.failHere(
      fault === escapeFaults.hex ? 'four hex digits in an escape' : 'one of "\\/bfnrtu after a backslash',
    );
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

function describeByte(byte: number): string {
  return byte > 0x20 && byte < 0x7f
    ? `"${String.fromCharCode(byte)}"`
    : `the byte 0x${byte.toString(16).padStart(2, '0')}`;
}
