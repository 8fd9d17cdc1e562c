import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { abortScope, BadInputError, describeError, type Logger, stringifyJson } from '../shared/index.ts';
import { mayChange } from './http-access.ts';
import { readJsonBody } from './read-json-body.ts';

/** What a route answers: JSON, or a text of its own type. */
export type RouteAnswer = { status: number; json: unknown } | { status: number; text: string; type: string };

export interface RouteRequest {
  /** What the pattern's groups matched, decoded. */
  params: readonly string[];
  query: URLSearchParams;
  /** The JSON body of a POST; `{}` when there is none. */
  body: Record<string, unknown>;
  signal: AbortSignal;
}

export interface Route {
  method: 'GET' | 'POST';
  /** Of the whole path; each group is one parameter. */
  pattern: RegExp;
  answer(request: RouteRequest): Promise<RouteAnswer> | RouteAnswer;
}

export interface OperationServerOptions {
  host: string;
  port: number;
  /** Whoever has it may change something; null: only programs on this machine. */
  token: string | null;
  logger: Logger;
  routes: readonly Route[];
}

/** A small HTTP server for people and programs that watch and control. GET changes nothing, POST is for those who may. */
export class OperationServer {
  readonly #server: Server;
  readonly #options: OperationServerOptions;
  readonly #closing = abortScope();

  private constructor(options: OperationServerOptions) {
    this.#options = options;
    this.#server = createServer({ requestTimeout: 10_000, headersTimeout: 5000 }, (request, response) => {
      void this.#handle(request, response);
    });
    this.#server.maxConnections = 256;
  }

  /** Throws BadInputError when it cannot listen there. */
  static async start(options: OperationServerOptions): Promise<OperationServer> {
    const started = new OperationServer(options);
    await new Promise<void>((resolve, reject) => {
      started.#server.once('error', (cause) => {
        const where = `${options.host}:${options.port}`;
        reject(new BadInputError(`cannot listen for HTTP at ${where}: ${describeError(cause)}`, { cause }));
      });
      started.#server.listen(options.port, options.host, resolve);
    });
    started.#server.on('error', (error) => options.logger.warn({ reason: describeError(error) }, 'HttpServerFailed'));
    return started;
  }

  /** `http://host:port` */
  get url(): string {
    const { address, family, port } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      send(response, await this.#answer(request), request.method === 'HEAD');
    } catch (error) {
      const isBadInput = error instanceof BadInputError;
      if (!isBadInput) this.#options.logger.warn({ path: request.url, reason: describeError(error) }, 'RequestFailed');
      send(response, { status: isBadInput ? 400 : 500, json: { error: describeError(error) } });
    }
  }

  async #answer(request: IncomingMessage): Promise<RouteAnswer> {
    const url = new URL(request.url ?? '/', 'http://here');
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const onPath = this.#options.routes.filter(({ pattern }) => pattern.test(url.pathname));
    const route = onPath.find((one) => one.method === method);
    if (onPath.length === 0) return { status: 404, json: { error: `there is nothing at ${url.pathname}` } };
    if (!route) return { status: 405, json: { error: `${request.method} is not possible here` } };
    if (route.method === 'POST') {
      const refusal = mayChange(request, this.#options.token);
      if (refusal) return { status: refusal.status, json: { error: refusal.error } };
    }
    const params = (route.pattern.exec(url.pathname) ?? []).slice(1).map(decode);
    const body = route.method === 'POST' ? ((await readJsonBody(request)) ?? {}) : {};
    return await route.answer({ params, query: url.searchParams, body, signal: this.#closing.signal });
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    throw new BadInputError(`expected a percent-encoded path, got "${part}"`, { cause });
  }
}

function send(response: ServerResponse, answer: RouteAnswer, isHead = false): void {
  const isText = 'text' in answer;
  const body = isText ? answer.text : `${stringifyJson(answer.json, 2)}\n`;
  response.writeHead(answer.status, {
    'content-type': isText ? answer.type : 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  });
  response.end(isHead ? undefined : body);
}
