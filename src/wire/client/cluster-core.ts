import { type Clock, createLogger, type Logger, systemClock } from '../../shared/index.ts';
import { apiKeys, errorCodes, type MetadataResponse } from '../index.ts';
import type { ApiKey, RequestMessage, ResponseOf } from './api-table.ts';
import { untilAborted, withRetries } from './back-off.ts';
import { type Address, ConnectionPool, parseAddress } from './connection-pool.ts';
import type { KafkaConnection } from './kafka-connection.ts';
import {
  AuthenticationError,
  BrokerUnreachableError,
  ConnectionError,
  isKafkaError,
  KafkaError,
  throwIfError,
} from './kafka-error.ts';
import { type ClusterPartition, type ClusterTopic, MetadataCache } from './metadata-cache.ts';
import { type ClientConfigSource, readClientConfig } from './security/client-config.ts';
import { saslAuthenticator } from './security/sasl-login.ts';
import { tlsTransport } from './security/tls-transport.ts';

export interface ClusterOptions {
  /** Where to ask for the cluster's nodes at first: `host:port`, at least one. */
  brokers: readonly string[];
  clientId: string;
  /** 5 s when left out. Covers the name look-up, the connect and the exchange of versions. */
  connectTimeoutMs?: number;
  /** 30 s when left out. */
  requestTimeoutMs?: number;
  /** How long calls go on trying while the cluster answers with retriable errors or not at all; 10 s when left out. */
  retryTimeoutMs?: number;
  maxResponseBytes?: number;
  logger?: Logger;
  clock?: Clock;
  random?: () => number;
  /** Kafka's own client settings: TLS, SASL, `client.rack`. A file's path, or the properties; plain text when left out. */
  clientConfig?: ClientConfigSource | null | undefined;
}

/** Who a request goes to: a node by id, any node that is there, the controller, or the coordinator of a group. */
export type Target = number | 'any' | 'controller' | { coordinatorOf: string };

export interface ClusterRequestOptions {
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
  /** Requests of one lane share a connection and are answered in order; `main` when left out. */
  lane?: string | undefined;
}

const mainLane = 'main';

/**
 * Finds whom to ask and asks: bootstrap, nodes, leaders and coordinators. One attempt per `request`; `retrying` is what
 * gives calls their patience. Everything learned is forgotten as soon as an answer or a failure casts doubt on it.
 */
export class ClusterCore {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly retryTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly random: () => number;
  /** Where this client runs; null: not known. */
  readonly rack: string | null;
  readonly metadata = new MetadataCache();
  readonly #bootstrap: readonly Address[];
  readonly #pool: ConnectionPool;
  readonly #coordinators = new Map<string, number>();
  readonly #refreshes = new Map<string, Promise<MetadataResponse>>();

  constructor(options: ClusterOptions) {
    this.clock = options.clock ?? systemClock;
    this.logger = options.logger ?? createLogger('warn', { part: 'client' });
    this.retryTimeoutMs = options.retryTimeoutMs ?? 10_000;
    this.requestTimeoutMs = options.requestTimeoutMs ?? 30_000;
    this.random = options.random ?? Math.random;
    this.#bootstrap = options.brokers.map(parseAddress);
    const { tls, sasl, rack } = readClientConfig(options.clientConfig ?? {});
    this.rack = rack;
    this.#pool = new ConnectionPool({
      clientId: options.clientId,
      connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
      requestTimeoutMs: this.requestTimeoutMs,
      maxResponseBytes: options.maxResponseBytes,
      clock: this.clock,
      logger: this.logger,
      random: this.random,
      transport: tls ? tlsTransport(tls) : undefined,
      authenticate: sasl ? saslAuthenticator(sasl) : undefined,
    });
  }

  /** One attempt. Fails with a KafkaError only for what concerns the version; error codes inside the answer are the caller's. */
  async request<K extends ApiKey>(
    target: Target,
    apiKey: K,
    message: RequestMessage<K>,
    options: ClusterRequestOptions = {},
  ): Promise<ResponseOf<K>> {
    try {
      const connection = await this.connection(target, options.lane ?? mainLane, options.signal);
      return await connection.request(apiKey, message, options);
    } catch (error) {
      if (error instanceof ConnectionError && typeof target === 'object') this.forgetCoordinator(target.coordinatorOf);
      throw error;
    }
  }

  /** The connection that requests to `target` use. */
  async connection(target: Target, lane: string, signal: AbortSignal | undefined): Promise<KafkaConnection> {
    if (target === 'any') return await this.#anyConnection(lane, signal);
    const nodeId = await this.#nodeIdOf(target, signal);
    if (nodeId === null) return await this.#anyConnection(lane, signal);
    const address = await this.#addressOf(nodeId, signal);
    return await this.#pool.connection(address, lane, signal);
  }

  /** Runs `attempt` again while it fails with retriable errors, for at most the retry timeout. */
  retrying<T>(
    signal: AbortSignal | undefined,
    attempt: () => Promise<T>,
    onRetry?: (error: unknown) => void,
  ): Promise<T> {
    const options = { clock: this.clock, timeoutMs: this.retryTimeoutMs, signal, ...(onRetry ? { onRetry } : {}) };
    return withRetries(options, attempt);
  }

  /**
   * Asks a broker about topics (null: all of them) and remembers the answer. Error codes of single topics stay in it.
   * Equal questions at the same time become one.
   */
  async refreshMetadata(
    names: readonly string[] | null,
    signal: AbortSignal | undefined,
    allowAutoTopicCreation = false,
  ): Promise<MetadataResponse> {
    const key = JSON.stringify([names, allowAutoTopicCreation]);
    let refresh = this.#refreshes.get(key);
    if (!refresh) {
      const topics = names?.map((name) => ({ name })) ?? null;
      refresh = this.request('any', apiKeys.Metadata, (version) => ({
        topics,
        ...(version >= 4 ? { allowAutoTopicCreation } : {}),
      }))
        .then((response) => {
          throwIfError(response.errorCode, 'Metadata');
          this.metadata.update(response);
          return response;
        })
        .finally(() => this.#refreshes.delete(key));
      this.#refreshes.set(key, refresh);
    }
    return await untilAborted(refresh, signal);
  }

  /** What is known of a topic, asked for if nothing is; throws UNKNOWN_TOPIC_OR_PARTITION (retriable, it may be on its way). */
  async topic(name: string, signal: AbortSignal | undefined): Promise<ClusterTopic> {
    const known = this.metadata.topic(name);
    if (known) return known;
    const response = await this.refreshMetadata([name], signal);
    const answer = response.topics.find((topic) => topic.name === name);
    throwIfError(answer?.errorCode ?? errorCodes.UNKNOWN_TOPIC_OR_PARTITION, `topic "${name}"`);
    return this.metadata.topic(name)!;
  }

  /** The partition with a leader; throws a retriable KafkaError while there is none. */
  async leaderOf(topic: string, partition: number, signal: AbortSignal | undefined): Promise<ClusterPartition> {
    const { partitions } = await this.topic(topic, signal);
    const found = partitions.find((candidate) => candidate.partition === partition);
    if (found && found.leaderId >= 0) return found;
    this.metadata.forget([topic]);
    const code = found ? errorCodes.LEADER_NOT_AVAILABLE : errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
    throw new KafkaError(code, `leader of ${topic}-${partition}`);
  }

  /** The node that coordinates a group, looked up once; throws retriable errors while the cluster has none. */
  async coordinatorOf(group: string, signal: AbortSignal | undefined): Promise<number> {
    const known = this.#coordinators.get(group);
    if (known !== undefined) return known;
    const response = await this.request(
      'any',
      apiKeys.FindCoordinator,
      (version) =>
        version >= 4
          ? { keyType: 0, coordinatorKeys: [group] }
          : version >= 1
            ? { key: group, keyType: 0 }
            : { key: group },
      { signal },
    );
    const answer = response.coordinators[0] ?? response;
    throwIfError(answer.errorCode, `coordinator of group "${group}"`, answer.errorMessage);
    await this.#addressOf(answer.nodeId, signal); // a coordinator that has just died is still told for a while
    this.#coordinators.set(group, answer.nodeId);
    return answer.nodeId;
  }

  forgetCoordinator(group: string): void {
    this.#coordinators.delete(group);
  }

  /** Throws for an error code in a coordinator's answer, and looks for the coordinator again when the code says that it moved. */
  throwIfGroupError(group: string, code: number, what: string, detail?: string | null): void {
    if (code === errorCodes.NOT_COORDINATOR || code === errorCodes.COORDINATOR_NOT_AVAILABLE)
      this.forgetCoordinator(group);
    throwIfError(code, what, detail);
  }

  releaseLane(lane: string): void {
    this.#pool.releaseLane(lane);
  }

  closeLane(lane: string): Promise<void> {
    return this.#pool.closeLane(lane);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  async #nodeIdOf(target: Exclude<Target, 'any'>, signal: AbortSignal | undefined): Promise<number | null> {
    if (typeof target === 'number') return target;
    if (typeof target === 'object') return await this.coordinatorOf(target.coordinatorOf, signal);
    if (this.metadata.controllerId < 0) await this.refreshMetadata([], signal);
    return this.metadata.controllerId < 0 ? null : this.metadata.controllerId;
  }

  async #addressOf(nodeId: number, signal: AbortSignal | undefined): Promise<Address> {
    if (!this.metadata.nodes.has(nodeId)) await this.refreshMetadata([], signal);
    const address = this.metadata.nodes.get(nodeId);
    if (address) return address;
    throw new ConnectionError('connect-failed', `node ${nodeId} is not part of the cluster at the moment`);
  }

  /** An open connection if there is one, otherwise the first address that answers, in random order. */
  async #anyConnection(lane: string, signal: AbortSignal | undefined): Promise<KafkaConnection> {
    const candidates = this.#candidates();
    const open = candidates.find((address) => this.#pool.isOpen(address, lane));
    if (open) return await this.#pool.connection(open, lane, signal);
    const failures: unknown[] = [];
    for (const address of candidates) {
      try {
        return await this.#pool.connection(address, lane, signal);
      } catch (error) {
        signal?.throwIfAborted();
        // It is there, but it does not speak our versions, or does not let us in.
        if (isKafkaError(error) || error instanceof AuthenticationError) throw error;
        failures.push(error);
      }
    }
    const names = candidates.map(({ host, port }) => `${host}:${port}`);
    throw new BrokerUnreachableError(names, failures);
  }

  /** The nodes of the cluster and then, in case none of them lives any more, the addresses we were given. */
  #candidates(): Address[] {
    const nodes = this.#shuffled([...this.metadata.nodes.values()]);
    const given = this.#shuffled([...this.#bootstrap]);
    const seen = new Set<string>();
    return [...nodes, ...given].filter(({ host, port }) => {
      const key = `${host}:${port}`;
      return !seen.has(key) && seen.add(key);
    });
  }

  #shuffled<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = Math.floor(this.random() * (i + 1));
      [items[i], items[j]] = [items[j]!, items[i]!];
    }
    return items;
  }
}
