import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeOffsets } from '../../src/offsets/index.ts';
import { openWarehouse } from '../../src/warehouse/index.ts';
import { GameWarehouse } from '../support/game-warehouse.ts';
import { LoadLab } from '../support/load-lab.ts';
import { type PeerRedis, startRedis, waitFor } from '../support/peers.ts';
import { PostOffice } from '../support/post-office.ts';
import { runSluice, SluiceProcess } from '../support/sluice-process.ts';

let lab: LoadLab;
let redis: PeerRedis;

beforeAll(async () => {
  [lab, redis] = await Promise.all([LoadLab.open(), startRedis()]);
});
afterAll(async () => {
  await lab.close();
  await redis.stop();
});

const records = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => ({ key: null, value: `{"n":${from + i}}` }));

/** `sluice jobs work` with short locks: a killed worker is missed after seconds. */
function work(args: string[] = [], env: Record<string, string> = {}): SluiceProcess {
  return new SluiceProcess(['jobs', 'work', '--redis', redis.url, '--lock', '3s', ...args], { env });
}

async function listed(config: string) {
  const done = await runSluice(['jobs', 'list', '--redis', redis.url, '--config', config, '--limit', '200', '--json']);
  expect(done.code, done.stderr).toBe(0);
  return JSON.parse(done.stdout) as {
    schedules: { name: string; pause: { reason: string } | null; lastRunId: string | null }[];
    runs: { id: string; job: string; state: string; result: { rows: string } | null; error: string | null }[];
  };
}

async function cleanlyAudited(url: string, rows: number): Promise<void> {
  const audit = await runSluice(['audit', '--deep', '--warehouse', url, '--brokers', lab.bootstrap, '--json']);
  expect(audit.code, audit.stdout + audit.stderr).toBe(0);
  const { partitions } = JSON.parse(audit.stdout) as { partitions: { landed: string }[] };
  expect(partitions.reduce((sum, { landed }) => sum + Number(landed), 0)).toBe(rows);
}

function settings(name: string, warehouse: string, schedules: string): string {
  const path = join(lab.directory, `${name}.yaml`);
  const lines = [
    'loader:',
    `  warehouse: ${warehouse}`,
    `  topics: [${name}]`,
    'jobs:',
    `  redis: ${redis.url}`,
    `  brokers: [${lab.bootstrap}]`,
    '  schedules:',
    schedules,
  ];
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

describe('schedules in a shared Redis', () => {
  it('make one run of each due time with two schedulers at once, shown in the list, the log and the page', async () => {
    const { url } = lab.warehouse('twice');
    await lab.createTopic('twice', 2);
    await lab.produce('twice', 0, records(50));
    const config = settings(
      'twice',
      url,
      `    often: { job: load-window, cron: '*/4 * * * * *', overlap: queue }\n    rare: { job: audit, cron: '0 0 1 1 *' }`,
    );
    const workers = [
      work(['--config', config, '--http', '127.0.0.1:0']),
      work(['--config', config, '--http', '127.0.0.1:0']),
    ];
    try {
      const [, page] = await workers[0]!.waitFor(/http=(\S+)/, 120_000);
      await workers[1]!.waitFor(/^ready/m, 120_000);
      await waitFor('three runs', 60_000, async () => {
        const ended = (await listed(config)).runs.filter(({ state }) => state === 'complete');
        return ended.length >= 3;
      });
      await lab.produce('twice', 1, records(50, 50));
      const shown = await listed(config);
      expect(new Set(shown.runs.map(({ id }) => id)).size).toBe(shown.runs.length);
      const rows = shown.runs.reduce((sum, { result }) => sum + Number(result?.rows ?? 0), 0);
      expect(rows).toBe(50);
      const html = await (await fetch(page!)).text();
      expect(html).toContain('<td>often</td>');
      expect(html).toContain(shown.runs.at(-1)!.id);
      const paused = await runSluice(['jobs', 'pause', 'often', '--reason', 'HDFS is serviced', '--config', config]);
      expect(paused.code, paused.stderr).toBe(0);
      await waitFor('the last run to end', 30_000, async () =>
        (await listed(config)).runs.every(({ state }) => state === 'complete'),
      );
      const before = await listed(config);
      await new Promise((resolve) => setTimeout(resolve, 9000));
      const after = await listed(config);
      expect(after.runs.length).toBe(before.runs.length);
      expect(after.schedules[0]).toMatchObject({ name: 'often', pause: { reason: 'HDFS is serviced' } });
      await runSluice(['jobs', 'resume', 'often', '--config', config]);
      await waitFor('a run after the pause', 30_000, async () => {
        const { runs } = await listed(config);
        return runs.some(({ result }) => result?.rows === '50') && runs.length > before.runs.length;
      });
      await cleanlyAudited(url, 100);
    } finally {
      expect((await Promise.all(workers.map((worker) => worker.stop()))).map(({ code }) => code)).toEqual([0, 0]);
    }
  });
});

describe('a continuous load under supervision', () => {
  it('is taken over by the other worker when the one that supervises it is killed, and nothing is double', async () => {
    const { url } = lab.warehouse('always');
    await lab.createTopic('always', 2);
    for (const partition of [0, 1]) await lab.produce('always', partition, records(500));
    const input = { group: 'always', rollAgeMs: 300, sessionTimeoutMs: 6000 };
    const first = work();
    await first.waitFor(/^ready/m, 120_000);
    const args = ['--brokers', lab.bootstrap, '--topics', 'always', '--warehouse', url, '--redis', redis.url];
    const submitted = new SluiceProcess([
      ...['jobs', 'run', 'continuous-load', ...args, '--workers', '0', '--input', JSON.stringify(input)],
    ]);
    const files = await openWarehouse(url, { access: 'write' });
    /** Rows of the table, and the processes that own its partitions. */
    const look = async (): Promise<{ rows: bigint; owners: string[] }> => {
      const states = (await describeOffsets(files, { table: 'always' })).flatMap(({ state }) => state ?? []);
      const rows = states.reduce((sum, { totals }) => sum + totals.landed, 0n);
      return { rows, owners: states.flatMap(({ holder }) => holder?.owner.host.split(':')[1] ?? []) };
    };
    let second: SluiceProcess | null = null;
    try {
      await waitFor('the first rows', 120_000, async () => (await look()).rows === 1000n);
      expect(new Set((await look()).owners)).toEqual(new Set([String(first.child.pid)]));
      second = work();
      await second.waitFor(/^ready/m, 120_000);
      for (const partition of [0, 1]) await lab.produce('always', partition, records(500, 500));
      await first.stop('SIGKILL');
      for (const partition of [0, 1]) await lab.produce('always', partition, records(500, 1000));
      await waitFor('the rows after the kill', 180_000, async () => (await look()).rows === 3000n);
      expect(new Set((await look()).owners)).toEqual(new Set([String(second.child.pid)]));
      expect((await second.stop()).code).toBe(0);
      await cleanlyAudited(url, 3000);
    } finally {
      await files.close();
      await Promise.all([first, submitted, ...(second ? [second] : [])].map((one) => one.stop('SIGKILL')));
    }
  });
});

describe('a nightly load', () => {
  it('is finished by another worker when one is killed in the middle of a commit, without double rows', async () => {
    const { url } = lab.warehouse('killed');
    await lab.createTopic('killed', 3);
    for (const partition of [0, 1, 2]) await lab.produce('killed', partition, records(2000), 100);
    const doomed = work(['--workers', '1'], { SLUICE_FAULT: 'loader.commit.8-moved=kill' });
    await doomed.waitFor(/^ready/m, 120_000);
    const args = ['--brokers', lab.bootstrap, '--topics', 'killed', '--warehouse', url, '--redis', redis.url];
    const submitted = runSluice([
      'jobs',
      'run',
      'load-window',
      ...args,
      '--workers',
      '0',
      '--job-id',
      'killed-1',
      '--json',
    ]);
    expect((await doomed.finished).code).toBeNull();
    const rescuer = work(['--workers', '2']);
    try {
      const done = await submitted;
      expect(done.code, done.stderr).toBe(0);
      expect(JSON.parse(done.stdout)).toMatchObject({ outcome: 'complete', failures: [] });
      await cleanlyAudited(url, 6000);
      const logs = await runSluice(['jobs', 'logs', 'killed-1', '--redis', redis.url]);
      expect(logs.code, logs.stderr).toBe(0);
      expect(await runSluice(['jobs', 'logs', 'no-such-run', '--redis', redis.url])).toMatchObject({ code: 2 });
    } finally {
      await rescuer.stop();
    }
  });

  it('goes on when Redis is killed and started again in its middle', async () => {
    const { url } = lab.warehouse('restarted');
    await lab.createTopic('restarted', 4);
    for (const partition of [0, 1, 2, 3]) await lab.produce('restarted', partition, records(5000), 100);
    const worker = work(['--workers', '1']);
    await worker.waitFor(/^ready/m, 120_000);
    try {
      const args = ['--brokers', lab.bootstrap, '--topics', 'restarted', '--warehouse', url, '--redis', redis.url];
      const submitted = runSluice([
        'jobs',
        'run',
        'load-window',
        ...args,
        '--workers',
        '0',
        '--job-id',
        'restarted-1',
        '--json',
      ]);
      await waitFor('the first rows', 60_000, async () => {
        const list = await runSluice(['offsets', 'list', '--warehouse', url, '--json']);
        return (
          list.code === 0 &&
          (JSON.parse(list.stdout) as { checkpoint: string }[]).some((one) => one.checkpoint === '5000')
        );
      });
      await redis.kill('redis');
      await new Promise((resolve) => setTimeout(resolve, 2000));
      await redis.start('redis');
      const done = await submitted;
      expect(done.code, done.stderr).toBe(0);
      await cleanlyAudited(url, 20_000);
    } finally {
      await worker.stop();
    }
  });
});

describe('a daily report', () => {
  it('is made and mailed by a worker on the same Redis, once however often it is run', async () => {
    const warehouse = await GameWarehouse.create({ zone: 'UTC', pathFormat: 'dt=yyyy-MM-dd' });
    const office = new PostOffice();
    // The usual locks: a worker that seems to have died in the middle of a mail is a failure that says so.
    const worker = new SluiceProcess(['jobs', 'work', '--redis', redis.url], { env: { SMTP_SECRET: 'open sesame' } });
    try {
      const event = { type: 'login', game: 'hh', user_id: 1, network: 'facebook' };
      await warehouse.land([JSON.stringify({ ts: '2025-11-20T10:00:00Z', ...event })]);
      await warehouse.closeHours();
      await worker.waitFor(/^ready/m, 120_000);
      const login = { user: 'reports', password: '$' + '{env:SMTP_SECRET}' };
      const mail = {
        host: '127.0.0.1',
        port: await office.start(),
        from: 'a@example.com',
        to: ['b@example.com'],
        ...login,
      };
      const input = JSON.stringify({ warehouseUrl: warehouse.url, games: ['hh'], date: '2025-11-20', waitMs: 0, mail });
      const args = ['jobs', 'run', 'daily-report', '--redis', redis.url, '--workers', '0', '--input', input, '--json'];
      const first = await runSluice(args);
      expect(first.code, first.stderr).toBe(0);
      expect(JSON.parse(first.stdout)).toMatchObject({ outcome: 'complete', failures: [] });
      expect(office.mails.map(({ subject }) => subject)).toEqual(['Daily hh report: 2025-11-20']);
      const second = await runSluice(args);
      expect(JSON.parse(second.stdout)).toMatchObject({ reports: [{ state: 'skipped', mail: 'already-sent' }] });
      expect(office.mails).toHaveLength(1);
    } finally {
      await worker.stop();
      await office.close();
      await warehouse.close();
    }
  });
});
