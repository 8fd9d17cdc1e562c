import type { Socket } from 'node:net';
import type { Logger } from '../../shared/index.ts';
import {
  apiKeys,
  apiName,
  decodeResponseFrame,
  encodeRequestFrame,
  errorCodes,
  FrameSplitter,
  readCorrelationId,
  requestSchema,
  responseSchema,
  WireError,
} from '../index.ts';
import {
  type ApiKey,
  clientVersions,
  negotiateVersion,
  type RequestMessage,
  type ResponseOf,
  type VersionRange,
} from './api-table.ts';
import { untilAborted } from './back-off.ts';
import { certificateRefused, isCertificateError, isSystemError, loginLost, messageOf } from './connection-failures.ts';
import { ConnectionError, throwIfError } from './kafka-error.ts';
import { Slots } from './slots.ts';
import { type Transport, tcp, whenConnected } from './transport.ts';

/** What a login needs of a connection; other requests wait meanwhile. */
export type AuthenticatingConnection = Pick<KafkaConnection, 'address' | 'request'>;

/**
 * Logs in: once after the versions are negotiated and before any other request, and again before the session ends. Resolves
 * with the session's lifetime in milliseconds, 0 when it does not end; throws to refuse.
 */
export type Authenticator = (connection: AuthenticatingConnection, signal: AbortSignal | undefined) => Promise<number>;

export interface ConnectionOptions {
  host: string;
  port: number;
  clientId: string;
  connectTimeoutMs: number;
  requestTimeoutMs: number;
  /** Requests on the wire at once; further ones wait in order, `maxWaiting` of them. */
  maxInFlight?: number;
  maxWaiting?: number;
  maxResponseBytes?: number;
  logger: Logger;
  transport?: Transport;
  authenticate?: Authenticator;
}

export interface RequestOptions {
  signal?: AbortSignal | undefined;
  /** How long the answer may take; the connection's request timeout when left out. */
  timeoutMs?: number | undefined;
}

interface PendingRequest {
  apiKey: ApiKey;
  apiVersion: number;
  /** Logins take none: they may not wait behind what waits for them. */
  hasSlot: boolean;
  timer: NodeJS.Timeout;
  resolve: (response: unknown) => void;
  reject: (error: unknown) => void;
}

/** The longest that a timer can be set for. */
const maxTimerMs = 0x7fffffff;

/**
 * One connection to one broker: requests out, answers matched by correlation id.
 *
 * Brokers answer the requests of a connection one after the other, so a long poll holds up what comes after it: whoever
 * polls uses a connection of its own. After a timeout, a broken frame or a close nothing can be said about the requests
 * under way: all of them fail with a retriable ConnectionError and the connection is done. It never reconnects by itself.
 */
export class KafkaConnection {
  readonly address: string;
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #splitter: FrameSplitter;
  readonly #pending = new Map<number, PendingRequest>();
  readonly #slots: Slots;
  #versions = new Map<number, VersionRange>();
  #nextCorrelationId = 1;
  #closeReason: Error | null = null;
  #isDraining = false;
  /** While a login is under way, nothing else is sent. */
  #login: Promise<void> | null = null;
  #loginTimer: NodeJS.Timeout | null = null;
  #whenIdle: (() => void) | null = null;
  #drained: Promise<void> | null = null;

  /** Connects, negotiates versions and authenticates, all within `connectTimeoutMs`. */
  static async open(options: ConnectionOptions, signal?: AbortSignal): Promise<KafkaConnection> {
    signal?.throwIfAborted();
    const deadline = AbortSignal.timeout(options.connectTimeoutMs);
    const stop = signal ? AbortSignal.any([signal, deadline]) : deadline;
    const socket = (options.transport ?? tcp)(options);
    const connection = new KafkaConnection(options, socket);
    try {
      await untilAborted(whenConnected(socket), stop);
      await connection.#negotiate(stop);
      await connection.#authenticate(stop);
      return connection;
    } catch (error) {
      connection.destroy(error as Error);
      signal?.throwIfAborted();
      if (isCertificateError(error)) throw certificateRefused(connection.address, error);
      const why = deadline.aborted ? `no answer within ${options.connectTimeoutMs} ms` : messageOf(error);
      if (!deadline.aborted && !(error instanceof ConnectionError) && !isSystemError(error)) throw error;
      throw new ConnectionError('connect-failed', `could not connect to ${connection.address}: ${why}`, {
        cause: deadline.aborted ? undefined : error,
      });
    }
  }

  private constructor(options: ConnectionOptions, socket: Socket) {
    this.#options = options;
    this.#socket = socket;
    this.address = `${options.host}:${options.port}`;
    this.#slots = new Slots(options.maxInFlight ?? 32, options.maxWaiting ?? 1000);
    this.#splitter = new FrameSplitter(options.maxResponseBytes ?? 256 * 1024 * 1024);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => {
      const message = `the connection to ${this.address} broke: ${messageOf(error)}`;
      this.#fail(new ConnectionError('connection-closed', message, { cause: error }));
    });
    socket.on('close', () => {
      this.#fail(new ConnectionError('connection-closed', `${this.address} closed the connection`));
    });
  }

  get isOpen(): boolean {
    return this.#closeReason === null && !this.#isDraining;
  }

  get inFlight(): number {
    return this.#pending.size;
  }

  /** The version that requests of this API use here; throws a KafkaError UNSUPPORTED_VERSION. */
  versionOf(apiKey: ApiKey): number {
    return negotiateVersion(apiKey, this.#versions.get(apiKey), this.address);
  }

  supports(apiKey: ApiKey): boolean {
    return this.#versions.has(apiKey);
  }

  /** Sends a request and waits for its answer. An abort stops the waiting at once; a late answer is dropped. */
  request<K extends ApiKey>(
    apiKey: K,
    message: RequestMessage<K>,
    options: RequestOptions = {},
  ): Promise<ResponseOf<K>> {
    return this.#exchange(apiKey, this.versionOf(apiKey), message, options);
  }

  /** Sends a request that the broker does not answer (Produce with acks=0); resolves once the socket can take more. */
  async sendUnanswered<K extends ApiKey>(apiKey: K, message: RequestMessage<K>, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    while (this.#login) await untilAborted(this.#login, signal);
    this.#throwIfClosed();
    this.#write(apiKey, this.versionOf(apiKey), 0, message);
    if (this.#socket.writableNeedDrain) await untilAborted(this.#untilDrained(), signal);
  }

  /** Takes no more requests, waits for the answers under way (bounded by their timeouts) and closes. */
  async close(): Promise<void> {
    this.#isDraining = true;
    const closed = new ConnectionError('connection-closed', `the connection to ${this.address} is closing`);
    this.#slots.failWaiters(closed);
    if (this.#pending.size > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
    if (this.#socket.writableLength > 0) await this.#untilWritten();
    this.destroy(closed);
  }

  /** Closes at once; requests under way fail with `reason`. */
  destroy(
    reason: Error = new ConnectionError('connection-closed', `the connection to ${this.address} was closed`),
  ): void {
    this.#fail(reason);
    this.#socket.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * KIP-511: ask with our newest version. A broker that does not know it answers UNSUPPORTED_VERSION in the form of
   * version 0, with the range it does know.
   */
  async #negotiate(signal: AbortSignal): Promise<void> {
    const software = { clientSoftwareName: 'sluice', clientSoftwareVersion: '0.1.0' };
    const ask = (version: number): Promise<ResponseOf<typeof apiKeys.ApiVersions>> =>
      this.#exchange(apiKeys.ApiVersions, version, version >= 3 ? software : {}, { signal });
    const newest = clientVersions(apiKeys.ApiVersions).max;
    let response = await ask(newest);
    if (response.errorCode === errorCodes.UNSUPPORTED_VERSION) {
      const range = response.apiKeys.find((api) => api.apiKey === apiKeys.ApiVersions);
      response = await ask(Math.min(newest - 1, Math.max(0, range?.maxVersion ?? 0)));
    }
    throwIfError(response.errorCode, `ApiVersions at ${this.address}`);
    this.#versions = new Map(response.apiKeys.map((api) => [api.apiKey, { min: api.minVersion, max: api.maxVersion }]));
  }

  /**
   * Logs in now, and again in good time before the session ends (KIP-368): brokers close connections whose session is over.
   * What was sent before is answered first; what comes meanwhile waits.
   */
  async #authenticate(signal: AbortSignal | undefined): Promise<void> {
    if (!this.#options.authenticate) return;
    const request: KafkaConnection['request'] = (apiKey, message, options = {}) =>
      this.#send(apiKey, this.versionOf(apiKey), message, options, false);
    const lifetimeMs = await this.#options.authenticate({ address: this.address, request }, signal);
    if (lifetimeMs <= 0 || this.#closeReason) return;
    const againMs = Math.min(lifetimeMs * (0.85 + 0.1 * Math.random()), maxTimerMs);
    this.#loginTimer = setTimeout(() => this.#authenticateAgain(), againMs);
  }

  #authenticateAgain(): void {
    const deadline = AbortSignal.timeout(this.#options.connectTimeoutMs + this.#options.requestTimeoutMs);
    this.#login = this.#authenticate(deadline)
      .catch((error: unknown) => this.destroy(loginLost(this.address, error)))
      .finally(() => {
        this.#login = null;
      });
  }

  async #exchange<K extends ApiKey>(
    apiKey: K,
    apiVersion: number,
    message: RequestMessage<K>,
    options: RequestOptions,
  ): Promise<ResponseOf<K>> {
    options.signal?.throwIfAborted();
    this.#throwIfClosed();
    if (!this.#slots.tryTake()) await this.#slots.take(options.signal, () => this.#overloaded());
    try {
      while (this.#login) await untilAborted(this.#login, options.signal);
      this.#throwIfClosed();
    } catch (error) {
      this.#slots.release();
      throw error;
    }
    return await this.#send(apiKey, apiVersion, message, options, true);
  }

  /** Writes a request at once and waits for its answer; a slot that it holds is given back then. */
  async #send<K extends ApiKey>(
    apiKey: K,
    apiVersion: number,
    message: RequestMessage<K>,
    options: RequestOptions,
    hasSlot: boolean,
  ): Promise<ResponseOf<K>> {
    const correlationId = this.#nextCorrelationId;
    this.#nextCorrelationId = (correlationId + 1) & 0x7fffffff;
    const timeoutMs = options.timeoutMs ?? this.#options.requestTimeoutMs;
    const answer = new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => this.#timeOut(apiKey, timeoutMs), timeoutMs);
      this.#pending.set(correlationId, { apiKey, apiVersion, hasSlot, timer, resolve, reject });
    });
    try {
      this.#write(apiKey, apiVersion, correlationId, message);
    } catch (error) {
      this.#takePending(correlationId);
      throw error;
    }
    return (await untilAborted(answer, options.signal)) as ResponseOf<K>;
  }

  #write<K extends ApiKey>(apiKey: K, apiVersion: number, correlationId: number, message: RequestMessage<K>): void {
    const body = typeof message === 'function' ? message(apiVersion) : message;
    const header = { apiKey, apiVersion, correlationId, clientId: this.#options.clientId };
    const chunks = encodeRequestFrame(header, requestSchema(apiKey)!, body);
    this.#socket.cork();
    for (const chunk of chunks) this.#socket.write(chunk);
    this.#socket.uncork();
  }

  /** One listener for all who wait. */
  #untilDrained(): Promise<void> {
    this.#drained ??= new Promise<void>((resolve) => {
      const done = (): void => {
        this.#drained = null;
        this.#socket.off('drain', done).off('close', done);
        resolve();
      };
      this.#socket.once('drain', done).once('close', done);
    });
    return this.#drained;
  }

  /** Everything given to the socket is with the operating system, or the time for that is over. */
  #untilWritten(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#options.connectTimeoutMs);
      const done = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.#socket.once('close', done);
      this.#socket.end(done);
    });
  }

  #receive(chunk: Buffer): void {
    if (this.#closeReason) return;
    try {
      for (const frame of this.#splitter.push(chunk)) this.#answer(frame);
    } catch (error) {
      this.destroy(
        new ConnectionError(
          'connection-closed',
          `${this.address} sent what is not a Kafka answer: ${messageOf(error)}`,
          {
            cause: error,
          },
        ),
      );
    }
  }

  /** Throws for an answer that cannot be read; its request fails with the connection then, like all the others. */
  #answer(frame: Buffer): void {
    const correlationId = readCorrelationId(frame);
    const pending = this.#pending.get(correlationId);
    if (!pending) throw new WireError('malformed', `no request has the correlation id ${correlationId}`);
    const message = decodeAnswer(pending, frame);
    this.#takePending(correlationId);
    pending.resolve(message);
  }

  #takePending(correlationId: number): PendingRequest | undefined {
    const pending = this.#pending.get(correlationId);
    if (!pending) return undefined;
    this.#pending.delete(correlationId);
    clearTimeout(pending.timer);
    if (pending.hasSlot) this.#slots.release();
    if (this.#pending.size === 0) this.#whenIdle?.();
    return pending;
  }

  #timeOut(apiKey: ApiKey, timeoutMs: number): void {
    const message = `${this.address} did not answer ${apiName(apiKey)} within ${timeoutMs} ms`;
    this.destroy(new ConnectionError('request-timeout', message));
  }

  #throwIfClosed(): void {
    if (this.#closeReason) throw this.#closeReason;
    if (this.#isDraining)
      throw new ConnectionError('connection-closed', `the connection to ${this.address} is closing`);
  }

  #overloaded(): Error {
    const message = `${this.#slots.waiting} requests wait for ${this.address} already: it does not keep up`;
    return new ConnectionError('request-timeout', message);
  }

  /** The first reason counts; later calls find nothing left to do. */
  #fail(reason: Error): void {
    if (this.#closeReason) return;
    this.#closeReason = reason;
    if (this.#loginTimer) clearTimeout(this.#loginTimer);
    this.#slots.failWaiters(reason);
    for (const correlationId of [...this.#pending.keys()]) this.#takePending(correlationId)!.reject(reason);
    if (!this.#isDraining)
      this.#options.logger.debug({ address: this.address, reason: reason.message }, 'ConnectionClosed');
  }
}

/** ApiVersions answers of version 1 and later come in version 0's form when the broker does not know our version. */
function decodeAnswer(pending: PendingRequest, frame: Buffer): unknown {
  const { apiKey, apiVersion } = pending;
  const isDowngrade =
    apiKey === apiKeys.ApiVersions && frame.length >= 6 && frame.readInt16BE(4) === errorCodes.UNSUPPORTED_VERSION;
  return decodeResponseFrame(apiKey, isDowngrade ? 0 : apiVersion, responseSchema(apiKey)!, frame).message;
}
