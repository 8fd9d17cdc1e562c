import { BadInputError, type Clock, type Logger } from '../../shared/index.ts';
import { BackOff, untilAborted } from './back-off.ts';
import { type Authenticator, KafkaConnection } from './kafka-connection.ts';
import { ConnectionError } from './kafka-error.ts';
import type { Transport } from './transport.ts';

export interface PoolOptions {
  clientId: string;
  connectTimeoutMs: number;
  requestTimeoutMs: number;
  maxResponseBytes?: number | undefined;
  clock: Clock;
  logger: Logger;
  random: () => number;
  transport?: Transport | undefined;
  authenticate?: Authenticator | undefined;
}

export interface Address {
  host: string;
  port: number;
}

interface Reachability {
  backOff: BackOff;
  /** Monotonic time before which no new attempt starts. */
  retryAtMs: number;
}

/**
 * The open connections of a client, one per address and lane. A lane is a name for traffic that must not wait behind
 * other traffic: brokers answer one request of a connection after the other, so a long poll would hold up heartbeats.
 *
 * Callers that want the same connection share one attempt to open it. After a failure the next attempt at that address
 * waits: 50 ms, doubled up to 1 s, with jitter (Kafka's `reconnect.backoff.ms` and `.max.ms`).
 */
export class ConnectionPool {
  readonly #options: PoolOptions;
  readonly #open = new Map<string, KafkaConnection>();
  readonly #opening = new Map<string, Promise<KafkaConnection>>();
  readonly #reachability = new Map<string, Reachability>();
  readonly #closing = new AbortController();

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** An open connection, opened now if need be. An abort ends the waiting, not the attempt that others may share. */
  async connection(address: Address, lane: string, signal: AbortSignal | undefined): Promise<KafkaConnection> {
    this.#closing.signal.throwIfAborted();
    const key = keyOf(address, lane);
    const open = this.#open.get(key);
    if (open?.isOpen) return open;
    let opening = this.#opening.get(key);
    if (!opening) {
      opening = this.#openNow(address, key).finally(() => this.#opening.delete(key));
      this.#opening.set(key, opening);
    }
    return await untilAborted(opening, signal);
  }

  isOpen(address: Address, lane: string): boolean {
    return this.#open.get(keyOf(address, lane))?.isOpen ?? false;
  }

  /** Closes the connections of a lane at once; for an owner that expects no answer any more. */
  releaseLane(lane: string): void {
    for (const connection of this.#takeLane(lane)) connection.destroy();
  }

  /** Closes the connections of a lane after what was written to them is on its way. */
  async closeLane(lane: string): Promise<void> {
    await Promise.all(this.#takeLane(lane).map((connection) => connection.close()));
  }

  /** Waits for the answers under way and closes everything. */
  async close(): Promise<void> {
    this.#closing.abort(new ConnectionError('connection-closed', 'the client was closed'));
    await Promise.allSettled(this.#opening.values());
    await Promise.all([...this.#open.values()].map((connection) => connection.close()));
    this.#open.clear();
  }

  #takeLane(lane: string): KafkaConnection[] {
    const found = [...this.#open].filter(([key]) => key.endsWith(`/${lane}`));
    for (const [key] of found) this.#open.delete(key);
    return found.map(([, connection]) => connection);
  }

  async #openNow(address: Address, key: string): Promise<KafkaConnection> {
    const { clock, logger, clientId, connectTimeoutMs, requestTimeoutMs } = this.#options;
    const reachability = this.#reachabilityOf(`${address.host}:${address.port}`);
    const waitMs = reachability.retryAtMs - clock.monotonicMs();
    if (waitMs > 0) await clock.sleep(waitMs, this.#closing.signal);
    try {
      const connection = await KafkaConnection.open(
        {
          ...address,
          clientId,
          connectTimeoutMs,
          requestTimeoutMs,
          logger,
          ...(this.#options.maxResponseBytes ? { maxResponseBytes: this.#options.maxResponseBytes } : {}),
          ...(this.#options.transport ? { transport: this.#options.transport } : {}),
          ...(this.#options.authenticate ? { authenticate: this.#options.authenticate } : {}),
        },
        this.#closing.signal,
      );
      reachability.backOff.reset();
      reachability.retryAtMs = 0;
      this.#open.set(key, connection);
      return connection;
    } catch (error) {
      reachability.retryAtMs = clock.monotonicMs() + reachability.backOff.nextMs();
      throw error;
    }
  }

  #reachabilityOf(address: string): Reachability {
    let known = this.#reachability.get(address);
    if (!known) {
      known = { backOff: new BackOff({ firstMs: 50, maxMs: 1000, random: this.#options.random }), retryAtMs: 0 };
      this.#reachability.set(address, known);
    }
    return known;
  }
}

function keyOf(address: Address, lane: string): string {
  return `${address.host}:${address.port}/${lane}`;
}

/** "host:port" or "[v6]:port" as the configuration gives it. */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text.trim());
  if (!match || Number(match[3]) > 65_535 || Number(match[3]) === 0) {
    throw new BadInputError(`expected a broker address HOST:PORT, got "${text}"`);
  }
  return { host: (match[1] ?? match[2])!, port: Number(match[3]) };
}
