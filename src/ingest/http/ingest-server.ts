import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BadInputError, describeError, type Logger } from '../../shared/index.ts';
import type { HttpIngest } from './http-ingest.ts';

export interface IngestServerOptions {
  ingest: HttpIngest;
  host: string;
  port: number;
  logger: Logger;
}

const maxConnections = 4096;
/** A connection on which nothing moves for so long is closed. */
const idleMs = 60_000;
/** A request may take long, because its body may be a stream; what stands still is ended by `idleMs`. */
const requestMs = 3_600_000;

/** A server of its own for events over HTTP, with `GET /health`. */
export class IngestServer {
  readonly #server: Server;
  readonly #ingest: HttpIngest;

  private constructor({ ingest }: IngestServerOptions) {
    this.#ingest = ingest;
    const timeouts = { requestTimeout: requestMs, headersTimeout: 10_000, keepAliveTimeout: 30_000 };
    this.#server = createServer(timeouts, (request, response) => {
      if (ingest.handle(request, response)) return;
      const isHealth = request.url === '/health' && request.method === 'GET';
      const body = JSON.stringify(isHealth ? { ok: true } : { error: 'there is nothing here' });
      response.writeHead(isHealth ? 200 : 404, { 'content-type': 'application/json; charset=utf-8' }).end(`${body}\n`);
      request.resume();
    });
    this.#server.maxConnections = maxConnections;
    this.#server.setTimeout(idleMs);
  }

  /** Throws BadInputError when it cannot listen there. */
  static async start(options: IngestServerOptions): Promise<IngestServer> {
    const { host, port, logger } = options;
    const started = new IngestServer(options);
    await new Promise<void>((resolve, reject) => {
      started.#server.once('error', (cause) => {
        reject(new BadInputError(`cannot listen for HTTP at ${host}:${port}: ${describeError(cause)}`, { cause }));
      });
      started.#server.listen(port, host, resolve);
    });
    started.#server.on('error', (error) => logger.warn({ reason: describeError(error) }, 'HttpServerFailed'));
    return started;
  }

  /** `http://host:port` */
  get url(): string {
    const { address, family, port } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  /** Takes no more connections, lets the requests under way get their answers for `graceMs`, then ends the rest. */
  async close(graceMs = 10_000): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    // A connection whose last answer has gone out is idle, and would be kept for another request.
    const idle = setInterval(() => this.#server.closeIdleConnections(), 50);
    const timer = setTimeout(() => this.#server.closeAllConnections(), graceMs);
    await closed;
    clearInterval(idle);
    clearTimeout(timer);
    await this.#ingest.close();
  }
}
