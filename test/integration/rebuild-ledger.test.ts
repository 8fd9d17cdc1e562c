import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { auditWarehouse, type KnownTopic, knownTopic, runLoad } from '../../src/loader/index.ts';
import { TableChain } from '../../src/offsets/index.ts';
import { compactTable, type RebuildOptions, type RewriteContext, rebuildLedger } from '../../src/rewrites/index.ts';
import { silentLogger, systemClock } from '../../src/shared/index.ts';
import { LocalFiles } from '../../src/warehouse/index.ts';
import { openLake } from '../support/lake.ts';
import { LoadLab } from '../support/load-lab.ts';

let lab: LoadLab;
let serial = 0;
let topic: KnownTopic;
let directory: string;
let url: string;

beforeAll(async () => {
  lab = await LoadLab.open();
});
afterAll(async () => await lab.close());

/** Three rolls of two partitions: rows of three hours, and poison. */
beforeEach(async () => {
  const name = `r${serial++}`;
  ({ directory, url } = lab.warehouse(name));
  await lab.createTopic(name, 2);
  const [found] = await lab.cluster.topics({}, [name]);
  topic = knownTopic(found!, await lab.cluster.clusterId());
  for (let roll = 0; roll < 3; roll++) {
    for (const partition of [0, 1]) {
      const values = Array.from({ length: 20 }, (_, i) => {
        const n = roll * 20 + i;
        return n % 10 === 4 ? 'poison' : JSON.stringify({ n, ts: `2026-11-21T0${7 + (n % 3)}:15:00Z` });
      });
      await lab.produce(
        name,
        partition,
        values.map((value, i) => ({ key: `k${i}`, value })),
      );
    }
    await load();
  }
});

async function load(): Promise<void> {
  const report = await runLoad({
    brokers: [lab.bootstrap],
    topics: [topic.name],
    warehouseUrl: url,
    workerMode: 'in-process',
    untilEnd: true,
    timeField: 'ts',
    maxDeadLetters: 1000,
    sessionTimeoutMs: 1500,
    scratchDirectory: lab.directory,
  });
  expect(report.errors).toEqual([]);
}

async function context(): Promise<RewriteContext> {
  const files = new LocalFiles({ url, basePath: directory });
  const chain = await TableChain.open(files, topic.name, { retryMs: 1 });
  const signal = new AbortController().signal;
  return { files, table: topic.name, chain, clock: systemClock, logger: silentLogger, signal };
}

function lose(...folders: string[]): void {
  for (const folder of folders) rmSync(join(directory, topic.name, folder), { recursive: true, force: true });
}

async function rebuild(options: Partial<RebuildOptions> = {}) {
  return await rebuildLedger(await context(), { source: null, reason: 'test', ...options });
}

async function source(): Promise<RebuildOptions['source']> {
  const settings = { timeField: 'ts' };
  return { cluster: lab.cluster, clusterId: await lab.cluster.clusterId(), topics: [topic], settings };
}

async function rows(): Promise<unknown[][]> {
  const lake = await openLake();
  const glob = `${directory}/${topic.name}/dt=*/hr=*/part+*.parquet`;
  const found = await lake.rows(`SELECT _partition, _offset, n FROM read_parquet('${glob}') ORDER BY 1, 2`);
  await lake.close();
  return found;
}

async function audit() {
  const report = await auditWarehouse((await context()).files, { deep: true });
  expect(report.problems).toEqual([]);
  return report.partitions;
}

describe('a lost ledger', () => {
  it('is written anew from the files, and the load goes on behind it', async () => {
    const before = await rows();
    lose('_sluice/ledger', '_sluice/topics');
    const { partitions, unknown } = await rebuild({ source: await source() });
    expect(unknown).toEqual([]);
    expect(partitions.map(({ first, next, landed, dead, unproven }) => [first, next, landed, dead, unproven])).toEqual([
      [0n, 60n, 54n, 6n, 0n],
      [0n, 60n, 54n, 6n, 0n],
    ]);
    expect(await rows()).toEqual(before);
    await audit();
    await lab.produce(topic.name, 0, [{ key: 'k', value: '{"n":1000,"ts":"2026-11-21T07:15:00Z"}' }]);
    await load();
    expect((await audit())[0]).toMatchObject({ next: 61n, landed: 55n, dead: 6n });
  });

  it('reads again from the log what no file explains, and says so when there is no log', async () => {
    const before = await rows();
    lose('_sluice/ledger', '_sluice/dead');
    const lake = await openLake();
    const [[path]] = (await lake.rows(
      `SELECT filename FROM read_parquet('${directory}/${topic.name}/dt=*/hr=07/part+*+0+0000000000000000002*.parquet', filename = true) LIMIT 1`,
    )) as [[string]];
    await lake.close();
    rmSync(path);
    const looked = await rebuild({ dryRun: true });
    expect(looked.partitions[0]!.unproven).toBeGreaterThan(6n);
    const { partitions } = await rebuild({ source: await source() });
    expect(partitions[0]).toMatchObject({ unproven: 0n, reread: looked.partitions[0]!.unproven });
    expect(await rows()).toEqual(before);
    expect((await audit())[0]).toMatchObject({ landed: 54n, dead: 6n, gaps: 0n });
  });

  it('shows as unproven what it has to declare a gap', async () => {
    lose('_sluice/ledger', '_sluice/dead');
    const { partitions } = await rebuild();
    expect(partitions[0]).toMatchObject({ landed: 54n, unproven: 6n });
    expect(partitions[0]!.unprovenRuns[0]).toEqual({ first: 4n, next: 5n });
    expect((await audit())[0]).toMatchObject({ landed: 54n, gaps: 6n });
  });

  it('comes back although files were merged, with the chain of the table or without', async () => {
    const before = await rows();
    await compactTable(await context(), { olderThanMs: -1e13 });
    lose('_sluice/ledger');
    await rebuild();
    expect(await rows()).toEqual(before);
    expect((await audit())[1]).toMatchObject({ landed: 54n, dead: 6n });
    lose('_sluice/ledger', '_sluice/rewrites');
    await rebuild();
    expect(await rows()).toEqual(before);
    expect((await audit())[0]).toMatchObject({ landed: 54n, dead: 6n });
  });

  it('is not touched where it is whole', async () => {
    expect((await rebuild()).partitions).toEqual([]);
    expect((await audit())[0]).toMatchObject({ landed: 54n });
  });
});
