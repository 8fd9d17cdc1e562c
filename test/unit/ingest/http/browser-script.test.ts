import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { browserScript } from '../../../../src/ingest/http/browser-script.ts';

interface Sent {
  url: string;
  events: Record<string, unknown>[];
}

/** As much of a browser as the script uses; `answer` says what the server does. */
function browser(answer: () => number, stored = new Map<string, string>()) {
  const sent: Sent[] = [];
  const beacons: Sent[] = [];
  const timers: (() => void)[] = [];
  const listeners = new Map<string, () => void>();
  const window: Record<string, unknown> = {};
  const read = (url: string, body: string): Sent => ({ url, events: JSON.parse(body) });
  const context = {
    window,
    document: {
      currentScript: { src: 'https://in.example/sluice.js', getAttribute: () => 'site' },
      referrer: 'https://search.example/',
    },
    location: { href: 'https://shop.example/cart' },
    localStorage: {
      getItem: (key: string) => stored.get(key) ?? null,
      setItem: (key: string, text: string) => stored.set(key, text),
    },
    navigator: { sendBeacon: (url: string, body: string) => beacons.push(read(url, body)) > 0 },
    fetch: (url: string, { body }: { body: string }) => {
      sent.push(read(url, body));
      const status = answer();
      return status === 0 ? Promise.reject(new Error('offline')) : Promise.resolve({ status });
    },
    setTimeout: (work: () => void) => timers.push(work),
    addEventListener: (name: string, work: () => void) => listeners.set(name, work),
    URL,
  };
  runInNewContext(browserScript, context);
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  const sluice = window['sluice'] as (type: string, fields?: object) => void;
  return { sent, beacons, timers, listeners, stored, sluice, settle };
}

describe('the script for pages', () => {
  it('is smaller than 2 KB', () => {
    expect(Buffer.byteLength(browserScript)).toBeLessThan(2048);
  });

  it('sends a page view by itself, and what the page gives it', async () => {
    const { sent, sluice, settle } = browser(() => 204);
    await settle();
    sluice('purchase', { item: 'coins' });
    await settle();
    expect(sent.flatMap(({ events }) => events)).toEqual([
      expect.objectContaining({
        type: 'page_view',
        page: 'https://shop.example/cart',
        referrer: 'https://search.example/',
      }),
      expect.objectContaining({
        type: 'purchase',
        item: 'coins',
        event_id: expect.any(String),
        visitor: expect.any(String),
      }),
    ]);
    expect(sent[0]!.url).toMatch(/^https:\/\/in\.example\/beacon\?topic=site&id=\w+$/);
    expect(new Set(sent.map(({ url }) => url)).size).toBe(2);
  });

  it('sends a batch again under the same id until the server has it, also on the next page', async () => {
    let status = 0;
    const first = browser(() => status);
    await first.settle();
    status = 503;
    first.timers.pop()!();
    await first.settle();
    expect(first.sent.length).toBe(2);
    status = 204;
    const next = browser(() => status, first.stored);
    await next.settle();
    expect(next.sent[0]).toEqual(first.sent[0]);
    expect(next.sent.length).toBe(2); // and then its own page view
    expect(JSON.parse(next.stored.get('sluice-events')!)).toEqual({ wait: [], sent: null });
  });

  it('keeps at most 100 events while nobody takes them, the newest', async () => {
    const { sluice, stored, settle } = browser(() => 0);
    for (let i = 0; i < 500; i++) sluice('click', { i });
    await settle();
    const { wait } = JSON.parse(stored.get('sluice-events')!) as { wait: { i: number }[] };
    expect(wait.length).toBe(100);
    expect(wait.at(-1)!.i).toBe(499);
  });

  it('hands what waits to the browser when the page is left', async () => {
    const { beacons, listeners, sent } = browser(() => 0);
    listeners.get('pagehide')!();
    expect(beacons).toEqual(sent);
  });

  it('works without a store', async () => {
    const broken = new Map<string, string>();
    broken.get = () => {
      throw new Error('forbidden');
    };
    broken.set = broken.get as never;
    const { sent, sluice, settle } = browser(() => 204, broken);
    await settle();
    sluice('click');
    await settle();
    expect(sent.map(({ events }) => events[0]!['type'])).toEqual(['page_view', 'click']);
  });
});
