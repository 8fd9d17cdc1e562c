import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileJobStore } from '../../../jobs/file-job-store.ts';
import { InProcessScheduler } from '../../../jobs/in-process-scheduler.ts';
import type { JobSchedule } from '../../../jobs/job-schedule.ts';
import { ScheduleTicker } from '../../../jobs/schedule-ticker.ts';
import { ManualClock, silentLogger } from '../../../src/shared/index.ts';

let folder: string;
let clock: ManualClock;
let stores: FileJobStore[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'jobs-ticker-'));
  clock = new ManualClock(Date.parse('2026-11-01T12:00:00Z'));
  stores = [];
});
afterEach(async () => {
  await Promise.all(stores.map((store) => store.close()));
  rmSync(folder, { recursive: true, force: true });
});

/** Audits a warehouse without tables: a real job that is done at once. */
const audit: JobSchedule = {
  name: 'proof',
  job: 'audit',
  cron: '30 2 * * *',
  zone: 'UTC',
  overlap: 'skip',
  missed: 'run-once',
  input: {},
};

/** Loads from brokers that do not answer: a real job that does not end. */
const endless = { brokers: ['127.0.0.1:1'], topics: ['events'] };

/** A process with its scheduler; several of them share the folder. */
function scheduler(schedule: Partial<JobSchedule> = {}) {
  const store = new FileJobStore({
    folder: join(folder, 'jobs'),
    scheduler: new InProcessScheduler({ concurrency: 1, logger: silentLogger }),
    clock,
    logger: silentLogger,
  });
  stores.push(store);
  const input = { ...(schedule.job === 'continuous-load' ? endless : {}), warehouseUrl: pathToFileURL(folder).href };
  const whole = { ...audit, input, ...schedule };
  return {
    store,
    schedule: whole,
    ticker: new ScheduleTicker({ schedules: [whole], store, clock, logger: silentLogger }),
  };
}

async function ended(store: FileJobStore, count: number): Promise<string[]> {
  for (let i = 0; i < 400; i++) {
    const runs = await store.runs(100);
    if (runs.length >= count && runs.every(({ state }) => state !== 'running')) return runs.map(({ id }) => id).sort();
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`expected ${count} runs that have ended, got ${JSON.stringify(await store.runs(100))}`);
}

const hourMs = 3_600_000;

describe('a schedule', () => {
  it('runs nothing for the time before it was there, and then each time it is due', async () => {
    const { store, ticker } = scheduler();
    await ticker.tick();
    expect(await store.runs(10)).toEqual([]);
    await clock.advance(14 * hourMs);
    await ticker.tick();
    expect(await store.runs(10)).toEqual([]);
    await clock.advance(hourMs);
    await ticker.tick();
    await ticker.tick();
    expect(await ended(store, 1)).toEqual(['proof.2026-11-02T02-30-00Z']);
    expect((await store.runs(1))[0]).toMatchObject({ state: 'complete', job: 'audit', error: null });
  });

  it('runs once on return, however many runs were missed', async () => {
    const { ticker } = scheduler();
    await ticker.tick();
    await clock.advance(5 * 24 * hourMs);
    const later = scheduler();
    for (let i = 0; i < 5; i++) await later.ticker.tick();
    expect(await ended(later.store, 1)).toEqual(['proof.2026-11-06T02-30-00Z']);
    await clock.advance(24 * hourMs);
    await later.ticker.tick();
    expect(await ended(later.store, 2)).toEqual(['proof.2026-11-06T02-30-00Z', 'proof.2026-11-07T02-30-00Z']);
  });

  it('that skips what was missed says so, and runs the next time', async () => {
    const { store, schedule, ticker } = scheduler({ missed: 'skip' });
    await ticker.tick();
    await clock.advance(3 * 24 * hourMs);
    await ticker.tick();
    expect(await store.runs(10)).toEqual([]);
    expect((await store.state(schedule)).note).toMatch(/due at 2026-11-04T02:30:00.000Z was missed and skipped/);
    await clock.advance(14.52 * hourMs);
    await ticker.tick();
    expect(await ended(store, 1)).toEqual(['proof.2026-11-05T02-30-00Z']);
  });

  it('that skips while the run before goes on has one run, and says so', async () => {
    const { store, schedule, ticker } = scheduler({ job: 'continuous-load', overlap: 'skip' });
    await ticker.tick();
    await clock.advance(24 * hourMs);
    await ticker.tick();
    await clock.advance(24 * hourMs);
    await ticker.tick();
    expect((await store.runs(10)).map(({ id, state }) => [id, state])).toEqual([
      ['proof.2026-11-02T02-30-00Z', 'running'],
    ]);
    const { note, lastDueMs } = await store.state(schedule);
    expect(note).toMatch(/due at 2026-11-03T02:30:00.000Z was skipped: proof.2026-11-02T02-30-00Z had not ended/);
    expect(lastDueMs).toBe(Date.parse('2026-11-03T02:30:00Z'));
  });

  it('that queues begins when the run before has ended, once for all that was due meanwhile', async () => {
    const first = scheduler({ job: 'continuous-load', overlap: 'queue' });
    await first.ticker.tick();
    await clock.advance(24 * hourMs);
    await first.ticker.tick();
    await clock.advance(3 * 24 * hourMs);
    for (let i = 0; i < 3; i++) await first.ticker.tick();
    expect(await first.store.runs(10)).toHaveLength(1);
    await first.store.close();
    stores = [];
    const second = scheduler({ overlap: 'queue' });
    await second.ticker.tick();
    expect(await ended(second.store, 2)).toEqual(['proof.2026-11-02T02-30-00Z', 'proof.2026-11-05T02-30-00Z']);
  });

  it('that is paused runs nothing, and makes up with one run when it goes on', async () => {
    const { store, schedule, ticker } = scheduler();
    await ticker.tick();
    await store.setPause('proof', { by: 'ann', reason: 'HDFS is serviced', atMs: 1 });
    await clock.advance(3 * 24 * hourMs);
    await ticker.tick();
    expect(await store.runs(10)).toEqual([]);
    expect((await store.state(schedule)).pause).toMatchObject({ by: 'ann', reason: 'HDFS is serviced' });
    await store.setPause('proof', null);
    await ticker.tick();
    expect(await ended(store, 1)).toEqual(['proof.2026-11-04T02-30-00Z']);
  });
});

describe('several schedulers at once', () => {
  it('make one run of each due time', async () => {
    const many = Array.from({ length: 8 }, () => scheduler({ cron: '*/5 * * * *' }));
    await many[0]!.ticker.tick();
    for (let i = 0; i < 12; i++) {
      await clock.advance(300_000);
      await Promise.all(many.map(({ ticker }) => ticker.tick()));
    }
    const ids = await ended(many[0]!.store, 12);
    expect(ids).toHaveLength(12);
    expect(new Set(ids).size).toBe(12);
    const logs = await Promise.all(ids.map((id) => many[0]!.store.logs(id)));
    for (const lines of logs) expect(lines!.filter((line) => line.includes('RunEnded'))).toHaveLength(1);
  });
});

describe('a run whose process is gone', () => {
  it('is begun again by the next process, under its own id and as a further attempt', async () => {
    const { ticker } = scheduler();
    await ticker.tick();
    await clock.advance(15 * hourMs);
    await ticker.tick();
    await ended(stores[0]!, 1);
    const path = join(
      folder,
      'jobs/runs',
      readdirSync(join(folder, 'jobs/runs')).find((name) => name.endsWith('.json'))!,
    );
    const run = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...run, state: 'running', endedMs: null, pid: 2 ** 22 + 1 }));
    const others = [scheduler(), scheduler(), scheduler()];
    await Promise.all(others.map(({ store }) => store.resume()));
    expect(await ended(others[0]!.store, 1)).toEqual(['proof.2026-11-02T02-30-00Z']);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ attempt: 2, state: 'complete', pid: process.pid });
  });
});
