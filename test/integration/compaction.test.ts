import { readdir, rename } from 'node:fs/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditWarehouse } from '../../src/loader/index.ts';
import { liveFiles } from '../../src/offsets/index.ts';
import { compactTable, tidyTable } from '../../src/rewrites/index.ts';
import { openLake } from '../support/lake.ts';
import { rewriteContext, visibleRows } from '../support/rewrite-lab.ts';
import { SmallWarehouse } from '../support/small-warehouse.ts';

let warehouse: SmallWarehouse;
const everything = { olderThanMs: -1e13 };
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

beforeEach(async () => {
  warehouse = await SmallWarehouse.create();
  for (const partition of [0, 1]) {
    const chain = await warehouse.claim(partition);
    await warehouse.commit(chain, numbers(25));
    await warehouse.commit(chain, [1, 'poison', 3], { controlCount: 2 });
    await warehouse.commit(chain, numbers(14));
  }
});

afterEach(async () => await warehouse.close());

/** Every offset is where the ledger and the table's chain say, read from the files themselves. */
async function expectConserved(expected: object = {}): Promise<void> {
  const report = await auditWarehouse(warehouse.files, { deep: true });
  expect(report.problems).toEqual([]);
  for (const { first, next, landed, dead, control, deduplicated } of report.partitions) {
    expect(landed + dead + control + deduplicated).toBe(next - first);
  }
  expect(report.partitions[0]).toMatchObject(expected);
}

async function hourFiles(): Promise<number[]> {
  const day = warehouse.local('/events/dt=2026-11-21');
  const hours = (await readdir(day)).sort();
  return await Promise.all(hours.map(async (hour) => (await readdir(`${day}/${hour}`)).length));
}

describe('compaction', () => {
  it('merges the files of all partitions of an hour into one, and readers of the folders see the same rows', async () => {
    const before = await visibleRows(warehouse);
    expect(await hourFiles()).toEqual([6, 4, 2]);
    const report = await compactTable(await rewriteContext(warehouse), everything);
    expect(report.groups.map(({ files, rows, skipped }) => [files, rows, skipped])).toEqual([
      [6, 44, null],
      [4, 28, null],
      [2, 10, null],
    ]);
    expect(await hourFiles()).toEqual([1, 1, 1]);
    expect(await visibleRows(warehouse)).toEqual(before);
    await expectConserved({ landed: 41n, dead: 1n, control: 2n });
    expect((await compactTable(await rewriteContext(warehouse), everything)).groups).toEqual([]);
  });

  it('keeps the types and what the footer says', async () => {
    const lake = await openLake();
    const glob = `${warehouse.local('/events')}/dt=2026-11-21/hr=07/part+*.parquet`;
    const schemaOf = (): Promise<unknown[][]> =>
      lake.rows(
        `SELECT DISTINCT name, type, converted_type, logical_type, field_id FROM parquet_schema('${glob}') WHERE type IS NOT NULL ORDER BY 1`,
      );
    const before = await schemaOf();
    await compactTable(await rewriteContext(warehouse), everything);
    expect(await schemaOf()).toEqual(before);
    const metadata = await lake.rows(`SELECT key::VARCHAR, value::VARCHAR FROM parquet_kv_metadata('${glob}')`);
    expect(Object.fromEntries(metadata as [string, string][])).toMatchObject({
      'sluice.topic': 'events',
      'sluice.row-count': '44',
      'sluice.rewrite': 'compact',
    });
    await lake.close();
  });

  it('says in a dry run what it would do, and does nothing', async () => {
    const context = await rewriteContext(warehouse);
    const report = await compactTable(context, { ...everything, dryRun: true });
    expect(report.groups.map(({ files, sequence }) => [files, sequence])).toEqual([
      [6, null],
      [4, null],
      [2, null],
    ]);
    expect(context.chain.state.sequence).toBe(0);
  });

  it('leaves hours alone that may still grow', async () => {
    expect((await compactTable(await rewriteContext(warehouse), { olderThanMs: 1e12 })).groups).toEqual([]);
  });

  it('makes files of the target size, not larger', async () => {
    const sizes: number[] = [];
    for await (const file of liveFiles(warehouse.files, 'events', { hour: 'dt=2026-11-21/hr=07' }))
      sizes.push(file.size);
    const targetBytes = Math.max(...sizes) * 3;
    await compactTable(await rewriteContext(warehouse), { ...everything, targetBytes });
    expect((await hourFiles())[0]).toBe(2);
  });

  it('sorts the rows of the new file', async () => {
    await compactTable(await rewriteContext(warehouse), { ...everything, sortBy: ['n'] });
    const lake = await openLake();
    const glob = `${warehouse.local('/events')}/dt=2026-11-21/hr=07/part+*.parquet`;
    const rows = await lake.rows(`SELECT n FROM read_parquet('${glob}')`);
    const values = rows.map(([n]) => Number(n));
    expect(values).toEqual([...values].sort((a, b) => a - b));
    await lake.close();
  });

  it('leaves one row of each key, and names the offsets of the others', async () => {
    const context = await rewriteContext(warehouse);
    const report = await compactTable(context, { ...everything, unique: { columns: ['n'], keep: 'first' } });
    const rows = await visibleRows(warehouse);
    const firsts = rows.filter((row) => row.endsWith('/07')).map((row) => row.split('/')[2]);
    expect(new Set(firsts).size).toBe(firsts.length);
    const dropped = report.groups.map(({ deduplicated }) => deduplicated);
    expect(dropped.reduce((a, b) => a + b)).toBe(82 - rows.length);
    const [rewrite] = context.chain.state.rewrites.values();
    expect(rewrite!.deduplicated.map(({ partition }) => partition)).toEqual([0, 1]);
    const { runs } = rewrite!.deduplicated[0]!;
    expect(runs.length).toBeGreaterThan(0);
    await expectConserved();
    const again = await compactTable(context, { ...everything, unique: { columns: ['n'], keep: 'first' } });
    expect(again.groups).toEqual([]);
  });

  it('deletes replaced files behind their grace time, by the clock of the warehouse', async () => {
    const context = await rewriteContext(warehouse);
    await compactTable(context, everything);
    const replaced = warehouse.local('/events/_sluice/replaced');
    expect(await readdir(replaced)).toHaveLength(3);
    await tidyTable(context, { graceMs: 3_600_000 });
    expect(await readdir(replaced)).toHaveLength(3);
    expect((await tidyTable(context, { graceMs: -1000 })).expired).toHaveLength(3);
    expect(await readdir(replaced)).toEqual([]);
    await expectConserved();
  });

  it('is no cover for a row that was lost behind it: the audit names its offset', async () => {
    await compactTable(await rewriteContext(warehouse), everything);
    const day = warehouse.local('/events/dt=2026-11-21/hr=07');
    const [name] = await readdir(day);
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    await connection.run(
      `COPY (SELECT * FROM read_parquet('${day}/${name}') WHERE NOT (_partition = 1 AND _offset = 3)) TO '${day}/x' (FORMAT parquet)`,
    );
    await rename(`${day}/x`, `${day}/${name}`);
    const { partitions, problems } = await auditWarehouse(warehouse.files, { deep: true });
    expect(partitions.map(({ missing }) => missing)).toEqual([[], [3n]]);
    expect(problems.map(({ message }) => message).join()).toMatch(/its footer says rows 43, the table's chain 44/);
  });

  it('refuses to commit when the old files do not hold what their records say', async () => {
    const files: string[] = [];
    for await (const { path } of liveFiles(warehouse.files, 'events', { hour: 'dt=2026-11-21/hr=07' }))
      files.push(path);
    const [one, two] = files.filter((path) => path.includes('+0+')).map((path) => warehouse.local(`/events/${path}`));
    const before = await visibleRows(warehouse);
    await rename(one!, `${one}.x`);
    await rename(two!, one!);
    await rename(`${one}.x`, two!);
    const context = await rewriteContext(warehouse);
    const report = await compactTable(context, { ...everything, folder: 'dt=2026-11-21/hr=07' });
    expect(report.failed + report.groups.filter(({ skipped }) => skipped !== null).length).toBeGreaterThan(0);
    expect(context.chain.state.intents.size).toBe(0);
    expect(await visibleRows(warehouse)).toEqual(before);
  });
});
