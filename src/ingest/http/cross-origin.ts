import type { IncomingMessage } from 'node:http';

/** Which websites' pages may send events: their origins (`https://shop.example`), or `*`. */
export type AllowedOrigins = readonly string[];

/**
 * What a browser is to be told about a request from a page of another website. Null: the page may not send it. A request without an origin
 * is not from a page, or is one (an image) that a browser sends whatever we say.
 */
export function crossOriginHeaders(request: IncomingMessage, allowed: AllowedOrigins): Record<string, string> | null {
  const { origin, host } = request.headers;
  if (origin === undefined || isOwn(origin, host)) return {};
  if (allowed.includes('*')) return { 'access-control-allow-origin': '*' };
  return allowed.includes(origin) ? { 'access-control-allow-origin': origin, vary: 'Origin' } : null;
}

/** The answer to a browser that asks before it sends. */
export const preflightHeaders: Record<string, string> = {
  'access-control-allow-methods': 'GET, POST',
  'access-control-allow-headers': 'authorization, content-type, content-encoding, idempotency-key, sluice-key',
  'access-control-max-age': '600',
};

function isOwn(origin: string, host: string | undefined): boolean {
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`);
}
