import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import aws4 from 'aws4';
import { ExchangeError, exchange, type HttpAnswer, type HttpTimeouts, isTlsRefusal } from '../http-exchange.ts';
import { type AttemptFailure, type RetryContext, RetryRun } from '../retry-run.ts';
import { WarehouseError } from '../warehouse-error.ts';
import type { S3Credentials } from './s3-credentials.ts';
import { parseRefusal, type S3Refusal, toS3Error, verdictOn } from './s3-errors.ts';

/** How all requests to one bucket are made. */
export interface S3Connection extends RetryContext {
  bucket: string;
  /** `https://HOST[:PORT]`, without the bucket. */
  endpoint: string;
  region: string;
  isPathStyle: boolean;
  /** Asked when we begin, and again when the store says that the last ones have ended. */
  credentials: () => S3Credentials;
  timeouts: HttpTimeouts;
}

export interface S3Call {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** '' is the bucket itself. */
  key: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: Buffer;
  /** Not made again once it may have been carried out. */
  isOnce?: boolean;
  /** A 200 may hold an error: of calls that are answered before they are through. */
  mayFailLate?: boolean;
  maxAnswerBytes?: number;
  signal?: AbortSignal | undefined;
}

export interface S3Answer extends HttpAnswer {
  /** Why it refused; null when it did not. */
  refusal: S3Refusal | null;
}

/** Of an `isOnce` call: what stood in the way of the answer. It may have been carried out, or may be carried out later. */
export interface LostAnswer {
  lost: WarehouseError;
}

type Outcome = { answer: S3Answer } | (AttemptFailure & { wasSent: boolean });

const defaultAnswerBytes = 16 * 1024 * 1024;
const maxSockets = 32;
const idleSocketMs = 4_000; // below what stores allow, so that we rarely write to a socket they are closing
const maxCredentialChanges = 2;

/** Signs requests (Signature Version 4), and makes them again for as long as nothing but a passing reason stands in their way. */
export class S3Client {
  readonly connection: S3Connection;
  readonly #agent: Agent;
  readonly #base: { host: string; hostname: string; port: number; isTls: boolean; path: string };
  #credentials: S3Credentials;
  /** The store's clock minus ours, once it has refused a request for its time. */
  #clockSkewMs = 0;

  constructor(connection: S3Connection) {
    this.connection = connection;
    this.#base = baseOf(connection);
    this.#credentials = connection.credentials();
    const agentOptions = { keepAlive: true, maxSockets, maxFreeSockets: 4, timeout: idleSocketMs };
    this.#agent = this.#base.isTls ? new TlsAgent(agentOptions) : new Agent(agentOptions);
  }

  get accessKeyId(): string {
    return this.#credentials.accessKeyId;
  }

  /** Resolves with the answer, also when it is a refusal that no repetition would change. */
  async call(call: S3Call & { isOnce?: false }): Promise<S3Answer>;
  async call(call: S3Call): Promise<S3Answer | LostAnswer>;
  async call(call: S3Call): Promise<S3Answer | LostAnswer> {
    const run = new RetryRun(this.connection, `${call.method} ${call.key}`);
    for (let changes = 0; ; ) {
      const outcome = await this.#attempt(call);
      if ('answer' in outcome) {
        const { refusal } = outcome.answer;
        const canChange = refusal !== null && changes < maxCredentialChanges && this.#adapt(outcome.answer, refusal);
        if (!canChange) return outcome.answer;
        changes++;
        continue;
      }
      if (call.isOnce && outcome.wasSent) return { lost: outcome.error };
      await run.pause(outcome, call.signal);
    }
  }

  /** The same; a refusal is thrown. */
  async mustCall(call: S3Call & { isOnce?: false }): Promise<S3Answer> {
    const answer = await this.call(call);
    if (answer.refusal) throw toS3Error(answer.refusal, `${call.method} ${call.key}`);
    return answer;
  }

  /** As `x-amz-copy-source` wants it. */
  sourceOf(key: string): string {
    return `/${this.connection.bucket}/${encodeKey(key)}`;
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Takes new credentials or another clock after a refusal for them. False: there is nothing to change. */
  #adapt({ headers }: S3Answer, refusal: S3Refusal): boolean {
    const verdict = verdictOn(refusal);
    if (verdict === 'credentials') {
      const { accessKeyId, sessionToken } = this.#credentials;
      this.#credentials = this.connection.credentials();
      return this.#credentials.accessKeyId !== accessKeyId || this.#credentials.sessionToken !== sessionToken;
    }
    const theirsMs = Date.parse(headers.date ?? '');
    if (verdict !== 'clock' || Number.isNaN(theirsMs)) return false;
    this.#clockSkewMs = theirsMs - this.connection.clock.nowMs();
    return true;
  }

  async #attempt(call: S3Call): Promise<Outcome> {
    const what = `${call.method} ${call.key}`;
    try {
      const answer = await this.#exchange(call);
      const refusal = parseRefusal(answer.status, answer.body, call.mayFailLate === true);
      const verdict = refusal ? verdictOn(refusal) : 'final';
      if (verdict !== 'again' && verdict !== 'unclear') return { answer: { ...answer, refusal } };
      const message = `${what}: ${refusal!.code}: ${refusal!.message}`;
      const error = new WarehouseError('unavailable', message, { isRetriable: true });
      return { error, wasSent: verdict === 'unclear' };
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      if (isTlsRefusal(error)) throw new WarehouseError('untrusted', `${what}: ${error.message}`, { cause: error });
      if (error.code === 'too-large') throw new WarehouseError('too-large', `${what}: ${error.message}`);
      const unavailable = new WarehouseError('unavailable', `${what}: ${error.message}`, {
        cause: error,
        isRetriable: true,
      });
      return { error: unavailable, wasSent: error.wasSent };
    }
  }

  async #exchange(call: S3Call): Promise<HttpAnswer> {
    const { host, hostname, port, isTls, path: basePath } = this.#base;
    const { timeouts, region, clock } = this.connection;
    const body = call.body ?? Buffer.alloc(0);
    const hasBody = call.method === 'PUT' || call.method === 'POST';
    const path = `${basePath}${call.key === '' && basePath !== '' ? '' : '/'}${encodeKey(call.key)}${encodeQuery(call.query)}`;
    const atMs = clock.nowMs() + this.#clockSkewMs;
    const headers: Record<string, string> = {
      Host: host,
      'X-Amz-Date': new Date(atMs).toISOString().replace(/[:-]|\.\d{3}/g, ''),
      ...(hasBody && { 'Content-Type': 'application/octet-stream', 'Content-Length': String(body.length) }),
      ...call.headers,
    };
    const signed = aws4.sign(
      { service: 's3', region, host, method: call.method, path, headers, body },
      this.#credentials,
    );
    return await exchange({
      method: call.method,
      host: hostname,
      port,
      path: signed.path ?? path,
      headers: signed.headers as Record<string, string>,
      tls: isTls ? {} : null,
      agent: this.#agent,
      // The content of a large answer or request may take as long as bytes keep coming.
      timeouts: body.length > 0 || call.maxAnswerBytes !== undefined ? { ...timeouts, totalMs: 0 } : timeouts,
      maxBodyBytes: call.maxAnswerBytes ?? defaultAnswerBytes,
      ...(hasBody && { body }),
      signal: call.signal,
    });
  }
}

export function isLost(answer: S3Answer | LostAnswer): answer is LostAnswer {
  return 'lost' in answer;
}

function baseOf({ endpoint, bucket, isPathStyle }: S3Connection) {
  const { hostname, port, protocol } = new URL(endpoint);
  const isTls = protocol === 'https:';
  const name = isPathStyle ? hostname : `${bucket}.${hostname}`;
  return {
    host: port === '' ? name : `${name}:${port}`,
    hostname: name.replace(/^\[|\]$/g, ''),
    port: port === '' ? (isTls ? 443 : 80) : Number(port),
    isTls,
    path: isPathStyle ? `/${bucket}` : '',
  };
}

function encodeKey(key: string): string {
  return key.split('/').map(encode).join('/');
}

function encodeQuery(query: Record<string, string> = {}): string {
  const pairs = Object.entries(query).map(([name, value]) => `${encode(name)}=${encode(value)}`);
  return pairs.length === 0 ? '' : `?${pairs.sort().join('&')}`;
}

/** RFC 3986: what a signature is computed from. */
export function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}
