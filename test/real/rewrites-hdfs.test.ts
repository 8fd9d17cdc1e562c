import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditWarehouse } from '../../src/loader/index.ts';
import { compactTable, tidyTable, undoRewrite } from '../../src/rewrites/index.ts';
import { createLogger } from '../../src/shared/index.ts';
import { openWarehouse, type WarehouseFiles } from '../../src/warehouse/index.ts';
import { copyWarehouse } from '../support/copy-warehouse.ts';
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
