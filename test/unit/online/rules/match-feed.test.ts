import { describe, expect, it } from 'vitest';
import { type FeedMatch, MatchFeed, type MatchFeedEvent } from '../../../../src/online/rules/match-feed.ts';

const match = (id: string, padding = ''): FeedMatch => ({
  id,
  rule: 'Alarm',
  action: 'Alarm',
  key: padding,
  at: '2026-06-01T12:00:00.000Z',
  events: [],
});
const feedOf = (maxBytes = 100_000): MatchFeed => new MatchFeed({ maxBytes, id: 'test' });

async function take(events: AsyncIterator<MatchFeedEvent, void>, count: number): Promise<string[]> {
  const taken: string[] = [];
  while (taken.length < count) {
    const { value } = await events.next();
    if (!value) break;
    taken.push(value.kind === 'match' ? `${value.number} ${value.match.id}` : `dropped ${value.count}`);
  }
  return taken;
}

describe('a feed of matches', () => {
  it('gives a newcomer what is kept and then what comes', async () => {
    const feed = feedOf();
    feed.publish(match('a'));
    const events = feed.subscribe({ signal: new AbortController().signal });
    expect(await take(events, 1)).toEqual(['0 a']);
    const next = take(events, 2);
    feed.publish(match('b'));
    feed.publish(match('c'));
    expect(await next).toEqual(['1 b', '2 c']);
  });

  it('keeps no more than its bytes, and tells a slow subscriber, and only that one, how many it missed', async () => {
    const size = Buffer.byteLength(JSON.stringify(match('0')));
    const feed = feedOf(size * 3);
    const { signal } = new AbortController();
    const slow = feed.subscribe({ signal });
    const quick = feed.subscribe({ signal });
    const seen: string[] = [];
    feed.publish(match('0'));
    expect(await take(slow, 1)).toEqual(['0 0']);
    for (let i = 1; i < 8; i++) {
      feed.publish(match(`${i}`));
      seen.push(...(await take(quick, i === 1 ? 2 : 1)));
    }
    expect(seen).toEqual(['0 0', '1 1', '2 2', '3 3', '4 4', '5 5', '6 6', '7 7']);
    expect(await take(slow, 4)).toEqual(['dropped 4', '5 5', '6 6', '7 7']);
  });

  it('drops a match that is larger than all it may keep', async () => {
    const feed = feedOf(500);
    const events = feed.subscribe({ signal: new AbortController().signal });
    feed.publish(match('small'));
    expect(await take(events, 1)).toEqual(['0 small']);
    feed.publish(match('huge', 'x'.repeat(1000)));
    feed.publish(match('after'));
    expect(await take(events, 2)).toEqual(['dropped 1', '2 after']);
  });

  it('goes on for a subscriber that comes back where it was, as far as that is kept', async () => {
    const size = Buffer.byteLength(JSON.stringify(match('0')));
    const feed = feedOf(size * 2);
    for (let i = 0; i < 5; i++) feed.publish(match(`${i}`));
    const { signal } = new AbortController();
    expect(await take(feed.subscribe({ signal, from: 4 }), 1)).toEqual(['4 4']);
    expect(await take(feed.subscribe({ signal, from: 1 }), 3)).toEqual(['dropped 2', '3 3', '4 4']);
    const ahead = feed.subscribe({ signal, from: 99 });
    const next = take(ahead, 1);
    feed.publish(match('5'));
    expect(await next).toEqual(['5 5']);
  });

  it('ends a subscription when its signal is aborted, also while it waits', async () => {
    const feed = feedOf();
    const stop = new AbortController();
    const events = feed.subscribe({ signal: stop.signal });
    const waiting = events.next();
    stop.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    feed.publish(match('a'));
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  it('gives out what it has when it is closed, and then ends', async () => {
    const feed = feedOf();
    const { signal } = new AbortController();
    const waiting = take(feed.subscribe({ signal }), 9);
    await Promise.resolve();
    feed.publish(match('a'));
    feed.publish(match('b'));
    feed.close();
    expect(await waiting).toEqual(['0 a', '1 b']);
  });
});
