import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ReportRefusedError } from '../reports/index.ts';
import {
  abortScope,
  anyOf,
  BadInputError,
  describeError,
  type Logger,
  SluiceError,
  stringifyJson,
} from '../shared/index.ts';
import { isKafkaError } from '../wire/client/index.ts';
import { errorCodes } from '../wire/index.ts';
import type { SessionAnswer } from './answers.ts';
import { TooManyTriesError } from './auth/accounts.ts';
import type { Caller, RequestGuard } from './auth/request-guard.ts';
import { readBody } from './read-body.ts';
import type { Answer, ConsoleRoute } from './route.ts';
import { apiHeaders, reportHeaders } from './security-headers.ts';
import type { StaticFiles } from './static-files.ts';

export interface ConsoleServerOptions {
  host: string;
  port: number;
  guard: RequestGuard;
  pages: StaticFiles;
  routes: readonly ConsoleRoute[];
  logger: Logger;
}

const maxConnections = 2048;

/** The console over HTTP: the pages, who may see them, and the routes behind them. */
export class ConsoleServer {
  readonly #server: Server;
  readonly #options: ConsoleServerOptions;
  readonly #closing = abortScope();

  private constructor(options: ConsoleServerOptions) {
    this.#options = options;
    this.#server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, (request, response) => {
      void this.#handle(request, response);
    });
    this.#server.maxConnections = maxConnections;
  }

  /** Throws BadInputError when it cannot listen there. */
  static async start(options: ConsoleServerOptions): Promise<ConsoleServer> {
    const started = new ConsoleServer(options);
    await new Promise<void>((resolve, reject) => {
      started.#server.once('error', (cause) => {
        const where = `${options.host}:${options.port}`;
        reject(new BadInputError(`cannot serve the console at ${where}: ${describeError(cause)}`, { cause }));
      });
      started.#server.listen(options.port, options.host, resolve);
    });
    started.#server.on('error', (error) =>
      options.logger.warn({ reason: describeError(error) }, 'ConsoleServerFailed'),
    );
    return started;
  }

  /** `http://host:port` */
  get url(): string {
    const { address, family, port } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('the console closes'));
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = abortScope();
    response.once('close', () => gone.abort(new Error('the client has gone')));
    const signal = anyOf(this.#closing.signal, gone.signal);
    try {
      await this.#dispatch(request, response, signal);
    } catch (error) {
      if (signal.aborted || response.headersSent) return void response.destroy();
      const { status, json } = failure(error);
      if (status >= 500)
        this.#options.logger.warn({ path: request.url, reason: describeError(error) }, 'RequestFailed');
      send(request, response, { status, json });
    }
  }

  async #dispatch(request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://here');
    const method = request.method === 'HEAD' ? 'GET' : (request.method ?? '');
    const { guard, pages } = this.#options;
    const refusal = guard.checkHost(request.headers);
    if (refusal) return send(request, response, { status: refusal.status, json: { error: refusal.error } });
    if (url.pathname === '/live') return send(request, response, { json: { status: 'ok' } });
    if (!url.pathname.startsWith('/api/')) return pages.send(request, response, url);
    if (url.pathname === '/api/login') return await this.#logIn(request, response, method);
    const caller = await guard.identify(request.headers);
    if (url.pathname === '/api/session') return send(request, response, sessionAnswer(caller, guard));
    if (!caller) return send(request, response, { status: 401, json: { error: 'log in first' } });
    if (url.pathname === '/api/logout') return this.#logOut(request, response, method, caller);
    await this.#route(request, response, { url, method, caller, signal });
  }

  async #route(
    request: IncomingMessage,
    response: ServerResponse,
    { url, method, caller, signal }: { url: URL; method: string; caller: Caller; signal: AbortSignal },
  ): Promise<void> {
    const onPath = this.#options.routes.filter(({ pattern }) => pattern.test(url.pathname));
    const route = onPath.find((one) => one.method === method);
    if (!route) {
      const error = onPath.length === 0 ? `there is nothing at ${url.pathname}` : `${method} is not possible here`;
      return send(request, response, { status: onPath.length === 0 ? 404 : 405, json: { error } });
    }
    const role = route.kind === 'action' || (route.kind === 'question' && route.role) ? 'operator' : 'viewer';
    const refusal = this.#mayCall(request, caller, route, role);
    if (refusal) return send(request, response, { status: refusal.status, json: { error: refusal.error } });
    if (route.kind === 'stream') return await route.open(request, response, signal);
    const params = (route.pattern.exec(url.pathname) ?? []).slice(1).map(decode);
    const body = method === 'POST' ? await readBody(request) : {};
    const from = request.socket.remoteAddress ?? '';
    send(request, response, await route.answer({ params, query: url.searchParams, body, caller, from, signal }));
  }

  #mayCall(request: IncomingMessage, caller: Caller, route: ConsoleRoute, role: 'viewer' | 'operator') {
    const { guard } = this.#options;
    if (route.method === 'POST') return guard.checkChange(request.headers, caller, role);
    if (role === 'operator' && caller.person.role !== 'operator') {
      return { status: 403, error: 'only an operator may see that' };
    }
    return null;
  }

  async #logIn(request: IncomingMessage, response: ServerResponse, method: string): Promise<void> {
    const { guard, logger } = this.#options;
    if (method !== 'POST') return send(request, response, { status: 405, json: { error: 'expected POST' } });
    const refusal = guard.checkOrigin(request.headers);
    if (refusal) return send(request, response, { status: refusal.status, json: { error: refusal.error } });
    const { name, password } = await readBody(request);
    if (typeof name !== 'string' || typeof password !== 'string' || password.length > 1000) {
      throw new BadInputError('expected {"name": "...", "password": "..."}');
    }
    const found = await guard.logIn(name, password);
    const from = request.socket.remoteAddress ?? '';
    logger.info({ who: name.slice(0, 64), from, outcome: found ? 'done' : 'refused' }, 'LoginTried');
    if (!found) return send(request, response, { status: 401, json: { error: 'this name and password do not fit' } });
    const answer = sessionAnswer({ person: found.session, session: found.session }, guard);
    send(request, response, { ...answer, headers: { 'set-cookie': found.cookie } });
  }

  #logOut(request: IncomingMessage, response: ServerResponse, method: string, caller: Caller): void {
    send(request, response, this.#logOutAnswer(request, method, caller));
  }

  #logOutAnswer(request: IncomingMessage, method: string, caller: Caller): Answer {
    const { guard } = this.#options;
    if (method !== 'POST') return { status: 405, json: { error: 'expected POST' } };
    const refusal = guard.checkChange(request.headers, caller, 'viewer');
    if (refusal) return { status: refusal.status, json: { error: refusal.error } };
    return { json: {}, headers: { 'set-cookie': guard.logOut(request.headers) } };
  }
}

function sessionAnswer(caller: Caller | null, guard: RequestGuard): { json: SessionAnswer } {
  const person = caller && { name: caller.person.name, role: caller.person.role };
  return { json: { person, csrf: caller?.session?.csrf ?? null, hasAccounts: guard.hasAccounts } };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    throw new BadInputError(`expected a percent-encoded path, got "${part}"`, { cause });
  }
}

function failure(error: unknown): { status: number; json: { error: string } } {
  const json = { error: describeError(error) };
  if (error instanceof TooManyTriesError) return { status: 429, json };
  if (error instanceof BadInputError) return { status: 400, json };
  if (isKafkaError(error, errorCodes.UNKNOWN_TOPIC_OR_PARTITION, errorCodes.GROUP_ID_NOT_FOUND))
    return { status: 404, json };
  if (error instanceof SluiceError && error.code === 'query-timeout') return { status: 408, json };
  if (error instanceof ReportRefusedError) return { status: 409, json };
  if (error instanceof SluiceError && error.isRetriable) return { status: 503, json };
  return { status: 500, json };
}

function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const body = Buffer.from('page' in answer ? answer.page : `${stringifyJson(answer.json)}\n`);
  if ('page' in answer) response.writeHead(200, { ...reportHeaders, 'content-type': 'text/html; charset=utf-8' });
  else {
    const type = { 'content-type': 'application/json; charset=utf-8', 'content-length': body.length };
    response.writeHead(answer.status ?? 200, { ...apiHeaders, ...answer.headers, ...type });
  }
  response.end(request.method === 'HEAD' ? undefined : body);
}
