import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConsoleJobs, readAccounts } from '../../src/console/index.ts';
import { MatchFeed } from '../../src/online/index.ts';
import { loadHoursOfEveryState } from '../support/console-hours.ts';
import { ask, ConsoleLab, gameEvent, logInto } from '../support/console-lab.ts';
import { waitFor } from '../support/peers.ts';
import { runSluice, SluiceProcess } from '../support/sluice-process.ts';

const eventCount = 300;
const jobs = { started: [] as string[], pause: null as { by: string; reason: string } | null };
const feed = new MatchFeed({ maxBytes: 100_000, id: 'test' });
let lab: ConsoleLab;
let vera: Awaited<ReturnType<typeof logInto>>;
let otto: Awaited<ReturnType<typeof logInto>>;

/** The jobs as a scheduler would hand them in: one schedule. */
const someJobs: ConsoleJobs = {
  list: async () => ({
    schedules: [
      {
        name: 'nightly',
        job: 'load-window',
        cron: '0 2 * * *',
        zone: 'UTC',
        nextDueMs: 1,
        lastRunId: null,
        isRunning: false,
        pause: null,
        note: null,
      },
    ],
    runs: [{ id: 'nightly.1', job: 'load-window', state: 'complete', startedMs: 1, endedMs: 2, error: null }],
  }),
  log: async (id) => (id === 'nightly.1' ? ['{"msg":"RunEnded"}'] : null),
  run: async (name) => void jobs.started.push(name),
  setPause: async (_name, pause) => void (jobs.pause = pause),
};

beforeAll(async () => {
  const rules = { rules: [{ name: 'Buyer', text: 'WHEN ...' }], source: 'test.rules', feed };
  lab = await ConsoleLab.open({ accounts: true, jobs: someJobs, rules });
  await lab.lab.createTopic('events', 2);
  const events = Array.from({ length: eventCount }, (_, n) => gameEvent(n));
  await lab.lab.produce('events', 0, events.slice(0, 200));
  await lab.lab.produce('events', 1, [...events.slice(200), { key: 'bad', value: 'no json <b>at all</b>' }]);
  await lab.loadAll('events');
  await lab.lab.produce('events', 0, [gameEvent(1000, { note: 'needle' })]);
  await lab.start();
  [vera, otto] = [await logInto(lab.url, 'vera'), await logInto(lab.url, 'otto')];
});
afterAll(() => lab.close());

describe('who may see the console', () => {
  it('nobody without a login, except the pages themselves and whether it lives', async () => {
    for (const path of ['/api/topics', '/api/overview', '/api/live', '/api/tables', '/api/audit', '/api/nothing']) {
      expect((await ask(`${lab.url}${path}`)).status).toBe(401);
    }
    expect((await ask(`${lab.url}/live`)).status).toBe(200);
    expect((await ask(`${lab.url}/`)).status).toBe(200);
    expect((await ask(`${lab.url}/api/session`)).body).toEqual({ person: null, csrf: null, hasAccounts: true });
  });

  it('nobody with a wrong password, nor from another site', async () => {
    const wrong = await logInto(lab.url, 'vera', 'wrong password');
    expect(wrong.login.status).toBe(401);
    expect(wrong.login.headers.get('set-cookie')).toBeNull();
    const headers = { 'content-type': 'application/json', origin: 'http://evil.example' };
    const body = JSON.stringify({ name: 'vera', password: 'open sesame' });
    expect((await ask(`${lab.url}/api/login`, { method: 'POST', headers, body })).status).toBe(403);
  });

  it('a program with a token', async () => {
    const bearer = (token: string) => ask(`${lab.url}/api/topics`, { headers: { authorization: `Bearer ${token}` } });
    expect((await bearer('vera:open sesame')).status).toBe(200);
    expect((await bearer('vera:closed sesame')).status).toBe(401);
  });

  it('nobody any more after the log-out', async () => {
    const short = await logInto(lab.url, 'vera');
    expect((await short.get('/api/topics')).status).toBe(200);
    expect((await short.post('/api/logout', {})).status).toBe(200);
    expect((await short.get('/api/topics')).status).toBe(401);
  });

  it('in pages that load nothing from elsewhere and run nothing inline', async () => {
    const page = await ask(`${lab.url}/`);
    const policy = page.headers.get('content-security-policy')!;
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
    ]) {
      expect(policy).toContain(part);
    }
    expect(policy).not.toContain('unsafe');
    expect(String(page.body['text'])).not.toMatch(/https?:\/\/|<script>|style=/);
    expect((await ask(`${lab.url}/../package.json`)).status).toBe(404);
    expect((await ask(`${lab.url}/%2e%2e/package.json`)).status).toBe(404);
  });
});

describe('the pages themselves', () => {
  it('are packed for every browser, and kept by it for good under their version', async () => {
    const start = String((await ask(`${lab.url}/`)).body['text']);
    const [script] = /\/console\.js\?v=[\w-]+/.exec(start)!;
    for (const encoding of ['br', 'gzip']) {
      const packed = await ask(`${lab.url}${script}`, { headers: { 'accept-encoding': encoding } });
      expect(packed.headers.get('content-encoding')).toBe(encoding);
      expect(packed.headers.get('cache-control')).toContain('immutable');
      expect(Number(packed.headers.get('content-length'))).toBeLessThan(70_000);
    }
    const old = await ask(`${lab.url}/console.js?v=of-last-week`);
    expect(old.headers.get('cache-control')).toBe('no-cache');
    const again = await ask(`${lab.url}/`, { headers: { 'if-none-match': old.headers.get('etag')! } });
    expect(again.status).toBe(200);
    const etag = (await ask(`${lab.url}/`)).headers.get('etag')!;
    expect((await ask(`${lab.url}/`, { headers: { 'if-none-match': etag } })).status).toBe(304);
  });
});

describe('what the console tells', () => {
  it('topics and partitions with log, checkpoint, lag, last roll and the position of a group', async () => {
    const { topics } = (await vera.get('/api/topics')).body as { topics: Record<string, unknown>[] };
    expect(topics.find(({ name }) => name === 'events')).toMatchObject({
      partitionCount: 2,
      appended: String(eventCount + 2),
      table: 'events',
      lag: '1',
    });
    await lab.lab.cluster.commitOffsets('readers', [{ topic: 'events', partition: 0, offset: 150n }]);
    const { partitions } = (await vera.get('/api/topics/events/partitions?group=readers')).body as {
      partitions: Record<string, unknown>[];
    };
    const first = partitions.find(({ partition }) => partition === 0)!;
    expect(first).toMatchObject({ start: '0', end: '201', checkpoint: '200', lag: '1', rollCause: 'end-of-input' });
    expect(first).toMatchObject({ owner: null, groupOffset: '150', groupLag: '51' });
    expect(first['lagMs']).toBeGreaterThanOrEqual(0);
    expect(partitions.map(({ partition }) => partition)).toEqual([0, 1]);
    expect((await vera.get('/api/topics/nowhere/partitions')).status).toBe(400);
    expect((await vera.get('/api/groups')).body['groups']).toContainEqual(
      expect.objectContaining({ groupId: 'readers' }),
    );
  });

  it('messages: the newest, from an offset, from a time, and those that fit a filter', async () => {
    type Messages = {
      messages: { partition: number; offset: string; value: { text: string } }[];
      next: string | null;
      isCut: boolean;
    };
    const look = async (query: string) =>
      (await vera.get(`/api/topics/events/messages?${query}`)).body as unknown as Messages;
    const newest = await look('limit=3&partition=0');
    expect(newest.messages.map(({ offset }) => offset)).toEqual(['200', '199', '198']);
    const from = await look('partition=0&offset=10&limit=2');
    expect(from.messages.map(({ offset }) => offset)).toEqual(['10', '11']);
    expect(from).toMatchObject({ next: '12', isCut: true });
    expect((await look('filter=note%3Dneedle')).messages).toMatchObject([{ partition: 0, offset: '200' }]);
    expect((await look('filter=NEEDLE')).messages).toHaveLength(1);
    expect((await look(`time=${Date.now() + 3_600_000}`)).messages).toEqual([]);
    expect((await look('time=2000-01-01T00:00:00Z&limit=500')).messages).toHaveLength(eventCount + 2);
    expect((await vera.get('/api/topics/events/messages?offset=x')).status).toBe(400);
    expect((await vera.get('/api/topics/events/messages?partition=9')).status).toBe(400);
  });

  it('tables, files, a sample of rows and the answer to SQL', async () => {
    expect((await vera.get('/api/tables')).body).toEqual({ tables: ['events'] });
    const files = (await vera.get('/api/tables/events/files')).body;
    expect(files).toMatchObject({ rowCount: eventCount });
    const sample = (await vera.get('/api/tables/events/sample?limit=5')).body as {
      rows: unknown[];
      columns: { name: string }[];
    };
    expect(sample.rows).toHaveLength(5);
    expect(sample.columns.map(({ name }) => name)).toContain('game');
    const sql = 'SELECT game, count(*) AS n FROM events GROUP BY game ORDER BY game';
    expect((await vera.post('/api/ask', { sql, hours: null })).body).toMatchObject({
      rows: [
        ['hh', '150'],
        ['mw', '150'],
      ],
    });
    const refused = await vera.post('/api/ask', { sql: "SET memory_limit = '8GB'", hours: null });
    expect([refused.status, refused.body['error']]).toEqual([400, expect.stringContaining('only reads')]);
  });

  it('the hours of a table, and what one waits for', async () => {
    const { hours, zone } = (await vera.get('/api/tables/events/hours?last=24')).body as {
      hours: { hour: string; status: string }[];
      zone: string;
    };
    expect(zone).toBe('UTC');
    const { hour } = hours.at(-1)!;
    expect(hours.at(-1)!.status).toBe('open');
    expect((await vera.get(`/api/tables/events/hours/${hour}`)).body).toMatchObject({
      hour,
      reason: expect.stringContaining('not over'),
    });
    expect((await vera.get('/api/tables/events/hours/yesterday')).status).toBe(400);
  });

  it('which days can be reported on, why one cannot yet, and the report from what has landed', async () => {
    const known = (await vera.get('/api/reports?table=events')).body as { games: string[]; days: { date: string }[] };
    expect(known.games).toEqual(expect.arrayContaining(['hh', 'mw']));
    expect(known.days[0]).toMatchObject({ completeCount: 0 });
    const { date } = known.days[0]!;
    const wanted = `table=events&game=hh&date=${date}`;
    const refused = await vera.get(`/api/reports/daily?${wanted}`);
    expect([refused.status, refused.body['error']]).toEqual([409, expect.stringContaining('not complete')]);
    const made = await vera.get(`/api/reports/daily?${wanted}&preliminary=1`);
    expect(made.body).toMatchObject({ game: 'hh', isComplete: false });
    const page = await vera.get(`/api/reports/daily.html?${wanted}&preliminary=1`);
    expect(page.body['text']).toContain(`<h1>Daily hh report: ${date}</h1>`);
    const policy = page.headers.get('content-security-policy')!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain('sandbox');
    expect(policy).not.toContain('allow-scripts');
    const json = (await vera.get(`/api/reports/daily.json?${wanted}&preliminary=1`)).body;
    expect(json).toMatchObject({ game: 'hh', date, isComplete: false });
    expect((await vera.get('/api/reports/daily?table=events&game=hh')).status).toBe(400);
    expect((await vera.get('/api/reports/daily?table=events&game=hh&date=today')).status).toBe(400);
    expect((await ask(`${lab.url}/api/reports/daily.html?${wanted}`)).status).toBe(401);
  });

  it('counters of each game and minute, and where they are from', async () => {
    type Counters = { source: string; minutes: { game: string; counts: Record<string, number> }[] };
    const counters = async () => (await vera.get('/api/counters')).body as Counters;
    const requests = async () => (await counters()).minutes.find(({ game }) => game === 'hh')?.counts['request'] ?? 0;
    await waitFor('a request of game hh', 60_000, async () => (await requests()) > 0);
    expect((await counters()).source).toBe('log');
  });

  it('dead letters with their reasons, as plain text', async () => {
    const page = (await vera.get('/api/tables/events/dead')).body as {
      counts: { count: number }[];
      letters: { value: string }[];
    };
    expect(page.counts).toMatchObject([{ partition: 1, count: 1 }]);
    expect(page.letters).toMatchObject([{ value: 'no json <b>at all</b>', offset: '100' }]);
  });

  it('jobs, their logs, and rules with their matches as they happen', async () => {
    expect((await vera.get('/api/jobs')).body).toMatchObject({ isSetUp: true, schedules: [{ name: 'nightly' }] });
    expect((await vera.get('/api/jobs/nightly.1/log')).body).toEqual({ lines: ['{"msg":"RunEnded"}'] });
    expect((await vera.get('/api/jobs/none/log')).status).toBe(400);
    expect((await vera.get('/api/rules')).body).toMatchObject({ isSetUp: true, rules: [{ name: 'Buyer' }] });
    const events = readEvents(`${lab.url}/api/matches`, vera.cookie);
    feed.publish({ id: 'm1', rule: 'Buyer', action: 'Greet', key: '7', at: '2026-11-21T18:00:00.000Z', events: [] });
    expect(await events.next('match')).toMatchObject({ id: 'm1', key: '7' });
    await events.close();
  });

  it('what happens in the games, once a second to everybody who watches', async () => {
    const [one, two] = [readEvents(`${lab.url}/api/live`, vera.cookie), readEvents(`${lab.url}/api/live`, otto.cookie)];
    for (const events of [one, two]) {
      expect(await events.next('tick')).toMatchObject({
        appended: String(eventCount + 2),
        landed: String(eventCount),
        dead: '1',
        lag: '1',
      });
    }
    await lab.lab.produce('events', 0, [gameEvent(1, { type: 'install', game: 'zz' })]);
    const tick = await one.next('tick', (data) => data['appended'] === String(eventCount + 3));
    expect(tick['lag']).toBe('2');
    await waitFor('the install of game zz', 60_000, async () => {
      const { seconds } = (await vera.get('/api/overview')).body as {
        seconds: { games: Record<string, { installs: number }> }[];
      };
      return seconds.some(({ games }) => games['zz']?.installs === 1);
    });
    await Promise.all([one.close(), two.close()]);
  });
});

describe('what an operator does', () => {
  it('is not for viewers, nor without a reason, nor from another page', async () => {
    const pause = { table: 'events', partition: 0, reason: 'maintenance' };
    expect((await vera.post('/api/actions/pause', pause)).status).toBe(403);
    expect((await vera.get('/api/audit')).status).toBe(403);
    expect((await otto.post('/api/actions/pause', { ...pause, reason: ' ' })).status).toBe(400);
    expect((await otto.post('/api/actions/pause', pause, { 'x-sluice-csrf': 'guess' })).status).toBe(403);
    expect((await otto.post('/api/actions/pause', pause, { origin: 'http://evil.example' })).status).toBe(403);
    expect((await otto.post('/api/actions/explode', pause)).status).toBe(400);
    expect((await otto.get('/api/actions/pause')).status).toBe(405);
    const { partitions } = (await vera.get('/api/topics/events/partitions')).body as {
      partitions: { pause: unknown }[];
    };
    expect(partitions.every((one) => one.pause === null)).toBe(true);
  });

  it('is done, seen, and written down with who, what, why and what came of it', async () => {
    const paused = async () => {
      const { partitions } = (await vera.get('/api/topics/events/partitions')).body as {
        partitions: { partition: number; pause: unknown }[];
      };
      return partitions.find(({ partition }) => partition === 0)!.pause;
    };
    expect(
      (await otto.post('/api/actions/pause', { table: 'events', partition: 0, reason: 'maintenance' })).status,
    ).toBe(200);
    expect(await paused()).toMatchObject({ by: 'otto@console', reason: 'maintenance' });
    expect((await otto.post('/api/actions/resume', { table: 'events', partition: 0, reason: 'done' })).status).toBe(
      200,
    );
    expect(await paused()).toBeNull();
    const roll = await otto.post('/api/actions/roll', { table: 'events', partition: null, reason: 'now' });
    expect(roll.body['result']).toMatchObject([
      { partition: 0, isNeeded: true },
      { partition: 1, isNeeded: false },
    ]);
    expect(
      (await otto.post('/api/actions/close-hours', { table: 'events', reason: 'month end' })).body['result'],
    ).toMatchObject({ closed: [] });
    expect((await otto.post('/api/actions/run-job', { schedule: 'nightly', reason: 'again' })).status).toBe(200);
    expect(jobs.started).toEqual(['nightly']);
    expect((await otto.post('/api/actions/pause-job', { schedule: 'nightly', reason: 'holiday' })).status).toBe(200);
    expect(jobs.pause).toMatchObject({ by: 'otto@console', reason: 'holiday' });
    expect((await otto.post('/api/actions/pause', { table: 'nowhere', partition: 0, reason: 'x' })).status).toBe(400);
    const lines = readFileSync(lab.auditPath, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.slice(0, 2)).toMatchObject([
      {
        who: 'otto',
        role: 'operator',
        action: 'pause',
        target: { table: 'events', partition: 0 },
        reason: 'maintenance',
        outcome: 'asked',
      },
      { who: 'otto', action: 'pause', outcome: 'done' },
    ]);
    expect(lines.at(-1)).toMatchObject({ action: 'pause', target: { table: 'nowhere' }, outcome: 'failed' });
    expect(lines.every(({ at }) => !Number.isNaN(Date.parse(String(at))))).toBe(true);
    const { entries } = (await otto.get('/api/audit')).body as { entries: unknown[] };
    expect(entries).toHaveLength(lines.length);
  });
});

describe('the calendar', () => {
  it('has hours in every state', async () => {
    await loadHoursOfEveryState(lab, 'visits', 12);
    const { hours } = (await vera.get('/api/tables/visits/hours?last=40')).body as { hours: { status: string }[] };
    const states = hours.map(({ status }) => status);
    expect(states[0]).toBe('expired');
    expect(states.filter((state) => state === 'amended')).toHaveLength(2);
    expect(states.filter((state) => state === 'complete').length).toBeGreaterThan(4);
    expect(states.filter((state) => state === 'closed').length).toBeGreaterThan(1);
    expect(states.at(-1)).toBe('open');
  });
});

describe('sluice console', () => {
  it('prints the line of an account, which lets in whoever knows the password', async () => {
    const { code, stdout } = await runSluice(['console', 'password', 'anna', '--role', 'operator'], {
      input: 'open sesame\n',
    });
    expect(code).toBe(0);
    const path = join(lab.lab.directory, 'accounts');
    writeFileSync(path, stdout);
    const [account] = readAccounts(path);
    expect(account).toMatchObject({ name: 'anna', role: 'operator' });
    const where = ['--brokers', lab.lab.bootstrap, '--warehouse', lab.warehouseUrl, '--listen', '127.0.0.1:0'];
    const served = new SluiceProcess(['console', ...where, '--accounts', path]);
    const [, url] = await served.waitFor(/^ready console=(\S+)$/m);
    const anna = await logInto(url!, 'anna');
    expect((await anna.get('/api/topics')).status).toBe(200);
    expect((await anna.get('/api/jobs')).body).toMatchObject({ schedules: [] });
    expect(await served.stop()).toMatchObject({ code: 0 });
  });

  it('is not open to other machines without accounts, and says so with exit code 2', async () => {
    const where = ['--brokers', lab.lab.bootstrap, '--warehouse', lab.warehouseUrl];
    const open = await runSluice(['console', ...where, '--listen', '0.0.0.0:0']);
    expect([open.code, open.stderr]).toEqual([2, expect.stringContaining('expected accounts')]);
    const short = await runSluice(['console', 'password', 'anna'], { input: 'short' });
    expect([short.code, short.stderr]).toEqual([2, expect.stringContaining('at least 8 characters')]);
  });
});

/** Server-sent events, one at a time. */
function readEvents(url: string, cookie: string) {
  const scope = new AbortController();
  const waiting: { event: string; data: Record<string, unknown> }[] = [];
  let wake: () => void = () => {};
  const reading = (async () => {
    const response = await fetch(url, { headers: { cookie }, signal: scope.signal });
    let rest = '';
    for await (const chunk of response.body!) {
      const parts = (rest + Buffer.from(chunk).toString('utf8')).split('\n\n');
      rest = parts.pop()!;
      for (const part of parts) {
        const [, event, data] = /event: (\w+)\ndata: (.*)/.exec(part) ?? [];
        if (event && data) waiting.push({ event, data: JSON.parse(data) });
      }
      wake();
    }
  })().catch(() => {});
  return {
    next: async (
      event: string,
      fits: (data: Record<string, unknown>) => boolean = () => true,
    ): Promise<Record<string, unknown>> => {
      for (;;) {
        const found = waiting.shift();
        if (found?.event === event && fits(found.data)) return found.data;
        if (!found) await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    close: async () => {
      scope.abort();
      await reading;
    },
  };
}
