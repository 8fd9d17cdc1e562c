/** The listening socket: accepts connections within limits, closes idle ones, stops in good order. Plain text only. */
import { createServer, type Server, type Socket } from 'node:net';
import { BadInputError, type Clock, describeError, type Logger } from '../../shared/index.ts';
import { RequestBudget } from './request-budget.ts';
import { type RequestService, ServerConnection } from './server-connection.ts';
import type { ServerLimits } from './server-limits.ts';

export interface KafkaServerOptions {
  readonly service: RequestService;
  readonly limits: ServerLimits;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What has happened since the start. */
export interface ServerCounters {
  readonly connectionsAccepted: number;
  readonly connectionsRefused: number;
  readonly connectionsClosedIdle: number;
  readonly requests: number;
  readonly badRequests: number;
  /** Requests that failed by no fault of the client: there should be none. */
  readonly failures: number;
}

export class KafkaServer {
  readonly #options: KafkaServerOptions;
  readonly #budget: RequestBudget;
  readonly #server: Server;
  readonly #connections = new Set<ServerConnection>();
  readonly #perAddress = new Map<string, number>();
  readonly #counters = {
    connectionsAccepted: 0,
    connectionsRefused: 0,
    connectionsClosedIdle: 0,
    requests: 0,
    badRequests: 0,
    failures: 0,
  };
  #idleTimer: NodeJS.Timeout | null = null;
  #whenEmpty: (() => void) | null = null;

  constructor(options: KafkaServerOptions) {
    const { limits } = options;
    this.#options = options;
    this.#budget = new RequestBudget(limits.maxRequestBytes, limits.maxPartialFrameBytes);
    this.#server = createServer({ noDelay: true, keepAlive: true }, (socket) => this.#accept(socket));
  }

  get counters(): ServerCounters {
    return { ...this.#counters };
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Bytes of requests that are not answered. */
  get requestBytes(): number {
    return this.#budget.requestBytes;
  }

  /** Resolves to the port, once clients can connect. Throws BadInputError when the address cannot be had. */
  async listen(host: string, port: number): Promise<number> {
    await listenOn(this.#server, host, port);
    this.#server.on('error', (error) => this.#options.logger.error({ cause: describeError(error) }, 'AcceptFailed'));
    const { idleTimeoutMs } = this.#options.limits;
    this.#idleTimer = setInterval(() => this.#closeIdle(), Math.max(10, Math.min(idleTimeoutMs / 4, 10_000))).unref();
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : port;
  }

  /** Accepts nobody and reads nothing any more; resolves when what was received is answered, or `timeoutMs` is over. */
  async close(timeoutMs: number): Promise<void> {
    if (this.#idleTimer) clearInterval(this.#idleTimer);
    this.#server.close();
    for (const connection of this.#connections) connection.finish();
    if (this.#connections.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#whenEmpty = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.destroy();
  }

  /** Drops all connections at once. */
  destroy(): void {
    if (this.#idleTimer) clearInterval(this.#idleTimer);
    this.#server.close();
    for (const connection of this.#connections) connection.destroy();
  }

  #accept(socket: Socket): void {
    const { limits, logger, service, clock } = this.#options;
    const address = socket.remoteAddress ?? '';
    const count = this.#perAddress.get(address) ?? 0;
    if (this.#connections.size >= limits.maxConnections || count >= limits.maxConnectionsPerIp) {
      this.#counters.connectionsRefused++;
      logger.warn({ client: address, connections: this.#connections.size, ofThisClient: count }, 'ConnectionRefused');
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    this.#counters.connectionsAccepted++;
    this.#perAddress.set(address, count + 1);
    const connection = new ServerConnection({
      socket,
      service,
      limits,
      budget: this.#budget,
      logger,
      nowMs: () => clock.monotonicMs(),
      onRequest: () => this.#counters.requests++,
      onBadRequest: () => this.#counters.badRequests++,
      onFailure: () => this.#counters.failures++,
      onClosed: () => this.#forget(connection, address),
    });
    this.#connections.add(connection);
  }

  #forget(connection: ServerConnection, address: string): void {
    if (!this.#connections.delete(connection)) return;
    const count = this.#perAddress.get(address) ?? 0;
    if (count > 1) this.#perAddress.set(address, count - 1);
    else this.#perAddress.delete(address);
    if (this.#connections.size === 0) this.#whenEmpty?.();
  }

  /** Bytes of an unfinished request do not count as a sign of life, so sending one a minute keeps nothing open. */
  #closeIdle(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const connection of this.#connections) {
      if (connection.idleMs(nowMs) < this.#options.limits.idleTimeoutMs) continue;
      this.#counters.connectionsClosedIdle++;
      this.#options.logger.debug({ client: connection.remoteAddress }, 'IdleConnectionClosed');
      connection.destroy();
    }
  }
}

/** Throws BadInputError unless the address can be listened on now. Changes nothing. */
export async function checkAddress(host: string, port: number): Promise<void> {
  if (port === 0) return;
  const server = createServer((socket) => socket.destroy());
  await listenOn(server, host, port);
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

async function listenOn(server: Server, host: string, port: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, () => {
        server.removeListener('error', reject);
        resolve();
      });
    });
  } catch (error) {
    throw new BadInputError(`cannot listen on ${host}:${port}: ${reasons[errnoOf(error)] ?? describeError(error)}`, {
      cause: error,
    });
  }
}

const reasons: Record<string, string> = {
  EADDRINUSE: 'another process uses this port; stop it or choose another one with --listen',
  EACCES: 'this user may not use that port; choose one above 1023',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ENOTFOUND: 'there is no host of that name',
  EAI_AGAIN: 'the name of the host cannot be looked up',
};

function errnoOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}
