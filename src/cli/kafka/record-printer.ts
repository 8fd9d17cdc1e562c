import { isUtf8 } from 'node:buffer';
import type { RecordCursor } from '../../wire/index.ts';

const FLUSH_BYTES = 64 * 1024;

/** Writes records to a stream, no faster than the stream takes them. `isClosed` is true when nobody reads any more (`| head`). */
export class RecordPrinter {
  isClosed = false;
  readonly #output: NodeJS.WritableStream;
  readonly #asJson: boolean;
  #pending: Buffer[] = [];
  #pendingBytes = 0;

  constructor(output: NodeJS.WritableStream, asJson: boolean) {
    this.#output = output;
    this.#asJson = asJson;
    output.on('error', (error: NodeJS.ErrnoException) => {
      this.isClosed = true;
      if (error.code !== 'EPIPE') throw error;
    });
  }

  /** The record at the cursor. True: call `flush` before going on. */
  print(topic: string, partition: number, cursor: RecordCursor): boolean {
    const text = this.#asJson ? jsonLine(topic, partition, cursor) : (cursor.value() ?? 'null');
    const bytes = typeof text === 'string' ? Buffer.from(text, 'utf8') : text;
    this.#pending.push(bytes, newline);
    this.#pendingBytes += bytes.length + 1;
    return this.#pendingBytes >= FLUSH_BYTES;
  }

  async flush(): Promise<void> {
    if (this.#pendingBytes === 0 || this.isClosed) return;
    const bytes = Buffer.concat(this.#pending, this.#pendingBytes);
    this.#pending = [];
    this.#pendingBytes = 0;
    if (this.#output.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#output.off('drain', done).off('error', done).off('close', done);
        resolve();
      };
      this.#output.on('drain', done).on('error', done).on('close', done);
    });
  }
}

const newline = Buffer.from('\n');

function jsonLine(topic: string, partition: number, cursor: RecordCursor): string {
  const key = textOf(cursor.key());
  const value = textOf(cursor.value());
  return JSON.stringify({
    topic,
    partition,
    offset: cursor.offset.toString(),
    timestamp: timeOf(cursor.timestamp),
    key: key.text,
    ...(key.isBase64 ? { keyEncoding: 'base64' } : {}),
    value: value.text,
    ...(value.isBase64 ? { valueEncoding: 'base64' } : {}),
    headers: cursor.headers().map((header) => ({ name: header.name, value: textOf(header.value).text })),
  });
}

function textOf(bytes: Buffer | null): { text: string | null; isBase64: boolean } {
  if (bytes === null) return { text: null, isBase64: false };
  return isUtf8(bytes)
    ? { text: bytes.toString('utf8'), isBase64: false }
    : { text: bytes.toString('base64'), isBase64: true };
}

/** RFC 3339; the bare milliseconds beyond the years it can write; null for a record without a timestamp. */
function timeOf(timestampMs: bigint): string | null {
  if (timestampMs === -1n) return null;
  const date = new Date(Number(timestampMs));
  const year = date.getUTCFullYear(); // NaN beyond what a Date holds
  return year >= 0 && year <= 9999 ? date.toISOString() : timestampMs.toString();
}
