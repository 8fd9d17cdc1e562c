import type { FileHandle } from 'node:fs/promises';
import { endOf, fingerprintBytes, fingerprintOf, readAt, type ShippedPart } from './fingerprint.ts';
import type { FileState } from './tail-state.ts';

/** Lines of one file that follow each other. */
export interface Piece {
  file: TailedFile;
  /** Without the line feed and one carriage return before it; empty lines are left out. */
  values: Buffer[];
  /** Where the lines end in the file. */
  nextPosition: number;
  /** The bytes that the piece was made of: the first ones and the last ones. */
  firstBytes: Buffer;
  endBytes: Buffer;
}

export interface ReadLimits {
  maxBytes: number;
  /** Longer lines become several records. */
  maxLineBytes: number;
}

/** What a record costs beside its bytes; keeps a file of very short lines from becoming a very long batch. */
const recordOverheadBytes = 32;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** An open file and how far its lines were shipped. Keeps no bytes: what is not shipped is read again. */
export class TailedFile {
  readonly state: FileState;
  readonly handle: FileHandle;
  /** When its name was found to be that of another file, or of none; monotonic ms. Null: it is where it should be. */
  goneSinceMs: number | null = null;
  /** When its size last changed; monotonic ms. */
  changedAtMs: number;
  sizeBytes: number;
  /** It is known whether it is a file of its own or the copy of another; before that nothing of it is sent. */
  isSettled: boolean;
  /** Nobody writes to it any more: its last line counts without a line feed too. */
  isFinal = false;
  /** The first and the last bytes below the position, as far as they are known. Never read anew: the file may be another by then. */
  #headBytes: Buffer;
  #endBytes: Buffer = Buffer.alloc(0);

  /** `headBytes` are those of `state.head`. */
  constructor(state: FileState, handle: FileHandle, headBytes: Buffer, sizeBytes: number, nowMs: number) {
    this.state = state;
    this.#headBytes = Buffer.from(headBytes);
    this.handle = handle;
    this.sizeBytes = sizeBytes;
    this.changedAtMs = nowMs;
    this.isSettled = state.position > 0 || state.copyOf !== null;
  }

  get name(): string {
    return this.state.path;
  }

  /** Held back because it is a copy of a file that is still being shipped. */
  get isHeld(): boolean {
    return this.state.copyOf !== null;
  }

  get hasMore(): boolean {
    return this.isSettled && !this.isHeld && this.sizeBytes > this.state.position;
  }

  /** Looks at the size, and says whether the file still begins with what was shipped. */
  async isIntact(nowMs: number): Promise<boolean> {
    const { size } = await this.handle.stat();
    if (size !== this.sizeBytes) {
      this.sizeBytes = size;
      this.changedAtMs = nowMs;
    }
    if (size < this.state.position) return false;
    const head = fingerprintOf(await readAt(this.handle, 0, this.state.head.bytes));
    return head.hash === this.state.head.hash;
  }

  /** The next whole lines; null when there are none. What is read may be of a file that was truncated meanwhile: ask `isIntact` then. */
  async read({ maxBytes, maxLineBytes }: ReadLimits): Promise<Piece | null> {
    const { position } = this.state;
    const { size } = await this.handle.stat();
    const chunk = await readAt(this.handle, position, Math.min(maxBytes, size - position));
    const isAtEnd = this.isFinal && position + chunk.length === size;
    const values: Buffer[] = [];
    let start = 0;
    let cost = 0;
    while (start < chunk.length && cost < maxBytes) {
      const lineFeed = chunk.indexOf(LINE_FEED, start);
      const end = lineFeed < 0 ? chunk.length : lineFeed;
      const isTooLong = end - start > maxLineBytes;
      if (lineFeed < 0 && !isTooLong && !isAtEnd) break;
      const value = isTooLong ? chunk.subarray(start, start + maxLineBytes) : withoutReturn(chunk, start, end);
      if (value.length > 0) values.push(value);
      cost += value.length + recordOverheadBytes;
      start = isTooLong ? start + maxLineBytes : lineFeed < 0 ? end : end + 1;
    }
    if (start === 0) return null;
    const firstBytes = chunk.subarray(0, Math.min(fingerprintBytes, start));
    const endBytes = chunk.subarray(Math.max(0, start - fingerprintBytes), start);
    return { file: this, values, nextPosition: position + start, firstBytes, endBytes };
  }

  /** How far the file is shipped when this piece is. */
  after(piece: Piece): ShippedPart {
    const { nextPosition: position } = piece;
    return { position, head: fingerprintOf(this.#headWith(piece)), end: fingerprintOf(this.#endWith(piece)) };
  }

  /** What the piece holds was shipped. */
  advance(piece: Piece): void {
    const part = this.after(piece);
    this.#headBytes = this.#headWith(piece);
    this.#endBytes = this.#endWith(piece);
    Object.assign(this.state, part);
  }

  /** The log says that more was shipped than we knew. */
  async adopt(part: ShippedPart): Promise<void> {
    this.#headBytes = await readAt(this.handle, 0, part.head.bytes);
    this.#endBytes = Buffer.alloc(0);
    Object.assign(this.state, part);
  }

  /** Goes to a position that is known from elsewhere: what lies before it has been shipped. */
  async moveTo(position: number): Promise<void> {
    this.#headBytes = await readAt(this.handle, 0, Math.min(fingerprintBytes, position));
    this.#endBytes = Buffer.alloc(0);
    this.state.position = position;
    this.state.head = fingerprintOf(this.#headBytes);
    this.state.end = await endOf(this.handle, position);
  }

  /** Its state was replaced by that of a new file. */
  forget(): void {
    this.#headBytes = Buffer.alloc(0);
    this.#endBytes = Buffer.alloc(0);
    this.isFinal = false;
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  /** Grows only while all bytes before the piece are known. */
  #headWith({ firstBytes }: Piece): Buffer {
    const head = this.#headBytes;
    if (head.length >= fingerprintBytes || head.length !== this.state.position) return head;
    return Buffer.concat([head, firstBytes]).subarray(0, fingerprintBytes);
  }

  #endWith({ endBytes }: Piece): Buffer {
    return Buffer.concat([this.#endBytes, endBytes]).subarray(-fingerprintBytes);
  }
}

function withoutReturn(chunk: Buffer, start: number, end: number): Buffer {
  return chunk.subarray(start, end > start && chunk[end - 1] === CARRIAGE_RETURN ? end - 1 : end);
}
