// Promises: hours past the retention leave the table as one record, the account of every offset stays exact, an undo brings
// everything back within the grace time, and whoever dies in between leaves nothing that the next run does not finish.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditWarehouse } from '../../src/loader/index.ts';
import { TableChain } from '../../src/offsets/index.ts';
import {
  type ExpireReport,
  expireHours,
  type RewriteContext,
  tidyTable,
  undoRewrite,
} from '../../src/rewrites/index.ts';
import { type Clock, silentLogger, systemClock } from '../../src/shared/index.ts';
import { copyWarehouse } from '../support/copy-warehouse.ts';
import { type CallFault, type MemoryDisk, MemoryFiles } from '../support/memory-files.ts';
import { eventTimeMs, SmallWarehouse } from '../support/small-warehouse.ts';

/** The hours are 7, 8 and 9 of 2026-11-21; a retention of ten days and this time make the first two old. */
const dayMs = 86_400_000;
const nowMs = Number(eventTimeMs) + 10 * dayMs + 2 * 3_600_000;
const retention = { olderThanMs: 10 * dayMs, tidy: { graceMs: dayMs } };
const clock: Clock = { ...systemClock, nowMs: () => nowMs };
let warehouse: SmallWarehouse;

/** Two partitions; of a commit ten offsets each are of hours 7, 8 and 9. One is a dead letter, one a marker. */
beforeAll(async () => {
  warehouse = await SmallWarehouse.create();
  for (const partition of [0, 1]) {
    const chain = await warehouse.claim(partition);
    const values = Array.from({ length: 25 }, (_, i) => (partition === 0 && i === 4 ? 'poison' : i));
    for (let roll = 0; roll < 2; roll++) await warehouse.commit(chain, values, { controlCount: 1 });
  }
});
afterAll(async () => await warehouse.close());

async function memoryCopy(): Promise<MemoryDisk> {
  const files = new MemoryFiles();
  await copyWarehouse(warehouse.local(''), files);
  files.disk.nowMs = nowMs;
  return files.disk;
}

async function contextOf(files: MemoryFiles): Promise<RewriteContext> {
  const chain = await TableChain.open(files, 'events', { retryMs: 0 });
  const signal = new AbortController().signal;
  return { files, table: 'events', chain, clock, logger: silentLogger, signal };
}

async function expire(disk: MemoryDisk): Promise<ExpireReport> {
  return await expireHours(await contextOf(new MemoryFiles(disk)), retention);
}

/** landed, expired, dead and control offsets of each partition, and that nothing is wrong. */
async function account(disk: MemoryDisk): Promise<bigint[][]> {
  const report = await auditWarehouse(new MemoryFiles(disk), { deep: true });
  expect(report.problems).toEqual([]);
  for (const { first, next, landed, expired, dead, control } of report.partitions) {
    expect(landed + expired + dead + control).toBe(next - first);
  }
  return report.partitions.map(({ landed, expired, dead, control }) => [landed, expired, dead, control]);
}

const before = [
  [48n, 0n, 2n, 2n],
  [50n, 0n, 0n, 2n],
];
const after = [
  [10n, 38n, 2n, 2n],
  [10n, 40n, 0n, 2n],
];

describe('hours past the retention', () => {
  it('leave the table as one record that names every offset, and the rest stays as it is', async () => {
    const disk = await memoryCopy();
    const kept = disk.paths('/events/dt=2026-11-21/hr=09');
    const planned = await expireHours(await contextOf(new MemoryFiles(disk)), { ...retention, dryRun: true });
    expect(planned.hours.map(({ hour, rows, sequence }) => [hour, rows, sequence])).toEqual([
      ['2026-11-21T07', 38, null],
      ['2026-11-21T08', 40, null],
    ]);
    expect(await account(disk)).toEqual(before);
    const report = await expire(disk);
    expect(report).toMatchObject({ failed: 0, sequences: [expect.any(Number)] });
    expect(report.hours.every(({ sequence }) => sequence === report.sequences[0])).toBe(true);
    expect(await account(disk)).toEqual(after);
    expect(disk.paths('/events/dt=')).toEqual(kept);
    expect((await expire(disk)).hours).toEqual([]);
  });

  it('come back with an undo within the grace time, and are deleted behind it, for good', async () => {
    const disk = await memoryCopy();
    const files = new MemoryFiles(disk);
    const { sequences } = await expire(disk);
    const undone = await undoRewrite(await contextOf(files), sequences[0]!, 'test');
    expect(undone).toMatchObject({ operation: 'retire', restoredRows: 78n });
    expect(await account(disk)).toEqual(before);
    const again = await expire(disk);
    expect(await account(disk)).toEqual(after);
    disk.nowMs += dayMs + 1;
    await tidyTable(await contextOf(files), { graceMs: dayMs });
    expect(disk.paths('/events/_sluice/replaced')).toEqual([]);
    await expect(undoRewrite(await contextOf(files), again.sequences[0]!, 'test')).rejects.toThrow(/grace time/);
    expect(await account(disk)).toEqual(after);
  });

  it('of one day after the other become one account, once nothing can bring them back', async () => {
    const disk = await memoryCopy();
    const files = new MemoryFiles(disk);
    const sequences: number[] = [];
    for (let day = 0; day < 3; day++) {
      // Each run takes one hour: the first two by the clock of the test, the third when it is an hour further.
      const olderThanMs = 10 * dayMs + (2 - day) * 3_600_000 - 3_600_000;
      const report = await expireHours(await contextOf(files), { olderThanMs, tidy: { graceMs: 1000 } });
      sequences.push(...report.sequences);
      disk.nowMs += 1001;
      await tidyTable(await contextOf(files), { graceMs: 1000 });
    }
    expect(sequences).toHaveLength(3);
    expect(await account(disk)).toEqual([
      [0n, 48n, 2n, 2n],
      [0n, 50n, 0n, 2n],
    ]);
    const { state } = await TableChain.open(files, 'events');
    expect([...state.rewrites.keys()]).toEqual([sequences[0]]);
    expect([...state.expired]).toEqual(sequences.map((sequence, i) => [`2026-11-21T0${7 + i}`, sequence]));
  });

  it('stay whole in the account wherever the run dies, and the next one finishes it', {
    timeout: 240_000,
  }, async () => {
    const counting = new MemoryFiles(await memoryCopy());
    await expireHours(await contextOf(counting), retention);
    const total = counting.calls.length;
    const step = process.env['SLUICE_FULL'] ? 1 : 13;
    const outcomes = new Set<string>();
    for (let at = 1; at <= total; at += step) {
      const disk = await memoryCopy();
      const how: CallFault = at % 2 === 1 ? 'crash-before' : 'crash-after';
      const dying = new MemoryFiles(disk, { fault: (call) => (call.number === at ? how : 'none') });
      await contextOf(dying)
        .then((context) => expireHours(context, retention))
        .catch((error: unknown) => expect(String(error)).toMatch(/crash/));
      const files = new MemoryFiles(disk);
      await tidyTable(await contextOf(files), { abandonedMs: -1e9, graceMs: 1e12 });
      const found = await account(disk);
      expect([before, after], `call ${at}`).toContainEqual(found);
      outcomes.add(String(found));
      await expire(disk);
      expect(await account(disk), `call ${at}`).toEqual(after);
      expect(disk.paths('/events/_sluice/staging/rewrites')).toEqual([]);
      expect(disk.paths('/events/dt=').every((path) => path.includes('/hr=09/'))).toBe(true);
    }
    expect(outcomes.size).toBe(2);
  });
});
