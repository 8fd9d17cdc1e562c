import type { IncomingMessage } from 'node:http';
import type { EventWriter } from '../event-writer.ts';
import type { IngestMetrics } from '../ingest-metrics.ts';
import type { BodyMemory } from './event-body.ts';
import { HttpError } from './http-error.ts';
import type { KnownTopics } from './known-topics.ts';
import type { RepeatedRequests } from './repeated-requests.ts';

/** What a route answers. */
export interface HttpAnswer {
  status: number;
  /** JSON, or bytes of the type in `headers`; null: no body. */
  body: unknown;
  headers?: Record<string, string>;
}

export interface IngestLimits {
  /** Of one request, inflated. */
  maxBodyBytes: number;
  maxEventBytes: number;
  maxEvents: number;
  /** Requests that are read or wait for the log at once. */
  maxRequests: number;
  /** Bodies held as a whole, by all requests together. */
  maxHeldBytes: number;
  /** How long such a body may take to come. */
  maxBodyMs: number;
}

export const defaultIngestLimits: IngestLimits = {
  maxBodyBytes: 16 * 1024 * 1024,
  maxEventBytes: 1024 * 1024 - 4096,
  maxEvents: 100_000,
  maxRequests: 512,
  maxHeldBytes: 128 * 1024 * 1024,
  maxBodyMs: 60_000,
};

/** What every route works with. */
export interface IngestContext {
  writer: EventWriter;
  topics: KnownTopics;
  /** Topics that pages of websites write to, without a token; the first is the default. */
  webTopics: readonly string[];
  repeated: RepeatedRequests;
  memory: BodyMemory;
  limits: IngestLimits;
  metrics: IngestMetrics;
  nowMs: () => number;
}

export interface HttpCall {
  request: IncomingMessage;
  url: URL;
  /** Whose token came with the request; for telling one client's idempotency keys from another's. */
  owner: string;
  signal: AbortSignal;
}

const longestKeyBytes = 1024;

/** Which key the events get: one for all, or a field of each. Throws 400. */
export function keyOf({ request, url }: HttpCall): { key: string | null; keyField: string | null } {
  const header = request.headers['sluice-key'];
  const key = url.searchParams.get('key') ?? (typeof header === 'string' ? header : null);
  const keyField = url.searchParams.get('keyField');
  if (key !== null && keyField !== null) throw new HttpError(400, 'expected key or keyField, got both');
  if (key === '' || keyField === '') throw new HttpError(400, 'expected a key, got an empty text');
  if (key !== null && Buffer.byteLength(key) > longestKeyBytes) {
    throw new HttpError(400, `expected a key of at most ${longestKeyBytes} bytes`);
  }
  return { key, keyField };
}

/** Null when there is none. Throws 400. */
export function idempotencyKeyOf({ request, url }: HttpCall): string | null {
  const header = request.headers['idempotency-key'];
  const key = (typeof header === 'string' ? header : null) ?? url.searchParams.get('id');
  if (key === null) return null;
  if (!/^[\x20-\x7e]{1,255}$/.test(key)) {
    throw new HttpError(400, 'expected an idempotency key of 1 to 255 printable ASCII characters');
  }
  return key;
}
