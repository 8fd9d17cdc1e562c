// Every example does what its README says: the numbers, not only the exit code.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runBank } from '../../examples/event-sourcing/bank.ts';
import { date, game, gameEvents, trackGames } from '../../examples/game-tracking/tracking.ts';
import { aggregateLogs } from '../../examples/log-aggregation/logs.ts';
import { exchangeMessages } from '../../examples/messaging/messaging.ts';
import { points, startMs } from '../../examples/metrics/hosts.ts';
import { collectMetrics } from '../../examples/metrics/metrics.ts';
import { Minutes } from '../../examples/metrics/minutes.ts';
import { runPipeline } from '../../examples/stream-pipeline/pipeline.ts';
import { silence } from '../../examples/support/show.ts';
import { withBroker } from '../../examples/support/with-broker.ts';
import { messages } from '../../examples/unrest-detection/messages.ts';
import { detectUnrest } from '../../examples/unrest-detection/unrest.ts';
import { trackActivity } from '../../examples/website-activity/activity.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = (name: string): string => join(root, 'examples', name);
const examples = readdirSync(join(root, 'examples'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== 'support')
  .map(({ name }) => name);

describe('the examples', () => {
  it('are eight, each named in the index, with a README that says how to run it', () => {
    expect(examples).toHaveLength(8);
    const index = readFileSync(folder('README.md'), 'utf8');
    for (const name of examples) {
      expect(index).toContain(`](${name}/README.md)`);
      expect(readFileSync(join(folder(name), 'README.md'), 'utf8')).toContain(`npm run example ${name}`);
    }
  });

  it('run by one command and end by themselves', async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'examples/run.ts', 'metrics'], { cwd: root });
    const [code, output] = await Promise.all([
      new Promise((resolve) => child.once('exit', resolve)),
      text(child.stdout),
    ]);
    expect(code).toBe(0);
    expect(output).toContain('540 points of three hosts published to "points"');
    expect(output).toContain('ALERT: two minutes above 5 % errors since 12:04 (13.4 %)');
  });

  it('website-activity: counts pages, finds fruitless searches and how far sessions come', async () => {
    const { views, fruitlessSearches, funnel } = await withBroker((brokers) => trackActivity(brokers, silence));
    expect(Object.fromEntries(views)).toEqual({
      '/': 40,
      '/search': 20,
      '/product/42': 28,
      '/product/7': 10,
      '/about': 10,
      '/cart': 18,
      '/order': 18,
    });
    expect([...fruitlessSearches]).toEqual([['lmap', 10]]);
    expect(funnel.map(({ sessions }) => sessions)).toEqual([48, 28, 18, 18]);
  });

  it('metrics: adds up by the minute of measurement, warns once, and finds the host that it was', async () => {
    const { minutes, alerts, lateCount, culprits } = await withBroker((brokers) => collectMetrics(brokers, silence));
    expect(minutes.map(({ requests, errors }) => [requests, errors])).toEqual(
      Array.from({ length: 10 }, (_, minute) => [3825, minute >= 4 && minute <= 6 ? 512 : 3]),
    );
    expect(alerts).toEqual([{ fromMs: startMs + 4 * 60_000, errorShare: 512 / 3825 }]);
    expect(lateCount).toBe(0);
    expect(culprits[0]).toEqual({ host: 'web-2', errors: 1020 });
    const impatient = new Minutes(0);
    for (const point of points()) impatient.add(point);
    expect(impatient.lateCount).toBeGreaterThan(0);
  });

  it('log-aggregation: brings three formats into one shape and tells the story of the request that failed', async () => {
    const { shipped, counts, strange, stories } = await withBroker((brokers) =>
      aggregateLogs(brokers, folder('log-aggregation/logs'), silence),
    );
    expect(shipped).toEqual([18, 0]);
    expect(counts).toEqual({
      'web-1': { error: 1, warn: 0, info: 4 },
      shop: { error: 1, warn: 1, info: 5 },
      'payments-2': { error: 1, warn: 1, info: 3 },
    });
    expect(strange).toEqual(['web-1.access-log: a line that nobody understands']);
    expect([...stories.keys()]).toEqual(['r-7f3']);
    expect(stories.get('r-7f3')!.map(({ host, level }) => `${host} ${level}`)).toEqual([
      'shop info',
      'payments-2 info',
      'payments-2 error',
      'shop error',
      'web-1 error',
    ]);
  });

  it('messaging: gives each order to one worker, all orders to each party, and old ones again on demand', async () => {
    const { work, aside, heard, again } = await withBroker((brokers) => exchangeMessages(brokers, silence));
    const done = new Set([...work.values()].flat());
    expect([...done].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 60 }, (_, id) => id).filter((id) => id !== 13),
    );
    expect(new Set(aside.map(({ id }) => id))).toEqual(new Set([13]));
    expect(aside[0]!.reason).toContain('nobody lives where order 13 should go');
    expect(heard).toEqual({ mailer: 60, fraud: 60, ledger: 60 });
    expect(again).toBe(30);
  });

  it('stream-pipeline: cleanses articles, drops those told twice, and recommends what is like what was read', async () => {
    const { itemCount, fresh, duplicates, freshAgain, recommendations } = await withBroker((brokers) =>
      runPipeline(brokers, folder('stream-pipeline/feeds'), silence),
    );
    expect([itemCount, fresh.length, freshAgain]).toEqual([9, 7, 0]);
    expect(duplicates.map(({ title }) => title)).toEqual([
      'A ferry for the islands, twice a day',
      'Storm closes the harbour for a night',
    ]);
    expect(fresh.map(({ text }) => text).filter((text) => /[<>]|&\w+;/.test(text))).toEqual([]);
    expect(fresh.find(({ title }) => title.startsWith('Caf'))).toMatchObject({
      title: 'Café & bakery reopens at the pier',
      url: 'https://island.example/a/bakery',
      publishedAt: '2026-11-20T11:20:00.000Z',
    });
    expect(fresh.find(({ title }) => title.startsWith('Fish'))!.publishedAt).toBeNull();
    expect(recommendations['ida']).toEqual(['Why herring come back to the coast']);
    expect(recommendations['jon']![0]).toBe('How storms shape a coast');
    expect(recommendations['kim']![0]).toBe('New ferry line to the islands opens in spring');
  });

  it('event-sourcing: comes to the same accounts from all events and from snapshots, and to those of any day', async () => {
    const { refused, accounts, rebuilt, onTheFourth } = await withBroker((brokers) => runBank(brokers, silence));
    expect(accounts.map(({ account, balance, isClosed }) => [account, balance, isClosed])).toEqual([
      ['ada', 3678, false],
      ['bert', 3000, false],
      ['cleo', 0, true],
    ]);
    expect(refused).toHaveLength(2);
    expect(rebuilt).toEqual([
      { withSnapshots: false, events: 40, isSame: true },
      { withSnapshots: true, events: 14, isSame: true },
    ]);
    expect(onTheFourth.map(({ account, balance }) => [account, balance])).toEqual([
      ['ada', 1210],
      ['bert', 1000],
    ]);
  });

  it('unrest-detection: warns of exactly the city and hour that a count by hand finds, and of bursts across the hour', async () => {
    const { report, alerts, onScreen } = await withBroker((brokers) => detectUnrest(brokers, silence));
    const tooLate = 'Demonstration on the ring, street 6';
    const counts = new Map<string, number>();
    for (const { city, text, ts } of messages()) {
      if (!/protest|demonstration|blockade|strike/i.test(text) || text === tooLate) continue;
      const key = `${city} ${ts.slice(0, 13)}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const expected = [...counts].filter(([, count]) => count >= 5).map(([key]) => key);
    const found = (action: string): string[] =>
      alerts
        .filter((alert) => alert.action === action)
        .map(({ parameters, at }) => `${parameters!['city']} ${at.slice(0, 13)}`);
    expect(expected).toEqual(['leipzig 2026-11-20T18']);
    expect(found('UnrestThisHour')).toEqual(expected);
    expect(found('Burst')).toEqual(['hamburg 2026-11-20T19']);
    expect(found('Violence')).toEqual(['leipzig 2026-11-20T18']);
    expect(onScreen.map(({ parameters }) => parameters!['city'])).toEqual(['leipzig']);
    expect([report.events, report.late]).toEqual([messages().length, 3]);
  });

  it('game-tracking: lands every event and reports the users and the revenue that the events themselves add up to', async () => {
    const { eventCount, rowCount, completeDays, report } = await withBroker((brokers) => trackGames(brokers, silence));
    const events = gameEvents().map(({ value }) => JSON.parse(value));
    expect([eventCount, rowCount]).toEqual([events.length, BigInt(events.length)]);
    expect(completeDays).toEqual(['2026-06-01', '2026-06-02']);
    const inBerlin = new Intl.DateTimeFormat('sv', { timeZone: 'Europe/Berlin' });
    const ofDay = events.filter((event) => event.game === game && inBerlin.format(new Date(event.ts)) === date);
    const users = new Set(ofDay.map(({ session_id, user_id }) => `${user_id ?? session_id}`));
    const cents = ofDay
      .filter(({ type, currency }) => type === 'purchase' && currency === 'EUR')
      .reduce((sum, { price_cents }) => sum + price_cents, 0);
    const figureOf = (name: string): number | null =>
      report.figures.find((figure) => figure.name === name)!.values.all.value;
    expect(users.size).toBeGreaterThan(50);
    expect(figureOf('dau')).toBe(users.size);
    const installed = ofDay.filter(({ type }) => type === 'install').map(({ user_id }) => user_id);
    expect(figureOf('newUsers')).toBe(new Set(installed).size);
    expect(figureOf('revenueEUR')).toBe(cents);
  });
});
