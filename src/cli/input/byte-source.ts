import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { BadInputError } from '../../shared/index.ts';

const CHUNK_BYTES = 256 * 1024;
const PEEK_BYTES = 64 * 1024;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** The bytes of a file or of the standard input, whose beginning can be looked at first. A UTF-8 byte order mark is left out. */
export class ByteSource {
  /** `-`: the standard input. */
  readonly path: string;
  /** 0: not known. */
  readonly sizeBytes: number;
  /** The first 64 KB, or all if there is less. */
  readonly head: Buffer;
  readonly #rest: AsyncIterator<Buffer>;
  #readBytes = 0;

  static async open(path: string): Promise<ByteSource> {
    const sizeBytes = path === '-' ? 0 : await checkedSize(path);
    const stream = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: CHUNK_BYTES });
    const rest = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
    const head = await readHead(rest, path === '-' ? 1 : PEEK_BYTES);
    return new ByteSource(path, sizeBytes, head, rest);
  }

  private constructor(path: string, sizeBytes: number, head: Buffer, rest: AsyncIterator<Buffer>) {
    this.path = path;
    this.sizeBytes = sizeBytes;
    this.head = head.subarray(0, 3).equals(BYTE_ORDER_MARK) ? head.subarray(3) : head;
    this.#rest = rest;
  }

  /** For progress bars. */
  get totalKb(): number {
    return Math.ceil(this.sizeBytes / 1024);
  }

  get readKb(): number {
    return Math.ceil(this.#readBytes / 1024);
  }

  /** All bytes, the head among them. Ends without an error when the signal is aborted. */
  async *chunks(signal: AbortSignal): AsyncGenerator<Buffer> {
    const aborted = new Promise<null>((resolve) =>
      signal.addEventListener('abort', () => resolve(null), { once: true }),
    );
    try {
      this.#readBytes += this.head.length;
      if (this.head.length > 0) yield this.head;
      while (!signal.aborted) {
        const next = await Promise.race([this.#rest.next(), aborted]);
        if (next === null || next.done) return;
        this.#readBytes += next.value.length;
        yield next.value;
      }
    } finally {
      if (this.path === '-') process.stdin.destroy();
      else await this.#rest.return?.();
    }
  }
}

async function checkedSize(path: string): Promise<number> {
  let handle: Awaited<ReturnType<typeof open>> | undefined;
  try {
    handle = await open(path, 'r');
    const status = await handle.stat();
    if (status.isDirectory()) throw new BadInputError(`expected a file, got the folder ${path}`);
    return status.size;
  } catch (error) {
    if (error instanceof BadInputError) throw error;
    const reason = (error as { code?: string }).code === 'ENOENT' ? 'there is none' : (error as Error).message;
    throw new BadInputError(`expected a file to read at ${path}: ${reason}`, { cause: error });
  } finally {
    await handle?.close();
  }
}

async function readHead(source: AsyncIterator<Buffer>, leastBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  while (bytes < leastBytes) {
    const next = await source.next();
    if (next.done) break;
    chunks.push(next.value);
    bytes += next.value.length;
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}
