import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TableChain } from '../../src/offsets/index.ts';
import { type FinishedProcess, runSluice, SluiceProcess } from '../support/sluice-process.ts';
import { SmallWarehouse } from '../support/small-warehouse.ts';

describe('sluice offsets and sluice audit on a warehouse alone', () => {
  let warehouse: SmallWarehouse;

  beforeEach(async () => {
    warehouse = await SmallWarehouse.create('_a');
    const first = await warehouse.claim(0);
    await warehouse.commit(first, [1, 2, 'poison']);
    const second = await warehouse.claim(1);
    await warehouse.commit(second, [1]);
    await second.gap(1n, 5n, 'expired');
    await second.release();
  });

  afterEach(async () => await warehouse.close());

  const sluice = (...args: string[]): Promise<FinishedProcess> => runSluice([...args, '--warehouse', warehouse.url]);

  it('list prints exactly the fields that programs were promised', async () => {
    const { code, stdout } = await sluice('offsets', 'list', '--json');
    expect(code).toBe(0);
    const time = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/);
    const owner = expect.stringMatching(/^group g, member m0, generation 1, on test$/);
    const unknown = { logStart: null, logEnd: null, lag: null };
    expect(JSON.parse(stdout)).toEqual([
      { table: '_a', topic: '_a', partition: 0, checkpoint: '3', ...unknown, owner, lastCommitAt: time, cause: 'age' },
      {
        table: '_a',
        topic: '_a',
        partition: 1,
        checkpoint: '5',
        ...unknown,
        owner: null,
        lastCommitAt: time,
        cause: 'age',
      },
    ]);
    expect((await sluice('offsets', 'list')).stdout).toMatch(/^TABLE +TOPIC +PARTITION +CHECKPOINT.*\n_a +_a +0 +3 /);
  });

  it('show and history tell the whole story', async () => {
    const show = await sluice('offsets', 'show', '_a', '--partition', '1', '--json');
    expect(JSON.parse(show.stdout)).toMatchObject([
      { checkpoint: '5', owner: null, totals: { landed: '1', gaps: '4' } },
    ]);
    const history = await sluice('offsets', 'history', '_a', '--partition', '1', '--json');
    const kinds = (JSON.parse(history.stdout) as { kind: string }[]).map(({ kind }) => kind);
    expect(kinds).toEqual(['era-end', 'claim', 'commit', 'gap', 'release']);
    expect((await sluice('offsets', 'history', '_a')).stdout).toMatch(
      /2 rows in 1 files \(.*\), 1 dead letters, by age/,
    );
    for (const word of ['show', 'history']) {
      const { code, stdout, stderr } = await sluice('offsets', word, 'nosuch');
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/found nothing of nosuch$/m);
    }
  });

  it('audit says that all is well, and in which numbers', async () => {
    const { code, stdout, stderr } = await sluice('audit', '--deep', '--json');
    expect(code, stderr).toBe(0);
    const same = {
      table: '_a',
      topic: '_a',
      topicId: 'ab'.repeat(16),
      filtered: '0',
      control: '0',
      missing: [],
      double: [],
    };
    expect(JSON.parse(stdout)).toEqual({
      ok: true,
      partitions: [
        { ...same, partition: 0, first: '0', next: '3', landed: '2', dead: '1', gaps: '0' },
        { ...same, partition: 1, first: '0', next: '5', landed: '1', dead: '0', gaps: '4' },
      ],
    });
  });

  it('audit ends with code 4 and names the file when one is gone', async () => {
    const hour = warehouse.local('%5Fa/dt=2026-11-21/hr=07');
    const [victim] = (await readdir(hour)).filter((name) => name.startsWith('part+_a+1+'));
    await rm(join(hour, victim!));
    const { code, stdout, stderr } = await sluice('audit', '--json');
    expect(code).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false });
    expect(stderr).toContain(`_a, partition 1: dt=2026-11-21/hr=07/${victim}: missing (1 rows)`);
  });

  it('repair explains a torn record of the chain of the table, and makes it void when it is told to', async () => {
    const chain = await TableChain.open(warehouse.files, '_a');
    for (const hour of ['2026-11-21T07', '2026-11-21T08']) {
      await chain.append(() => ({ kind: 'hour', hour, state: 'closed', marks: [], revision: 0, manifest: null }));
    }
    const folder = warehouse.local('%5Fa/_sluice/rewrites');
    const era = (await readdir(folder)).find((name) => name.startsWith('0000000001-'))!;
    const last = (await readdir(join(folder, era))).sort().at(-1)!;
    await truncate(join(folder, era, last), 50);
    const asked = await sluice('offsets', 'repair');
    expect(asked.code).toBe(1);
    expect(asked.stdout).toMatch(
      /_a: the last record of the table's chain cannot be read[\s\S]*run it again with --yes/,
    );
    const done = await sluice('offsets', 'repair', '--yes', '--reason', 'disk trouble');
    expect([done.code, done.stdout]).toEqual([0, expect.stringMatching(/record 4 makes record 3 void/)]);
    expect((await sluice('offsets', 'repair')).stdout).toBe('the ledger is in order: 2 partitions\n');
    expect([...(await TableChain.open(warehouse.files, '_a')).state.hours.keys()]).toEqual(['2026-11-21T07']);
  });

  it('bad input is one line and exit code 2', async () => {
    for (const args of [['audit'], ['offsets', 'list'], ['offsets', 'repair', '--yes']]) {
      const { code, stderr } = await runSluice([...args, '--warehouse', 'file:///dev/null/nowhere']);
      expect(code).toBe(2);
      expect(stderr.trim().split('\n')).toHaveLength(1);
    }
    const misspelt = await sluice('audit', '--table', 'evnets');
    expect([misspelt.code, misspelt.stdout]).toEqual([2, '']);
    expect(misspelt.stderr).toMatch(/expected a table of file:.* \(_a.*\), got "evnets"/);
    const { code, stderr } = await runSluice(['offsets', 'list'], { cwd: tmpdir() });
    expect(code).toBe(2);
    expect(stderr).toMatch(/expected --warehouse URL/);
  });
});

describe('sluice offsets beside a broker', () => {
  let directory: string;
  let broker: SluiceProcess;
  let brokers: string;
  let warehouse: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ledger-commands-'));
    warehouse = `file://${directory}/warehouse`;
    broker = new SluiceProcess(['broker', '--data', join(directory, 'log'), '--listen', '127.0.0.1:0']);
    brokers = (await broker.waitFor(/^ready kafka=(\S+)/m))[1]!;
    await produce(50);
    expect((await load()).code).toBe(0);
  });

  afterAll(async () => {
    await broker.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const produce = async (count: number): Promise<void> => {
    const lines = Array.from({ length: count }, (_, n) => `${JSON.stringify({ n })}\n`);
    await writeFile(join(directory, 'events.ndjson'), lines.join(''));
    const { code, stderr } = await runSluice([
      'produce',
      'events',
      '--brokers',
      brokers,
      '--file',
      join(directory, 'events.ndjson'),
    ]);
    expect(code, stderr).toBe(0);
  };
  const load = (): Promise<FinishedProcess> =>
    runSluice(['load', '--brokers', brokers, '--topics', 'events', '--warehouse', warehouse, '--until-end']);
  const list = async (): Promise<Record<string, unknown>[]> => {
    const { stdout } = await runSluice(['offsets', 'list', '--warehouse', warehouse, '--brokers', brokers, '--json']);
    return JSON.parse(stdout) as Record<string, unknown>[];
  };

  it('list shows where the log begins and ends, and the lag in records and seconds', async () => {
    expect(await list()).toMatchObject([
      { checkpoint: '50', logStart: '0', logEnd: '50', lag: '0', owner: null, cause: 'end-of-input' },
    ]);
    await produce(7);
    expect(await list()).toMatchObject([{ checkpoint: '50', logEnd: '57', lag: '7' }]);
    const { stdout } = await runSluice(['offsets', 'list', '--warehouse', warehouse, '--brokers', brokers]);
    expect(stdout).toMatch(/events +events +0 +50 +0 +57 +7 +[\d.]+ s /);
  });

  it('audit --brokers compares with the log record for record, by number and content hash', async () => {
    const audit = await runSluice(['audit', '--warehouse', warehouse, '--brokers', brokers]);
    expect(audit.code, audit.stderr).toBe(0);
    expect(audit.stdout).toMatch(/ROWS OF LOG[^\n]*\nevents +0 +0 +50 +50 +50 +([0-9a-f]{32}) +\1\n/);
    const quick = await runSluice(['audit', '--warehouse', warehouse, '--brokers', brokers, '--no-records']);
    expect([quick.code, quick.stdout.includes('ROWS OF LOG')]).toEqual([0, false]);
    expect(quick.stdout).toMatch(/the checkpoints agree with the log\)\n$/);
  });

  it('a torn last record stops the load, and repair loads again what it had brought: exactly once', {
    timeout: 300_000,
  }, async () => {
    await produce(3);
    expect((await load()).code).toBe(0);
    const chain = join(directory, 'warehouse/events/_sluice/ledger', await topicId(), '0');
    const era = join(chain, (await readdir(chain)).find((name) => name.startsWith('0000000001-'))!);
    const names = (await readdir(era)).sort();
    // The release went, the commit before it is torn: its files are visible.
    await rm(join(era, names.at(-1)!));
    const torn = join(era, names.at(-2)!);
    const bytes = await readFile(torn);
    expect(bytes.toString()).toContain('"kind":"commit"');
    await writeFile(torn, bytes.subarray(0, 100));

    const stopped = await load();
    expect(stopped.code).toBe(1);
    expect(stopped.stderr).toMatch(/sluice offsets repair/);
    const repair = (...args: string[]): Promise<FinishedProcess> =>
      runSluice(['offsets', 'repair', '--warehouse', warehouse, ...args]);
    const explained = await repair('--yes');
    expect(explained.code).toBe(1);
    expect(explained.stdout).toMatch(/1 visible and 0 staged files[\s\S]*Nothing was changed: .*--brokers/);
    const unasked = await repair('--brokers', brokers);
    expect(unasked.code).toBe(1);
    expect(unasked.stdout).toMatch(/run it again with --yes/);

    const repaired = await repair('--brokers', brokers, '--yes', '--reason', 'disk was full');
    expect(repaired.code, repaired.stdout + repaired.stderr).toBe(0);
    expect(repaired.stdout).toMatch(/goes on at offset 50/);
    expect((await load()).code).toBe(0);
    const audit = await runSluice(['audit', '--deep', '--warehouse', warehouse, '--brokers', brokers, '--json']);
    expect(JSON.parse(audit.stdout), audit.stderr).toMatchObject({
      ok: true,
      partitions: [{ next: '60', landed: '60' }],
    });
    const history = await runSluice(['offsets', 'history', 'events', '--warehouse', warehouse]);
    expect(history.stdout).toMatch(/record \d+ does not count: disk was full/);
  });

  async function topicId(): Promise<string> {
    const [id] = await readdir(join(directory, 'warehouse/events/_sluice/ledger'));
    return id!;
  }
});
