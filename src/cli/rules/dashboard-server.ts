import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type MatchFeed, streamMatches } from '../../online/index.ts';
import { abortScope, BadInputError, describeError, isLoopbackHost, type Logger } from '../../shared/index.ts';
import { dashboardPage } from './dashboard-page.ts';

export interface DashboardServerOptions {
  /** An address of this machine alone: whoever reaches it reads the matches. */
  host: string;
  port: number;
  feed: MatchFeed;
  logger: Logger;
}

/** How long those who watch may take to read the last matches when the program has ended. */
const lastWordsMs = 2000;
const scriptHash = createHash('sha256').update(dashboardPage.script).digest('base64');
const contentPolicy = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${scriptHash}'; connect-src 'self'; frame-ancestors 'none'`;

/** Shows the matches of a running program: a page at `/`, server-sent events at `/matches`. */
export class DashboardServer {
  readonly #server: Server;
  readonly #options: DashboardServerOptions;
  readonly #closing = abortScope();

  private constructor(options: DashboardServerOptions) {
    this.#options = options;
    this.#server = createServer({ requestTimeout: 10_000, headersTimeout: 5000 }, (request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        options.logger.warn({ path: request.url, reason: describeError(error) }, 'RequestFailed');
        response.destroy();
      });
    });
    this.#server.maxConnections = 1024;
  }

  /** Throws BadInputError when others could reach it there, or when it cannot listen. */
  static async start(options: DashboardServerOptions): Promise<DashboardServer> {
    const { host, port, logger } = options;
    const where = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    if (!isLoopbackHost(where)) {
      throw new BadInputError(
        `expected an address that only this machine reaches for --dashboard, as 127.0.0.1:${port}, got ${where}: whoever reaches it reads the matches`,
      );
    }
    const dashboard = new DashboardServer(options);
    const server = dashboard.#server.listen(port, host);
    try {
      await once(server, 'listening');
    } catch (cause) {
      throw new BadInputError(`cannot listen for HTTP at ${where}: ${describeError(cause)}`, { cause });
    }
    server.on('error', (error) => logger.warn({ reason: describeError(error) }, 'HttpServerFailed'));
    return dashboard;
  }

  /** `http://host:port` */
  get url(): string {
    const { address, family, port } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  /** Those who watch are given what the feed still has for them. */
  async close(): Promise<void> {
    this.#options.feed.close();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const patience = setTimeout(() => {
      this.#closing.abort();
      this.#server.closeAllConnections();
    }, lastWordsMs);
    await closed;
    clearTimeout(patience);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://here').pathname;
    if (!isLoopbackHost(request.headers.host ?? '')) return refuse(response, 403, 'expected a name of this machine');
    if (request.method !== 'GET') return refuse(response, 405, `${request.method} is not possible here`);
    if (path === '/matches') return await streamMatches(this.#options.feed, request, response, this.#closing.signal);
    if (path !== '/') return refuse(response, 404, `there is nothing at ${path}; matches are at /matches`);
    response.writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': contentPolicy,
      connection: 'close',
    });
    response.end(dashboardPage.html);
  }
}

function refuse(response: ServerResponse, status: number, error: string): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', connection: 'close' });
  response.end(`${JSON.stringify({ error })}\n`);
}
