import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { BadInputError, describeError } from '../shared/index.ts';
import { pageHeaders } from './security-headers.ts';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const startPage = 'index.html';

interface PageFile {
  type: string;
  /** As it is, and packed; browsers take `br` over TLS and from this machine only. */
  bodies: Readonly<Record<'identity' | 'gzip' | 'br', Buffer>>;
  version: string;
}

/**
 * The pages: a few files, read once and kept in memory, packed and as they are. There is nothing else to be had by a path. The start page
 * names script and style sheet with their version, so that a browser keeps them for good and asks for one small file only.
 */
export class StaticFiles {
  readonly #files = new Map<string, PageFile>();

  /** Throws BadInputError when the pages have not been built. */
  constructor(directory: string) {
    try {
      const names = readdirSync(directory).sort((a, b) => Number(a === startPage) - Number(b === startPage));
      for (const name of names) this.#add(name, readFileSync(join(directory, name)));
    } catch (cause) {
      throw new BadInputError(`expected the pages of the console in ${directory}: ${describeError(cause)}`, { cause });
    }
    const start = this.#files.get(`/${startPage}`);
    if (!start) throw new BadInputError(`expected index.html among the pages of the console in ${directory}`);
    this.#files.set('/', start);
  }

  send(request: IncomingMessage, response: ServerResponse, { pathname: path, searchParams }: URL): void {
    const file = this.#files.get(path);
    if (!file || (request.method !== 'GET' && request.method !== 'HEAD')) {
      response.writeHead(file ? 405 : 404, { ...pageHeaders, 'content-type': 'text/plain; charset=utf-8' });
      return void response.end(file ? 'expected GET\n' : 'there is no such page\n');
    }
    const isFixed = searchParams.get('v') === file.version;
    const etag = `"${file.version}"`;
    const headers = {
      ...{ ...pageHeaders, etag, vary: 'accept-encoding' },
      'cache-control': isFixed ? 'public, max-age=31536000, immutable' : 'no-cache',
    };
    if (request.headers['if-none-match'] === etag) return void response.writeHead(304, headers).end();
    const encoding = bestEncoding(request.headers['accept-encoding']);
    const body = file.bodies[encoding];
    response.writeHead(200, {
      ...headers,
      ...(encoding === 'identity' ? {} : { 'content-encoding': encoding }),
      'content-type': file.type,
      'content-length': body.length,
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  #add(name: string, content: Buffer): void {
    const type = types[extname(name)];
    if (type === undefined) return;
    const bytes = name === startPage ? this.#withVersions(content) : content;
    const version = createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
    const br = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } });
    this.#files.set(`/${name}`, {
      type,
      bodies: { identity: bytes, gzip: gzipSync(bytes, { level: 9 }), br },
      version,
    });
  }

  #withVersions(page: Buffer): Buffer {
    let text = page.toString('utf8');
    for (const [path, { version }] of this.#files) {
      if (/\.(js|css)$/.test(path)) text = text.replaceAll(`"${path}"`, `"${path}?v=${version}"`);
    }
    return Buffer.from(text);
  }
}

function bestEncoding(accepted: string | string[] | undefined): 'identity' | 'gzip' | 'br' {
  const names = String(accepted ?? '');
  if (/\bbr\b/.test(names)) return 'br';
  return /\bgzip\b/.test(names) ? 'gzip' : 'identity';
}
