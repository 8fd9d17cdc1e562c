import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { HttpError, overloaded } from './http-error.ts';

export type BodyFormat = 'json' | 'ndjson';

const formats: Record<string, BodyFormat> = {
  'application/json': 'json',
  'application/x-ndjson': 'ndjson',
  'application/ndjson': 'ndjson',
  'application/jsonl': 'ndjson',
};

/** What the body says it is. Throws 415. */
export function formatOf(request: IncomingMessage): BodyFormat {
  const [type, ...parameters] = (request.headers['content-type'] ?? '')
    .split(';')
    .map((part) => part.trim().toLowerCase());
  const format = formats[type ?? ''];
  if (!format) {
    throw new HttpError(415, `expected content-type application/json or application/x-ndjson, got "${type ?? ''}"`);
  }
  const charset = parameters
    .find((parameter) => parameter.startsWith('charset='))
    ?.slice(8)
    .replaceAll('"', '');
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8') {
    throw new HttpError(415, `expected UTF-8, got charset ${charset}`);
  }
  return format;
}

/** The body's bytes, inflated, of which there are at most `maxBytes`. Whoever reads slowly holds the sender back. Throws 400, 413, 415. */
export async function* bodyChunks(request: IncomingMessage, maxBytes: number): AsyncGenerator<Buffer> {
  const tooLarge = (): HttpError => new HttpError(413, `expected a body of at most ${maxBytes} bytes, inflated`);
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  let size = 0;
  for await (const chunk of decoded(request, encoding)) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge();
    yield chunk;
  }
}

async function* decoded(request: IncomingMessage, encoding: string): AsyncGenerator<Buffer> {
  // The request is not destroyed when the reading ends early: its answer is still to be written.
  const plain = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  if (encoding === 'identity') {
    yield* plain;
    return;
  }
  if (encoding !== 'gzip' && encoding !== 'x-gzip') {
    throw new HttpError(415, `expected content-encoding gzip or none, got "${encoding}"`);
  }
  const gunzip = createGunzip({ chunkSize: 64 * 1024 });
  // What goes wrong is thrown to whoever reads the inflated bytes.
  pipeline(plain, gunzip, () => {});
  try {
    yield* gunzip as AsyncIterable<Buffer>;
  } catch (error) {
    if (!/^Z_/.test((error as NodeJS.ErrnoException).code ?? '')) throw error;
    throw new HttpError(400, 'expected a gzip body, got one that cannot be inflated', { cause: error });
  } finally {
    gunzip.destroy();
  }
}

/** Bytes of bodies that are held as a whole, by all requests together. */
export class BodyMemory {
  readonly #limitBytes: number;
  readonly #maxBodyMs: number;
  #heldBytes = 0;

  constructor(limitBytes: number, maxBodyMs: number) {
    this.#limitBytes = limitBytes;
    this.#maxBodyMs = maxBodyMs;
  }

  /** Runs `work` with the whole body. Throws 429 when there is no room for it beside the others, 408 when it comes too slowly. */
  async holding<T>(chunks: AsyncIterable<Buffer>, work: (body: Buffer) => Promise<T>): Promise<T> {
    const pieces: Buffer[] = [];
    let ownBytes = 0;
    try {
      for await (const chunk of inTime(chunks, this.#maxBodyMs)) {
        if (this.#heldBytes + chunk.length > this.#limitBytes) {
          throw overloaded(429, 'too many bytes are being received at the moment; send this again');
        }
        this.#heldBytes += chunk.length;
        ownBytes += chunk.length;
        pieces.push(chunk);
      }
      return await work(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces));
    } finally {
      this.#heldBytes -= ownBytes;
    }
  }
}

/** A client that sends a byte now and then keeps no place among the requests for long. */
async function* inTime(chunks: AsyncIterable<Buffer>, maxMs: number): AsyncGenerator<Buffer> {
  const iterator = chunks[Symbol.asyncIterator]();
  let timer: NodeJS.Timeout | undefined;
  const tooSlow = new Promise<never>((_, reject) => {
    const error = new HttpError(408, `expected the whole body within ${maxMs / 1000} s`);
    timer = setTimeout(() => reject(error), maxMs);
  });
  tooSlow.catch(() => {});
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), tooSlow]);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    clearTimeout(timer);
    // Not awaited: where a chunk is still waited for, it ends with the connection.
    iterator.return?.()?.catch(() => {});
  }
}
