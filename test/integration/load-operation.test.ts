import { rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LoadLab } from '../support/load-lab.ts';
import { waitFor } from '../support/peers.ts';
import { runSluice, SluiceProcess } from '../support/sluice-process.ts';

let lab: LoadLab;

beforeAll(async () => {
  lab = await LoadLab.open();
});
afterAll(() => lab.close());

const records = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => ({ key: null, value: `{"n":${from + i}}` }));

interface ShownPartition {
  partition: number;
  state: string;
  wait: string;
  appended: string;
  committed: string;
  pause: { by: string; reason: string } | null;
}

/** Starts a load that answers HTTP; gives it with its URL. */
async function watched(topic: string, url: string, args: string[], env: Record<string, string> = {}) {
  const process = new SluiceProcess(
    [
      'load',
      ...['--brokers', lab.bootstrap, '--topics', topic, '--warehouse', url, '--session-timeout', '10s'],
      ...['--scratch', lab.directory, '--http', '127.0.0.1:0', ...args],
    ],
    { env },
  );
  const [, base] = await process.waitFor(/^ready http=(\S+)$/m);
  const get = async (path: string) => {
    const response = await fetch(`${base}${path}`);
    return { status: response.status, body: await response.text() };
  };
  const partitions = async () => JSON.parse((await get('/v1/partitions')).body) as ShownPartition[];
  const post = async (path: string, body: object, headers: Record<string, string> = {}) =>
    await fetch(`${base}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  return { process, base: base!, get, partitions, post };
}

describe('a load that answers HTTP', () => {
  it('says whether an hour is complete, and why it is not', async () => {
    const warehouse = lab.warehouse('asked');
    await lab.createTopic('asked', 1);
    await lab.produce('asked', 0, records(3));
    const load = await watched('asked', warehouse.url, ['--roll-age', '200ms']);
    const hour = new Date().toISOString().slice(0, 13);
    await waitFor('the first rows', 60_000, async () => (await load.partitions())[0]?.committed === '3');
    const open = await load.get(`/v1/tables/asked/hours/${hour}`);
    expect([open.status, JSON.parse(open.body)]).toMatchObject([409, { table: 'asked', hour, isReady: false }]);
    expect((await load.get('/v1/tables/nowhere/hours/2026-01-01T00')).status).toBe(404);
    expect((await load.get('/v1/tables/asked/hours/yesterday')).status).toBe(400);
    expect((await load.process.stop()).code).toBe(0);
  });

  it('shows lag, rolls, files and rows as metrics, and sends the trace of each roll from fetch to commit', async () => {
    const warehouse = lab.warehouse('metrics');
    await lab.createTopic('metered', 2);
    await lab.produce('metered', 0, [...records(250), { key: null, value: 'not json' }]);
    const traces: { resourceSpans: { scopeSpans: { spans: { name: string; parentSpanId?: string }[] }[] }[] }[] = [];
    const receiver: Server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      expect(request.url).toBe('/v1/traces');
      traces.push(JSON.parse(Buffer.concat(chunks).toString('utf8')));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    const collector = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
    const load = await watched('metered', warehouse.url, ['--roll-age', '500ms', '--max-dead-letters', '5'], {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector,
    });
    try {
      const has = async (sample: string) => (await load.get('/metrics')).body.includes(`\n${sample}\n`);
      await waitFor('the rows in the metrics', 60_000, () =>
        has('sluice_rows_total{topic="metered",partition="0"} 250'),
      );
      await waitFor('the end of the log, and no lag behind it', 60_000, async () => {
        const place = '{topic="metered",partition="0"}';
        return (await has(`sluice_appended_offset${place} 251`)) && (await has(`sluice_lag_records${place} 0`));
      });
      // A roll counts when it is committed, its steps when the last of them has ended.
      const counted = (text: string, sample: string): number =>
        Number(
          text
            .split('\n')
            .find((line) => line.startsWith(`${sample} `))
            ?.split(' ')
            .at(-1) ?? 0,
        );
      const rollsOf = (text: string) => counted(text, 'sluice_rolls_total{topic="metered",cause="age"}');
      const endedOf = (text: string) => counted(text, 'sluice_roll_step_seconds_count{step="commit"}');
      await waitFor('the end of every roll', 60_000, async () => {
        const { body } = await load.get('/metrics');
        return endedOf(body) > 0 && endedOf(body) === rollsOf(body);
      });
      const metrics = (await load.get('/metrics')).body;
      for (const line of [
        /^sluice_dead_letters_total\{topic="metered",partition="0"\} 1$/m,
        /^sluice_files_total\{topic="metered"\} [1-9]$/m,
        /^sluice_committed_offset\{topic="metered",partition="0"\} 251$/m,
        /^sluice_encoded_offset\{topic="metered",partition="0"\} 251$/m,
        /^sluice_read_offset\{topic="metered",partition="0"\} 251$/m,
        /^sluice_lag_records\{topic="metered",partition="0"\} 0$/m,
        /^sluice_lag_seconds\{topic="metered",partition="0",stage="committed"\} 0$/m,
        /^sluice_memory_budget_bytes 1073741824$/m,
        /^sluice_healthy 1$/m,
        /^process_resident_memory_bytes \d+$/m,
      ]) {
        expect(metrics).toMatch(line);
      }
      expect(await load.get('/health')).toMatchObject({ status: 200 });
      expect((await load.process.stop()).code).toBe(0);
      const spans = traces.flatMap(({ resourceSpans }) => resourceSpans[0]!.scopeSpans[0]!.spans);
      const roots = spans.filter(({ parentSpanId }) => parentSpanId === undefined);
      // One for each roll, and for each that was dropped and read again.
      expect(new Set(roots.map(({ name }) => name))).toEqual(new Set(['roll metered']));
      expect(roots.length).toBeGreaterThanOrEqual(rollsOf(metrics));
      expect(spans.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['fetch', 'seal', 'upload', 'commit', 'publish', 'position']),
      );
    } finally {
      load.process.child.kill('SIGKILL');
      receiver.close();
    }
  });

  it('turns unhealthy while nothing can be committed, names the wait, and is healthy again when it can', async () => {
    const warehouse = lab.warehouse('stuck');
    await lab.createTopic('stuck', 1);
    await lab.produce('stuck', 0, records(10));
    const load = await watched('stuck', warehouse.url, [
      '--roll-age',
      '300ms',
      '--stall',
      '3s',
      '--log-level',
      'silent',
    ]);
    try {
      await waitFor('the first commit', 60_000, async () => (await load.partitions())[0]?.committed === '10');
      expect((await load.get('/health')).status).toBe(200);
      // A file stands where the staging folder belongs: the warehouse refuses what it took before.
      const { mkdirSync, readdirSync, writeFileSync } = await import('node:fs');
      const staging = join(warehouse.directory, 'stuck/_sluice/staging');
      const topicId = readdirSync(staging)[0]!;
      rmSync(join(staging, topicId), { recursive: true });
      writeFileSync(join(staging, topicId), 'in the way');
      await lab.produce('stuck', 0, records(10, 10));
      await waitFor('/health to fail', 60_000, async () => (await load.get('/health')).status === 503);
      const health = JSON.parse((await load.get('/health')).body);
      expect(health).toMatchObject({ status: 'failing', reasons: [{ topic: 'stuck', partition: 0, lag: '10' }] });
      expect(health.reasons[0].wait).toMatch(/staging|not a directory|ENOTDIR|EEXIST/i);
      expect((await load.get('/live')).status).toBe(200);
      expect((await load.get('/metrics')).body).toMatch(/^sluice_healthy 0$/m);
      rmSync(join(staging, topicId));
      mkdirSync(join(staging, topicId));
      await waitFor('/health to be ok again', 60_000, async () => (await load.get('/health')).status === 200);
      expect((await load.partitions())[0]).toMatchObject({ committed: '20' });
    } finally {
      load.process.child.kill('SIGKILL');
    }
  });

  it('pauses and resumes one partition on request, keeps who and why, and stays healthy meanwhile', async () => {
    const warehouse = lab.warehouse('paused');
    await lab.createTopic('paused', 2);
    await lab.produce('paused', 0, records(5));
    await lab.produce('paused', 1, records(5));
    const load = await watched('paused', warehouse.url, ['--roll-age', '300ms', '--stall', '2s']);
    try {
      const committed = async () => (await load.partitions()).map((one) => one.committed);
      await waitFor('the first commits', 60_000, async () => (await committed()).join() === '5,5');
      const answer = await load.post('/v1/partitions/paused/1/pause', { by: 'ann', reason: 'wrong data <upstream>' });
      expect(answer.status).toBe(200);
      await waitFor('the pause', 60_000, async () => (await load.partitions())[1]?.state === 'paused');
      await lab.produce('paused', 0, records(5, 5));
      await lab.produce('paused', 1, records(5, 5));
      await waitFor('the other partition to go on', 60_000, async () => (await committed())[0] === '10');
      await waitFor('the log to be seen', 60_000, async () => (await load.partitions())[1]!.appended === '10');
      await new Promise((resolve) => setTimeout(resolve, 2500));
      expect((await load.partitions())[1]).toMatchObject({
        committed: '5',
        state: 'paused',
        pause: { by: 'ann', reason: 'wrong data <upstream>' },
      });
      expect((await load.get('/health')).status).toBe(200);

      const listed = await runSluice(['offsets', 'list', '--warehouse', warehouse.url]);
      expect(listed.stdout).toMatch(/paused by ann.*wrong data/);
      const resumed = await runSluice([
        ...['partitions', 'resume', 'paused', '1', '--warehouse', warehouse.url, '--reason', 'data is repaired'],
      ]);
      expect(resumed.code).toBe(0);
      await waitFor('the partition to go on', 60_000, async () => (await committed())[1] === '10');
      const status = await runSluice(['partitions', 'status', 'paused', '1', '--warehouse', warehouse.url, '--json']);
      expect(JSON.parse(status.stdout)).toMatchObject([
        {
          partition: 1,
          pause: null,
          history: [
            { action: 'pause', by: 'ann', reason: 'wrong data <upstream>' },
            { action: 'resume', reason: 'data is repaired' },
          ],
        },
      ]);
    } finally {
      load.process.child.kill('SIGKILL');
    }
  });

  it('lets nobody change anything without the token, without JSON, or from a page of a browser', async () => {
    const warehouse = lab.warehouse('guarded');
    await lab.createTopic('guarded', 1);
    await lab.produce('guarded', 0, records(1));
    const open = await watched('guarded', warehouse.url, ['--roll-age', '300ms']);
    try {
      const path = '/v1/partitions/guarded/0/pause';
      await waitFor('a checkpoint', 60_000, async () => (await open.partitions())[0]?.committed === '1');
      const form = await fetch(`${open.base}${path}`, { method: 'POST', body: 'reason=x' });
      expect(form.status).toBe(415);
      expect((await open.post(path, {})).status).toBe(400);
      expect((await open.post('/v1/partitions/none/0/pause', { reason: 'x' })).status).toBe(400);
      expect((await fetch(`${open.base}${path}`)).status).toBe(405);
      expect((await fetch(`${open.base}/nothing`)).status).toBe(404);
      expect((await open.process.stop()).code).toBe(0);
    } finally {
      open.process.child.kill('SIGKILL');
    }
    const guarded = await watched('guarded', warehouse.url, [], { SLUICE_HTTP_TOKEN: 'secret-1' });
    try {
      const path = '/v1/partitions/guarded/0/pause';
      const body = { reason: 'test' };
      expect((await guarded.post(path, body)).status).toBe(401);
      expect((await guarded.post(path, body, { authorization: 'Bearer secret-2' })).status).toBe(401);
      expect((await guarded.post(path, body, { authorization: 'Bearer secret-1' })).status).toBe(200);
    } finally {
      guarded.process.child.kill('SIGKILL');
    }
  });
});

describe('sluice load --dry-run', () => {
  it('says what would be loaded where, and changes nothing', async () => {
    const warehouse = lab.warehouse('dry');
    await lab.createTopic('dry', 2);
    await lab.produce('dry', 0, records(100));
    const args = ['load', '--brokers', lab.bootstrap, '--topics', 'dry', '--warehouse', warehouse.url];
    const loaded = await runSluice([...args, '--until-end', '--scratch', lab.directory]);
    expect(loaded.code).toBe(0);
    await lab.produce('dry', 0, records(40, 100));
    await lab.produce('dry', 1, records(7));
    const before = await runSluice(['offsets', 'history', 'dry', '--warehouse', warehouse.url, '--json']);
    const groups = await lab.cluster.listGroups({});
    const planned = await runSluice([...args, '--dry-run', '--json']);
    expect(planned.code, planned.stderr).toBe(0);
    expect(JSON.parse(planned.stdout)).toMatchObject([
      { topic: 'dry', partition: 0, from: '100', to: '140', count: '40', rolls: 1, hours: 1 },
      { topic: 'dry', partition: 1, from: '0', to: '7', count: '7', rolls: 1 },
    ]);
    const after = await runSluice(['offsets', 'history', 'dry', '--warehouse', warehouse.url, '--json']);
    expect(after.stdout).toBe(before.stdout);
    expect(await lab.cluster.listGroups({})).toEqual(groups);
    const table = await runSluice([...args, '--dry-run']);
    expect(table.stdout).toMatch(/would load 47 offsets into .*nothing was changed/);
  });
});
