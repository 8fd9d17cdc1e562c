import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  abortScope,
  type Clock,
  describeError,
  isLoopbackAddress,
  isLoopbackHost,
  type Logger,
  stringifyJson,
} from '../../shared/index.ts';
import type { KafkaCluster } from '../../wire/client/index.ts';
import { EventWriter } from '../event-writer.ts';
import { IngestMetrics } from '../ingest-metrics.ts';
import { findToken, mayWrite, type TokenFile } from './api-tokens.ts';
import { browserScript } from './browser-script.ts';
import { type AllowedOrigins, crossOriginHeaders, preflightHeaders } from './cross-origin.ts';
import { BodyMemory } from './event-body.ts';
import {
  defaultIngestLimits,
  type HttpAnswer,
  type HttpCall,
  type IngestContext,
  type IngestLimits,
} from './http-call.ts';
import { HttpError, overloaded } from './http-error.ts';
import { KnownTopics } from './known-topics.ts';
import { postEvents, StreamCutError, shown } from './post-events.ts';
import { RepeatedRequests } from './repeated-requests.ts';
import { SharedKeys } from './shared-keys.ts';
import { getPixel, postBeacon } from './web-events.ts';

export interface HttpIngestOptions {
  cluster: KafkaCluster;
  /** Topics that take events; null: every topic that exists, but the cluster's own. */
  topics: readonly string[] | null;
  /** Topics that pages of websites write to without a token; none: no pixel, beacon and script. */
  webTopics?: readonly string[];
  /** Pages of which websites may send; those of this server always may. */
  origins?: AllowedOrigins;
  /** Who may write what; null: programs on this machine, or anybody (`isOpen`). */
  tokens: TokenFile | null;
  isOpen?: boolean;
  limits?: Partial<IngestLimits>;
  /** For how long a request with an idempotency key is recognized; 10 minutes when left out. */
  idempotencyWindowMs?: number;
  maxRememberedEvents?: number;
  /** Topic by which this server and others agree who writes a request with a key (`createKeysTopic` makes it); null: there are no others. */
  keysTopic?: string | null;
  /** How long a request waits for another server that carries out one with its key; 5 s when left out. */
  keyPatienceMs?: number;
  deliveryTimeoutMs?: number;
  maxInFlightBytes?: number;
  metrics?: IngestMetrics;
  clock: Clock;
  logger: Logger;
}

export const defaultIdempotencyWindowMs = 600_000;

/** A route that a path belongs to. */
interface IngestRoute {
  name: string;
  methods: readonly string[];
  answer: (context: IngestContext, call: HttpCall, owner: string) => Promise<HttpAnswer> | HttpAnswer;
  /** The topic of the path, whose token is asked for; null: a route for websites. */
  topic: string | null;
}

/**
 * Events over HTTP, to be mounted in any server of node:http: `if (ingest.handle(request, response)) return;`. Paths: `POST /topics/T/events`,
 * `GET /p.gif`, `POST /beacon`, `GET /sluice.js`. docs/recipes.md shows each with what it answers.
 */
export class HttpIngest {
  readonly metrics: IngestMetrics;
  readonly #options: HttpIngestOptions;
  readonly #context: IngestContext;
  readonly #closing = abortScope();
  readonly #sharedKeys: SharedKeys | null;
  #requestCount = 0;

  constructor(options: HttpIngestOptions) {
    const { cluster, clock, logger, deliveryTimeoutMs = 30_000, keysTopic = null } = options;
    this.#options = options;
    const limits = { ...defaultIngestLimits, ...options.limits };
    this.metrics = options.metrics ?? new IngestMetrics();
    const windowMs = options.idempotencyWindowMs ?? defaultIdempotencyWindowMs;
    const maxEvents = options.maxRememberedEvents ?? 200_000;
    const keys = { cluster, windowMs, maxEvents, clock, logger, signal: this.#closing.signal };
    const patience = options.keyPatienceMs === undefined ? {} : { patienceMs: options.keyPatienceMs };
    this.#sharedKeys =
      keysTopic === null ? null : new SharedKeys({ ...keys, topic: keysTopic, deliveryTimeoutMs, ...patience });
    const maxInFlightBytes = options.maxInFlightBytes ?? 64 * 1024 * 1024;
    this.#context = {
      writer: new EventWriter({ cluster, maxInFlightBytes, deliveryTimeoutMs, logger }),
      topics: new KnownTopics(cluster, options.topics, keysTopic, clock),
      webTopics: options.webTopics ?? [],
      repeated: new RepeatedRequests({ ...keys, shared: this.#sharedKeys }),
      memory: new BodyMemory(limits.maxHeldBytes, limits.maxBodyMs),
      limits,
      metrics: this.metrics,
      nowMs: () => clock.nowMs(),
    };
  }

  /** Requests that are not answered yet. */
  get requestCount(): number {
    return this.#requestCount;
  }

  /** Whether the path is one of ours; then the request gets its answer. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const url = urlOf(request);
    const route = url && this.#routeOf(url.pathname);
    if (!url || !route) return false;
    void this.#serve(route, url, request, response);
    return true;
  }

  /** Ends what still waits, after what was sent was given `timeoutMs` to be answered. */
  async close(timeoutMs = 10_000): Promise<void> {
    await this.#context.writer.close(timeoutMs);
    await this.#sharedKeys?.close(timeoutMs);
    this.#closing.abort(new Error('the server is closing'));
  }

  #routeOf(path: string): IngestRoute | null {
    const topic = /^\/topics\/([^/]{1,1000})\/events$/.exec(path)?.[1];
    if (topic !== undefined) {
      const name = decoded(topic);
      return {
        name: 'events',
        methods: ['POST'],
        topic: name,
        answer: (context, call) => postEvents(context, call, name),
      };
    }
    if (this.#context.webTopics.length === 0) return null;
    if (path === '/p.gif') return { name: 'pixel', methods: ['GET'], topic: null, answer: getPixel };
    if (path === '/beacon') return { name: 'beacon', methods: ['POST'], topic: null, answer: postBeacon };
    if (path === '/sluice.js') return { name: 'script', methods: ['GET', 'HEAD'], topic: null, answer: script };
    return null;
  }

  async #serve(route: IngestRoute, url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const endRequest = this.metrics.startRequest(route.name);
    this.#requestCount++;
    const gone = new AbortController();
    response.once('close', () => {
      if (!response.writableFinished) gone.abort(new Error('the client went away'));
    });
    let crossOrigin: Record<string, string> | null = {};
    try {
      crossOrigin = crossOriginHeaders(request, this.#options.origins ?? []);
      const signal = AbortSignal.any([gone.signal, this.#closing.signal]);
      const answer = await this.#answer(route, { request, url, owner: '', signal }, crossOrigin);
      await send(request, response, answer, crossOrigin ?? {});
    } catch (error) {
      if (!gone.signal.aborted) await send(request, response, this.#refusal(error, request), crossOrigin ?? {});
    } finally {
      this.#requestCount--;
      endRequest();
    }
  }

  async #answer(route: IngestRoute, call: HttpCall, crossOrigin: Record<string, string> | null): Promise<HttpAnswer> {
    const { method } = call.request;
    if (crossOrigin === null) {
      throw new HttpError(403, `pages of ${call.request.headers.origin} may not send events here`);
    }
    if (method === 'OPTIONS') return { status: 204, body: null, headers: preflightHeaders };
    if (!route.methods.includes(method ?? '')) {
      throw new HttpError(405, `expected ${route.methods[0]}, got ${method}`, {
        headers: { allow: route.methods.join(', ') },
      });
    }
    const { limits, topics } = this.#context;
    if (this.#requestCount > limits.maxRequests) {
      throw overloaded(429, `more than ${limits.maxRequests} requests are under way; send this again`);
    }
    if (route.topic === null) return await route.answer(this.#context, call, 'web');
    const owner = await this.#ownerOf(call.request, route.topic);
    await topics.check(route.topic, call.signal);
    return await route.answer(this.#context, { ...call, owner }, owner);
  }

  /** Whose request it is. Throws 401 and 403. */
  async #ownerOf(request: IncomingMessage, topic: string): Promise<string> {
    const { tokens, isOpen } = this.#options;
    if (!tokens) {
      const isLocal =
        isLoopbackAddress(request.socket.remoteAddress ?? '') && isLoopbackHost(request.headers.host ?? '');
      if (isOpen || isLocal) return '';
      throw unauthorized('without tokens only programs on this machine may send events');
    }
    const given = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (given === undefined) throw unauthorized('expected the header "authorization: Bearer TOKEN"');
    const token = findToken(await tokens.tokens(), given);
    if (!token) throw unauthorized('this token is not known here');
    if (!mayWrite(token, topic)) throw new HttpError(403, `this token may not write to topic "${topic}"`);
    return token.name;
  }

  #refusal(error: unknown, request: IncomingMessage): HttpAnswer {
    const known = error instanceof HttpError ? error : null;
    const status = known?.status ?? (this.#closing.signal.aborted ? 503 : 500);
    this.metrics.noteRefused(status);
    if (!known || status >= 500) {
      this.#options.logger.warn({ path: request.url, status, reason: describeError(error) }, 'IngestRequestFailed');
    }
    const message = known?.message ?? 'this request could not be carried out';
    const cut =
      error instanceof StreamCutError
        ? {
            written: error.outcomes.filter(({ kind }) => kind === 'written').length,
            failed: error.outcomes.filter(({ kind }) => kind !== 'written').length,
            events: error.outcomes.map(shown),
          }
        : {};
    return { status, headers: known?.headers ?? {}, body: { error: message, ...cut } };
  }
}

function unauthorized(message: string): HttpError {
  return new HttpError(401, message, { headers: { 'www-authenticate': 'Bearer' } });
}

function script(): HttpAnswer {
  const headers = { 'content-type': 'text/javascript; charset=utf-8', 'cache-control': 'public, max-age=3600' };
  return { status: 200, body: Buffer.from(browserScript), headers };
}

function urlOf(request: IncomingMessage): URL | null {
  try {
    return new URL(request.url ?? '/', 'http://here');
  } catch {
    return null;
  }
}

/** A path that is not percent-encoded as it should be names no topic. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** How much of a body that nobody wants is still read, so that its sender gets to see the answer. */
const lingerBytes = 4 * 1024 * 1024;
const lingerMs = 2000;

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, body, headers }: HttpAnswer,
  crossOrigin: Record<string, string>,
): Promise<void> {
  if (response.destroyed || response.headersSent) return;
  const isUnread = !request.readableEnded && request.method !== 'GET' && request.method !== 'HEAD';
  const bytes = body === null || Buffer.isBuffer(body) ? body : Buffer.from(`${stringifyJson(body)}\n`);
  response.writeHead(status, {
    ...(bytes === null ? {} : { 'content-type': 'application/json; charset=utf-8', 'content-length': bytes.length }),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(isUnread ? { connection: 'close' } : {}),
    ...crossOrigin,
    ...headers,
  });
  const content = request.method === 'HEAD' ? null : bytes;
  if (!isUnread) {
    response.end(content ?? undefined);
    return;
  }
  if (content) response.write(content);
  else response.flushHeaders();
  await discardRest(request);
  response.end();
}

function discardRest(request: IncomingMessage): Promise<void> {
  if (request.readableEnded || request.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    let size = 0;
    const done = (): void => {
      clearTimeout(timer);
      request.off('data', onData);
      resolve();
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > lingerBytes) done();
    };
    const timer = setTimeout(done, lingerMs);
    request.on('data', onData).once('end', done).once('close', done).once('error', done);
  });
}
