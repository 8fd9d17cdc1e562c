import { BadInputError } from './errors.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Where the splitter is: before the array, in front of an element, inside one, behind one, or behind the array. */
type State = 'before' | 'element-or-end' | 'element' | 'inside' | 'comma-or-end' | 'after';

/**
 * Splits the text of a JSON array into the texts of its elements, byte for byte as they are in the input, whitespace
 * around them left out. Only brackets, quotes and commas are looked at: an element that is not valid JSON inside comes
 * through, which is what someone wants who tests a loader; a broken array is an error that names the byte.
 */
export class JsonElementSplitter {
  readonly #maxElementBytes: number;
  /** What follows the array is no business of ours. */
  readonly #ignoreRest: boolean;
  readonly #hint: string;
  #state: State = 'before';
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  /** Pieces of an element that began in an earlier chunk. */
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #chunkStart = 0;
  #elementCount = 0;

  /** `hint` ends the complaint about an element that is too large. */
  constructor(options: { maxElementBytes: number; ignoreRest?: boolean; hint?: string }) {
    this.#maxElementBytes = options.maxElementBytes;
    this.#ignoreRest = options.ignoreRest ?? false;
    this.#hint = options.hint === undefined ? '' : ` (${options.hint})`;
  }

  /** Whether the array has ended. */
  get hasEnded(): boolean {
    return this.#state === 'after';
  }

  /** The elements that end in this chunk. Throws BadInputError. */
  push(chunk: Buffer): Buffer[] {
    const elements: Buffer[] = [];
    let start = this.#state === 'inside' ? 0 : -1;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!;
      if (this.#state === 'inside') {
        if (!this.#endsElement(byte)) continue;
        elements.push(this.#takeElement(chunk.subarray(start, i)));
        start = -1;
        this.#state = byte === COMMA ? 'element' : byte === CLOSE_BRACKET ? 'after' : 'comma-or-end';
      } else if (!isWhitespace(byte)) {
        if (this.#enter(byte, i)) start = i;
      }
    }
    if (start >= 0) this.#keep(chunk.subarray(start));
    this.#chunkStart += chunk.length;
    return elements;
  }

  /** Throws BadInputError when the array has not ended. */
  finish(): void {
    if (this.#state !== 'after') throw this.#bad(0, 'the end of the array', 'the end of the input');
  }

  /** Looks at a byte outside of the elements; true when an element begins with it. */
  #enter(byte: number, position: number): boolean {
    switch (this.#state) {
      case 'before':
        if (byte !== OPEN_BRACKET) throw this.#bad(position, 'a JSON array', describeByte(byte));
        this.#state = 'element-or-end';
        return false;
      case 'comma-or-end':
        if (byte !== COMMA && byte !== CLOSE_BRACKET) throw this.#bad(position, '"," or "]"', describeByte(byte));
        this.#state = byte === COMMA ? 'element' : 'after';
        return false;
      case 'after':
        if (this.#ignoreRest) return false;
        throw this.#bad(position, 'nothing after the array', describeByte(byte));
      default:
        return this.#begin(byte, position);
    }
  }

  #begin(byte: number, position: number): boolean {
    if (byte === CLOSE_BRACKET && this.#state === 'element-or-end') {
      this.#state = 'after';
      return false;
    }
    if (byte === COMMA || byte === CLOSE_BRACKET) throw this.#bad(position, 'an element', describeByte(byte));
    this.#state = 'inside';
    this.#depth = 0;
    this.#isInString = false;
    this.#endsElement(byte);
    return true;
  }

  /** Follows quotes and brackets; true for the byte behind an element. */
  #endsElement(byte: number): boolean {
    if (this.#isInString) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (byte === BACKSLASH) this.#isEscaped = true;
      else if (byte === QUOTE) this.#isInString = false;
      return false;
    }
    switch (byte) {
      case QUOTE:
        this.#isInString = true;
        return false;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        this.#depth++;
        return false;
      case CLOSE_BRACE:
        this.#depth--;
        return false;
      case CLOSE_BRACKET:
        return --this.#depth < 0;
      default:
        return this.#depth <= 0 && (byte === COMMA || isWhitespace(byte));
    }
  }

  #takeElement(end: Buffer): Buffer {
    this.#elementCount++;
    if (this.#pieceBytes === 0) {
      this.#checkLength(end.length);
      return end;
    }
    this.#keep(end);
    const element = Buffer.concat(this.#pieces, this.#pieceBytes);
    this.#pieces = [];
    this.#pieceBytes = 0;
    return element;
  }

  #keep(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#pieceBytes += piece.length;
    this.#checkLength(this.#pieceBytes);
  }

  #checkLength(bytes: number): void {
    if (bytes <= this.#maxElementBytes) return;
    throw new BadInputError(
      `element ${this.#elementCount + 1} of the array: expected at most ${this.#maxElementBytes} bytes, got more${this.#hint}`,
    );
  }

  #bad(position: number, expected: string, got: string): BadInputError {
    const at = this.#chunkStart + position;
    return new BadInputError(`byte ${at}, after ${this.#elementCount} elements: expected ${expected}, got ${got}`);
  }
}

function isWhitespace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function describeByte(byte: number): string {
  return byte >= 0x20 && byte < 0x7f
    ? `"${String.fromCharCode(byte)}"`
    : `byte 0x${byte.toString(16).padStart(2, '0')}`;
}
