import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { awaitHour, closeHours } from '../../src/hours/index.ts';
import { auditWarehouse } from '../../src/loader/index.ts';
import { TableChain } from '../../src/offsets/index.ts';
import { DayCache, makeDailyReport } from '../../src/reports/index.ts';
import { compactTable, expireHours, tidyTable, undoRewrite } from '../../src/rewrites/index.ts';
import { createLogger, silentLogger, systemClock } from '../../src/shared/index.ts';
import { openWarehouse, type WarehouseFiles } from '../../src/warehouse/index.ts';
import { copyWarehouse } from '../support/copy-warehouse.ts';
import { GameWarehouse, playGame } from '../support/game-warehouse.ts';
import { LoadLab } from '../support/load-lab.ts';
import { type PeerHdfs, startHdfs } from '../support/peers.ts';
import { rewriteContext } from '../support/rewrite-lab.ts';
import { SmallWarehouse } from '../support/small-warehouse.ts';

let hdfs: PeerHdfs;
let warehouse: SmallWarehouse;
const opened: WarehouseFiles[] = [];

beforeAll(async () => {
  hdfs = await startHdfs({ dataNodes: 1 });
  warehouse = await SmallWarehouse.create();
  for (const partition of [0, 1, 2]) {
    const chain = await warehouse.claim(partition);
    for (let roll = 0; roll < 3; roll++)
      await warehouse.commit(
        chain,
        Array.from({ length: 25 }, (_, i) => i),
      );
  }
  await copyWarehouse(warehouse.local(''), await open());
});

afterAll(async () => {
  await Promise.all(opened.map((files) => files.close()));
  await warehouse?.close();
  await hdfs?.stop();
});

async function open(): Promise<WarehouseFiles> {
  const files = await openWarehouse(hdfs.url('/rewrites'), { user: 'root', logger: createLogger('silent') });
  opened.push(files);
  return files;
}

async function filesOf(files: WarehouseFiles): Promise<number[]> {
  const hours = await files.list('/events/dt=2026-11-21');
  return await Promise.all(hours.map(async ({ name }) => (await files.list(`/events/dt=2026-11-21/${name}`)).length));
}

describe('hours on a real HDFS', () => {
  const topic = 'clicks';
  const hour = '2020-02-29T12';
  const folder = `/${topic}/dt=2020-02-29/hr=12`;
  let lab: LoadLab;
  beforeAll(async () => {
    lab = await LoadLab.open();
  });
  afterAll(async () => await lab?.close());

  /** Records of that hour, loaded by a process as a user starts it. */
  async function load(count: number): Promise<void> {
    const records = Array.from({ length: count }, (_, i) => ({ value: `{"n":${i},"at":"2020-02-29T12:00:00Z"}` }));
    await lab.produce(topic, 0, records);
    const args = ['--until-end', '--time-field', 'at', '--user', 'root'];
    const { code, stderr } = await lab.load(topic, hdfs.url('/hours'), args).finished;
    expect(code, stderr).toBe(0);
  }

  async function openHours(): Promise<WarehouseFiles> {
    const files = await openWarehouse(hdfs.url('/hours'), { user: 'root', logger: createLogger('silent') });
    opened.push(files);
    return files;
  }

  it('are completed once by two closers at a time, amended by late rows, and leave by the retention', async () => {
    await lab.createTopic(topic, 1);
    await load(20);
    const rivals = await Promise.all([openHours(), openHours()]);
    const close = async (files: WarehouseFiles) =>
      await closeHours({ files, table: topic, cluster: lab.cluster, hours: [hour] });
    const [files] = rivals;
    const reports = await Promise.all(rivals.map(close));
    expect(reports.flatMap(({ completed }) => completed.filter((one) => one === hour))).toEqual([hour]);
    const names = async (): Promise<string[]> =>
      (await files!.list(folder)).map(({ name }) => name).filter((name) => name.startsWith('_'));
    expect(await names()).toEqual(['_SUCCESS', '_manifest-1.json']);
    const wait = async () => await awaitHour({ files: files!, table: topic, hour, timeoutMs: 0 });
    expect((await wait()).answer).toMatchObject({ status: 'complete', revision: 1 });

    await load(5);
    expect((await close(files!)).revised).toEqual([hour]);
    expect((await wait()).answer).toMatchObject({ status: 'amended', revision: 2 });

    const chain = await TableChain.open(files!, topic);
    const signal = new AbortController().signal;
    const context = { files: files!, table: topic, chain, clock: systemClock, logger: silentLogger, signal };
    const { sequences } = await expireHours(context, { olderThanMs: 90 * 86_400_000 });
    expect(await files!.stat(`/${topic}/dt=2020-02-29`)).toBeNull();
    expect((await wait()).answer?.status).toBe('expired');
    expect((await close(files!)).revised).toEqual([]);
    const report = await auditWarehouse(files!, { table: topic, deep: true });
    expect([report.problems, report.partitions[0]]).toMatchObject([[], { landed: 0n, expired: 25n }]);

    await undoRewrite(context, sequences[0]!, 'test');
    expect((await close(files!)).revised).toEqual([hour]);
    expect((await wait()).isReady).toBe(true);
    expect(await names()).toEqual(['_SUCCESS', '_manifest-3.json']);
  });
});

describe('rewrites on a real HDFS', () => {
  it('of rival compactors and a janitor leave every row once, and can be undone', async () => {
    const everything = { olderThanMs: -1e13 };
    const files = await open();
    expect(await filesOf(files)).toEqual([9, 9, 9]);
    const [one, two, janitor] = await Promise.all(
      [1, 2, 3].map(async () => rewriteContext(warehouse, { files: await open() })),
    );
    const reports = await Promise.all([
      compactTable(one!, everything),
      compactTable(two!, everything),
      tidyTable(janitor!),
    ]);
    expect(reports).toHaveLength(3);
    await compactTable(one!, everything);
    expect(await filesOf(files)).toEqual([1, 1, 1]);
    const report = await auditWarehouse(files, { deep: true });
    expect(report.problems).toEqual([]);
    expect(report.partitions.map(({ landed }) => landed)).toEqual([75n, 75n, 75n]);

    const state = await one!.chain.refresh();
    for (const { sequence } of [...state.rewrites.values()].reverse()) await undoRewrite(one!, sequence, 'test');
    expect(await filesOf(files)).toEqual([9, 9, 9]);
    expect((await auditWarehouse(files, { deep: true })).problems).toEqual([]);
  });
});

describe('a daily report from a real HDFS', () => {
  it('is the one from the local disk, with days that were kept and without', async () => {
    const local = await GameWarehouse.create({ zone: 'UTC', pathFormat: 'dt=yyyy-MM-dd' });
    const folder = mkdtempSync(join(tmpdir(), 'report-days-'));
    try {
      const untilMs = Date.parse('2025-11-20T23:00:00Z');
      const play = { seed: 5, eventsPerSecond: 0.01, players: 300, games: ['hh'] };
      await local.land(playGame({ ...play, fromMs: untilMs - 2 * 86_400_000, untilMs }));
      await local.closeHours();
      const remote = await openWarehouse(hdfs.url('/reports'), { user: 'root', logger: silentLogger });
      opened.push(remote);
      await copyWarehouse(join(local.directory, 'warehouse'), remote);
      const cache = await DayCache.open({ folder, maxBytes: 1e8, logger: silentLogger });
      const { signal } = new AbortController();
      const make = async (files: WarehouseFiles, options: object = {}): Promise<object> => {
        const asked = { table: local.table, date: '2025-11-20', game: 'hh', signal, ...options };
        return { ...(await makeDailyReport({ files, ...asked })), madeAtMs: 0 };
      };
      const expected = await make(local.files);
      for (const options of [{}, { cache }, { cache }]) expect(await make(remote, options)).toEqual(expected);
    } finally {
      await local.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
