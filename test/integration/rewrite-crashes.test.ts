import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditWarehouse } from '../../src/loader/index.ts';
import { TableChain } from '../../src/offsets/index.ts';
import { compactTable, type RewriteContext, tidyTable, undoRewrite } from '../../src/rewrites/index.ts';
import { silentLogger, systemClock } from '../../src/shared/index.ts';
import { copyWarehouse } from '../support/copy-warehouse.ts';
import { type CallFault, type MemoryDisk, MemoryFiles } from '../support/memory-files.ts';
import { rewriteContext, visibleRows } from '../support/rewrite-lab.ts';
import { SmallWarehouse } from '../support/small-warehouse.ts';

let warehouse: SmallWarehouse;
const everything = { olderThanMs: -1e13, folder: 'dt=2026-11-21/hr=07' };

/** Two partitions with two commits each, of one hour: four files that become one. */
beforeAll(async () => {
  warehouse = await SmallWarehouse.create();
  for (const partition of [0, 1]) {
    const chain = await warehouse.claim(partition);
    for (let roll = 0; roll < 2; roll++) await warehouse.commit(chain, [1, 2, 3]);
  }
});
afterAll(async () => await warehouse.close());

async function memoryCopy(): Promise<MemoryDisk> {
  const files = new MemoryFiles();
  await copyWarehouse(warehouse.local(''), files);
  files.disk.nowMs = Date.now();
  return files.disk;
}

async function contextOf(files: MemoryFiles): Promise<RewriteContext> {
  const chain = await TableChain.open(files, 'events', { retryMs: 0 });
  const signal = new AbortController().signal;
  return { files, table: 'events', chain, clock: systemClock, logger: silentLogger, signal };
}

/** What the next process does, and whether all is well behind it. */
async function recover(disk: MemoryDisk): Promise<number> {
  const files = new MemoryFiles(disk);
  while (disk.delayedCount > 0) disk.runDelayed();
  await tidyTable(await contextOf(files), { abandonedMs: -1e9, graceMs: 1e12 });
  const report = await auditWarehouse(files, { deep: true });
  expect(report.problems).toEqual([]);
  expect(report.partitions.map(({ landed }) => landed)).toEqual([6n, 6n]);
  expect(disk.paths('/events/_sluice/staging/rewrites')).toEqual([]);
  return disk.paths('/events/dt=').length;
}

describe('a compaction', () => {
  it('that dies at any file call is finished or cancelled by the next process, and no row is lost or double', {
    timeout: 120_000,
  }, async () => {
    const counting = new MemoryFiles(await memoryCopy());
    await compactTable(await contextOf(counting), everything);
    const total = counting.calls.length;
    expect(total).toBeGreaterThan(30);
    const outcomes = new Set<number>();
    for (let at = 1; at <= total; at += 3) {
      const disk = await memoryCopy();
      const how: CallFault = at % 2 === 1 ? 'crash-before' : 'crash-after';
      const files = new MemoryFiles(disk, { fault: (call) => (call.number === at ? how : 'none') });
      await contextOf(files)
        .then((context) => compactTable(context, everything))
        .catch((error: unknown) => expect(String(error)).toMatch(/crash/));
      outcomes.add(await recover(disk));
    }
    expect([...outcomes].sort()).toEqual([1, 4]);
  });
});

describe('on the local disk, where link is the primitive', () => {
  it('two compactors, a janitor and an undo at the same time leave every row once', async () => {
    const before = await visibleRows(warehouse);
    const contexts = await Promise.all([1, 2, 3, 4].map(() => rewriteContext(warehouse)));
    const [one, two, janitor, operator] = contexts as [RewriteContext, RewriteContext, RewriteContext, RewriteContext];
    for (let round = 0; round < 2; round++) {
      const work = [
        compactTable(one, everything),
        compactTable(two, everything),
        tidyTable(janitor, { graceMs: 1e12 }),
      ];
      const done = await Promise.allSettled(work);
      expect(done.filter(({ status }) => status === 'rejected')).toEqual([]);
      expect(await visibleRows(warehouse)).toEqual(before);
      const state = await operator.chain.refresh();
      const active = [...state.rewrites.values()].filter(
        ({ isActive, operation }) => isActive && operation === 'compact',
      );
      expect(active).toHaveLength(1);
      await undoRewrite(operator, active[0]!.sequence, 'test');
      expect(await visibleRows(warehouse)).toEqual(before);
      expect((await auditWarehouse(warehouse.files, { deep: true })).problems).toEqual([]);
    }
  });
});
