import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { BadInputError, describeError } from '../shared/index.ts';
import { pageHeaders } from './security-headers.ts';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

interface PageFile {
  type: string;
  bytes: Buffer;
  packed: Buffer;
  etag: string;
}

/** The pages: a few files, read once and kept in memory, packed and as they are. There is nothing else to be had by a path. */
export class StaticFiles {
  readonly #files = new Map<string, PageFile>();

  /** Throws BadInputError when the pages have not been built. */
  constructor(directory: string) {
    try {
      for (const name of readdirSync(directory)) this.#add(`/${name}`, readFileSync(join(directory, name)));
    } catch (cause) {
      throw new BadInputError(`expected the pages of the console in ${directory}: ${describeError(cause)}`, { cause });
    }
    const start = this.#files.get('/index.html');
    if (!start) throw new BadInputError(`expected index.html among the pages of the console in ${directory}`);
    this.#files.set('/', start);
  }

  send(request: IncomingMessage, response: ServerResponse, path: string): void {
    const file = this.#files.get(path);
    if (!file || (request.method !== 'GET' && request.method !== 'HEAD')) {
      response.writeHead(file ? 405 : 404, { ...pageHeaders, 'content-type': 'text/plain; charset=utf-8' });
      return void response.end(file ? 'expected GET\n' : 'there is no such page\n');
    }
    const headers = { ...pageHeaders, etag: file.etag, 'cache-control': 'no-cache', vary: 'accept-encoding' };
    if (request.headers['if-none-match'] === file.etag) return void response.writeHead(304, headers).end();
    const isPacked = /\bbr\b/.test(String(request.headers['accept-encoding'] ?? ''));
    const body = isPacked ? file.packed : file.bytes;
    response.writeHead(200, {
      ...headers,
      ...(isPacked ? { 'content-encoding': 'br' } : {}),
      'content-type': file.type,
      'content-length': body.length,
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  #add(path: string, bytes: Buffer): void {
    const type = types[extname(path)];
    if (type === undefined) return;
    const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
    const packed = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } });
    this.#files.set(path, { type, bytes, packed, etag });
  }
}
