import { SluiceError } from '../../shared/index.ts';

export interface SyslogFrame {
  bytes: Buffer;
  /** The message was longer than what is kept; the rest was passed over. */
  isTruncated: boolean;
}

const SPACE = 0x20;
const LINE_FEED = 0x0a;
/** Counts have at most so many digits: more is no count. */
const maxCountDigits = 7;

type State = { kind: 'start' } | { kind: 'counted'; leftBytes: number } | { kind: 'line' };

/**
 * Splits a TCP stream into messages (RFC 6587), each framed as it likes: `LENGTH SP MESSAGE`, told by a digit at its beginning, or up to a line
 * feed. Holds at most `maxMessageBytes`; what is longer is cut. Throws SluiceError for a count that is none: nobody knows where the next message begins.
 */
export class SyslogFrames {
  readonly #maxMessageBytes: number;
  #state: State = { kind: 'start' };
  /** Bytes of a frame's beginning that may still be a count. */
  #countText = '';
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #isTruncated = false;

  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** The messages that end in this chunk. */
  push(chunk: Buffer): SyslogFrame[] {
    const frames: SyslogFrame[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#state.kind === 'start') at = this.#begin(chunk, at);
      else if (this.#state.kind === 'counted') at = this.#takeCounted(this.#state, chunk, at, frames);
      else at = this.#takeLine(chunk, at, frames);
    }
    return frames;
  }

  /** The connection has ended: a last line counts without a line feed, a counted message only if it was whole. */
  finish(): SyslogFrame[] {
    const frames: SyslogFrame[] = [];
    if (this.#state.kind === 'line') this.#end(frames);
    return frames;
  }

  #begin(chunk: Buffer, start: number): number {
    let at = start;
    for (; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (byte === SPACE && this.#countText !== '') {
        this.#state = { kind: 'counted', leftBytes: Number(this.#countText) };
        this.#countText = '';
        return at + 1;
      }
      if (!isDigit(byte, this.#countText !== '')) break;
      this.#countText += String.fromCharCode(byte);
      if (this.#countText.length > maxCountDigits) {
        throw new SluiceError(
          'syslog-framing',
          `expected a length of at most ${maxCountDigits} digits, got ${this.#countText}...`,
        );
      }
    }
    if (at === chunk.length) return at;
    const isBlank = this.#countText === '' && (chunk[at] === LINE_FEED || chunk[at] === 0x0d || chunk[at] === 0);
    if (isBlank) return at + 1;
    // Digits that no space follows were the beginning of a line.
    if (this.#countText !== '') this.#keep(Buffer.from(this.#countText, 'latin1'));
    this.#countText = '';
    this.#state = { kind: 'line' };
    return at;
  }

  #takeCounted(state: { leftBytes: number }, chunk: Buffer, at: number, frames: SyslogFrame[]): number {
    const end = Math.min(chunk.length, at + state.leftBytes);
    this.#keep(chunk.subarray(at, end));
    state.leftBytes -= end - at;
    if (state.leftBytes === 0) this.#end(frames);
    return end;
  }

  #takeLine(chunk: Buffer, at: number, frames: SyslogFrame[]): number {
    const lineFeed = chunk.indexOf(LINE_FEED, at);
    const end = lineFeed < 0 ? chunk.length : lineFeed;
    this.#keep(chunk.subarray(at, end));
    if (lineFeed < 0) return end;
    this.#end(frames);
    return end + 1;
  }

  #keep(piece: Buffer): void {
    const room = this.#maxMessageBytes - this.#pieceBytes;
    const kept = piece.length > room ? piece.subarray(0, room) : piece;
    if (kept.length < piece.length) this.#isTruncated = true;
    if (kept.length === 0) return;
    // A copy: the chunk may be much larger than what is kept of it.
    this.#pieces.push(Buffer.from(kept));
    this.#pieceBytes += kept.length;
  }

  #end(frames: SyslogFrame[]): void {
    if (this.#pieceBytes > 0) {
      frames.push({ bytes: Buffer.concat(this.#pieces, this.#pieceBytes), isTruncated: this.#isTruncated });
    }
    this.#pieces = [];
    this.#pieceBytes = 0;
    this.#isTruncated = false;
    this.#state = { kind: 'start' };
  }
}

/** A count does not begin with 0. */
function isDigit(byte: number, mayBeZero: boolean): boolean {
  return byte <= 0x39 && byte >= (mayBeZero ? 0x30 : 0x31);
}
