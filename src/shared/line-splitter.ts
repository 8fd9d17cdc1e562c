import { BadInputError } from './errors.ts';

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Splits bytes into lines: what lies before a line feed, without one carriage return at its end; also the last line when
 * nothing ends it. What is in a line does not matter.
 */
export class LineSplitter {
  readonly #maxLineBytes: number;
  readonly #keepEmpty: boolean;
  readonly #hint: string;
  /** The pieces of the line that has not ended yet. */
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #lineNumber = 1;

  /** `hint` ends the complaint about a line that is too long. */
  constructor(options: { maxLineBytes: number; keepEmpty: boolean; hint?: string }) {
    this.#maxLineBytes = options.maxLineBytes;
    this.#keepEmpty = options.keepEmpty;
    this.#hint = options.hint === undefined ? '' : `; ${options.hint}`;
  }

  /** The lines that end in this chunk. Throws BadInputError for a line that is too long. */
  push(chunk: Buffer): Buffer[] {
    const lines: Buffer[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#endLine(chunk.subarray(start, end), lines);
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
    return lines;
  }

  /** The last line, if it did not end with a line feed. */
  finish(): Buffer[] {
    const lines: Buffer[] = [];
    if (this.#pieceBytes > 0) this.#endLine(Buffer.alloc(0), lines);
    return lines;
  }

  #endLine(end: Buffer, lines: Buffer[]): void {
    let line = end;
    if (this.#pieceBytes > 0) {
      this.#keep(end);
      line = Buffer.concat(this.#pieces, this.#pieceBytes);
      this.#pieces = [];
      this.#pieceBytes = 0;
    } else {
      this.#checkLength(line.length);
    }
    this.#lineNumber++;
    if (line.length > 0 && line[line.length - 1] === CARRIAGE_RETURN) line = line.subarray(0, -1);
    if (line.length > 0 || this.#keepEmpty) lines.push(line);
  }

  #keep(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#pieceBytes += piece.length;
    this.#checkLength(this.#pieceBytes);
  }

  #checkLength(bytes: number): void {
    if (bytes <= this.#maxLineBytes) return;
    throw new BadInputError(
      `line ${this.#lineNumber}: expected at most ${this.#maxLineBytes} bytes, got more${this.#hint}`,
    );
  }
}
