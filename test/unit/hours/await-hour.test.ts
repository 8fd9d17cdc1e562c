// Promises: `await` never returns early, says what it waits for, and answers the same over HTTP. (Pain 14 of docs/why.md.)
import { beforeEach, describe, expect, it } from 'vitest';
import { answerHourRequest, awaitHour, HourBook } from '../../../src/hours/index.ts';
import { ManualClock } from '../../../src/shared/index.ts';
import { HourWorld, worldTopic } from './hour-world.ts';

const at = (text: string): number => Date.parse(`${text}:00.000Z`);
const hour = '2026-11-20T23';
const place = { table: worldTopic, hour };
let world: HourWorld;

beforeEach(async () => {
  world = await new HourWorld({ partitions: 2, startMs: at('2026-11-20T22:30') }).begin();
});

async function look(text = hour) {
  return await awaitHour({ files: world.files, table: worldTopic, hour: text, timeoutMs: 0, clock: world.clock });
}

describe('await', () => {
  it('gives the reason at every stage, and the manifest at the end', async () => {
    expect((await look()).reason).toBe('it is not over: it ends at 2026-11-21T00:00:00.000Z');
    world.nowMs = at('2026-11-21T00:15');
    expect((await look()).reason).toContain('it is over since 15 min and nobody has closed it yet');
    world.produce(0, at('2026-11-20T23:10'), at('2026-11-20T23:11'));
    await world.load(0, 1);
    await world.close();
    expect(await look()).toMatchObject({
      isReady: false,
      reason: 'events-0 is 1 offsets behind (checkpoint 1, end 2)',
      answer: { status: 'closed', lags: [{ partition: 0, end: 2n, checkpoint: 1n, lag: 1n }] },
    });
    await world.load(0);
    expect((await look()).reason).toContain('the next look of the closer completes it');
    await world.close();
    const manifest = 'dt=2026-11-20/hr=23/_manifest-1.json';
    expect(await look()).toMatchObject({ isReady: true, reason: null, answer: { status: 'complete', manifest } });
    world.produce(0, at('2026-11-20T23:12'));
    await world.load(0);
    await world.close();
    expect(await look()).toMatchObject({ isReady: true, answer: { status: 'amended', revision: 2 } });
  });

  it('does not return before the manifest is visible, though the record says complete', async () => {
    world.nowMs = at('2026-11-21T00:15');
    await world.close();
    world.disk.remove(world.manifests(hour)[0]!, false);
    expect(await look()).toMatchObject({ isReady: false, answer: { status: 'complete' } });
    await world.close();
    expect((await look()).isReady).toBe(true);
  });

  it('returns as soon as the hour is complete, and gives up when its time is over', async () => {
    const clock = new ManualClock(at('2026-11-20T23:00'));
    const reasons: string[] = [];
    const options = { files: world.files, ...place, clock, pollMs: 1000, onWait: (text: string) => reasons.push(text) };
    const patient = awaitHour({ ...options, timeoutMs: 7_200_000 });
    const hasty = awaitHour({ ...options, timeoutMs: 3_000 });
    await clock.advance(5_000);
    await turn();
    expect(await hasty).toMatchObject({ isReady: false });
    world.nowMs = at('2026-11-21T00:15');
    await world.close();
    for (let i = 0; i < 5; i++) {
      await clock.advance(1000);
      await turn();
    }
    expect(await patient).toMatchObject({ isReady: true });
    expect(reasons.length, 'said once each, not with every look').toBeLessThanOrEqual(2);
  });

  it('waits for a table that nobody has loaded yet', async () => {
    const options = { files: world.files, table: 'later', hour, timeoutMs: 0, clock: world.clock };
    expect(await awaitHour(options)).toMatchObject({
      isReady: false,
      reason: 'there is no table later in this warehouse yet',
    });
    await expect(awaitHour({ ...options, hour: 'noon' })).rejects.toThrow('got "noon"');
  });

  it('ends when it is told to', async () => {
    const stopped = new AbortController();
    const waiting = awaitHour({ files: world.files, ...place, timeoutMs: 1e9, pollMs: 1e8, signal: stopped.signal });
    stopped.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });

  it.each(['2026-11-20', '2026-11-20T24', 'yesterday', '2026-13-01T00'])(
    'refuses %s, which is no hour',
    async (text) => {
      await expect(look(text)).rejects.toThrow(/expected an hour like 2026-11-20T23, got/);
    },
  );
});

describe('GET /v1/tables/T/hours/H', () => {
  const context = () => ({ files: world.files, clock: world.clock, pollMs: 1 });

  it('answers 409 with the reason, then 200 with the manifest', async () => {
    world.nowMs = at('2026-11-20T23:30');
    const early = await answerHourRequest(place, context());
    expect(early.status).toBe(409);
    expect(JSON.parse(early.body)).toMatchObject({
      state: 'open',
      isReady: false,
      reason: expect.stringContaining('ends'),
    });
    world.nowMs = at('2026-11-21T00:15');
    await world.close();
    const { status, body } = await answerHourRequest({ ...place, wait: '60s' }, context());
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({
      ...{ table: worldTopic, hour, zone: 'UTC', state: 'complete', isReady: true, revision: 1 },
      manifest: 'dt=2026-11-20/hr=23/_manifest-1.json',
      ...{ from: '2026-11-20T23:00:00.000Z', until: '2026-11-21T00:00:00.000Z', since: '2026-11-21T00:15:00.000Z' },
      ...{ reason: null, lags: [] },
    });
  });

  it.each([
    [400, { hour: 'noon' }],
    [400, { wait: '1h' }],
    [400, { wait: '301s' }],
    [404, { table: 'nobody' }],
  ])('answers %i to %j', async (status, change) => {
    expect((await answerHourRequest({ ...place, ...change }, context())).status).toBe(status);
  });
});

describe('the list of hours', () => {
  it('has quiet and open hours too, and not one that the clocks skipped', async () => {
    const layout = { zone: 'Europe/Berlin' };
    const berlin = await new HourWorld({ startMs: at('2026-03-28T23:30'), layout }).begin(); // 00:30 there
    berlin.nowMs = at('2026-03-29T02:15'); // 04:15 there
    await berlin.close();
    const book = (await HourBook.open(berlin.files, worldTopic, { clock: berlin.clock }))!;
    const listed = await book.list(24);
    expect(listed.map(({ hour: key, status }) => [key.slice(11), status])).toEqual([
      ['00', 'complete'],
      ['01', 'complete'],
      ['03', 'complete'],
      ['04', 'open'],
    ]);
  });
});

async function turn(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
}
