import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isLoopbackAddress, isLoopbackHost } from '../shared/index.ts';

/** Why a request may not change anything, with the HTTP status that says so. */
export interface Refusal {
  status: 401 | 403 | 415;
  error: string;
}

/**
 * Who may change something over HTTP: whoever has the token; and without a token only programs on this very machine. The
 * type of the body and the name in `Host` are checked because a browser on this machine may be made to send requests by
 * any page it shows; it cannot send JSON to another origin unasked, nor choose the name it was told.
 */
export function mayChange(request: IncomingMessage, token: string | null): Refusal | null {
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    return { status: 415, error: 'expected content-type: application/json' };
  }
  if (token !== null) {
    const given = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    return isSame(given, token) ? null : { status: 401, error: 'expected the header "authorization: Bearer TOKEN"' };
  }
  if (!isLoopbackAddress(request.socket.remoteAddress ?? '') || !isLoopbackHost(request.headers.host ?? '')) {
    return { status: 403, error: 'without a token only this machine may change something: set SLUICE_HTTP_TOKEN' };
  }
  return null;
}

function isSame(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
