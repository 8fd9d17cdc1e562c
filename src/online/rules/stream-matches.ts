import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { anyOf } from '../../shared/index.ts';
import type { MatchFeed, MatchFeedEvent } from './match-feed.ts';

const heartbeatMs = 15_000;
const reconnectMs = 1000;

/**
 * Answers one request with a feed as server-sent events, until the client goes or `signal` is aborted: `match` with the match
 * as JSON, `dropped` with `{"count"}`. A browser that lost the connection comes back with the id of the last event it saw,
 * and goes on behind it. A client that does not read is not written to: the feed tells it later what it missed.
 */
export async function streamMatches(
  feed: MatchFeed,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const ends = anyOf(signal, gone.signal);
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    connection: 'close',
    'x-content-type-options': 'nosniff',
  });
  response.write(`retry: ${reconnectMs}\n\n`);
  const heartbeat = setInterval(() => {
    if (!response.writableNeedDrain) response.write(': still here\n\n');
  }, heartbeatMs);
  try {
    for await (const event of feed.subscribe({ signal: ends, ...startOf(feed, request) })) {
      if (!response.write(textOf(feed, event))) await once(response, 'drain', { signal: ends });
    }
  } catch (error) {
    if (!ends.aborted) throw error;
  } finally {
    clearInterval(heartbeat);
    response.end();
  }
}

/** Where a returning client goes on; a newcomer, or one that saw another process, gets all that is kept. */
function startOf(feed: MatchFeed, request: IncomingMessage): { from?: number } {
  const last = /^([\w]+)-(\d{1,15})$/.exec(String(request.headers['last-event-id'] ?? ''));
  return last?.[1] === feed.id ? { from: Number(last[2]) + 1 } : {};
}

function textOf(feed: MatchFeed, event: MatchFeedEvent): string {
  if (event.kind === 'dropped') return `event: dropped\ndata: {"count":${event.count}}\n\n`;
  return `id: ${feed.id}-${event.number}\nevent: match\ndata: ${JSON.stringify(event.match)}\n\n`;
}
