// Promises: a report from kept days is the same report; a day is read again exactly when its rows, or what is asked of them, have changed;
// the folder stays within its bound, and nothing in it can harm a report.
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TableChain } from '../../../src/offsets/index.ts';
import { type DailyReport, DayCache, makeDailyReport } from '../../../src/reports/index.ts';
import { compactTable } from '../../../src/rewrites/index.ts';
import { BadInputError, silentLogger, systemClock } from '../../../src/shared/index.ts';
import type { WarehouseFiles } from '../../../src/warehouse/index.ts';
import { GameWarehouse, playGame } from '../../support/game-warehouse.ts';

const date = '2025-11-20';
const { signal } = new AbortController();
const dayMs = 86_400_000;

let warehouse: GameWarehouse;
let folder: string;
/** Data files that the last report looked for. */
let readFiles: string[] = [];

beforeAll(async () => {
  warehouse = await GameWarehouse.create({ zone: 'UTC', pathFormat: 'dt=yyyy-MM-dd' });
  const untilMs = Date.parse(`${date}T23:30:00Z`);
  const play = { seed: 4, eventsPerSecond: 0.02, players: 500, untilMs, games: ['hh'] };
  await warehouse.land(playGame({ ...play, fromMs: untilMs - 3 * dayMs }));
  await warehouse.closeHours();
}, 120_000);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'report-cache-'));
  return () => rmSync(folder, { recursive: true, force: true });
});

afterAll(() => warehouse?.close());

async function make(options: { maxBytes?: number; useCache?: boolean; network?: string } = {}): Promise<DailyReport> {
  const { maxBytes = 1e9, useCache = true, network } = options;
  readFiles = [];
  const cache = useCache ? await DayCache.open({ folder, maxBytes, logger: silentLogger }) : null;
  const { table } = warehouse;
  return await makeDailyReport({ files: watched(warehouse.files), table, date, game: 'hh', network, cache, signal });
}

/** The days whose files were looked for. */
const daysRead = (): string[] => [...new Set(readFiles.map((path) => /dt=([\d-]+)/.exec(path)![1]!))].sort();

function watched(files: WarehouseFiles): WarehouseFiles {
  return new Proxy(files, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (typeof args[0] === 'string' && args[0].endsWith('.parquet')) readFiles.push(args[0]);
        return Reflect.apply(value, target, args);
      };
    },
  });
}

function figures({ madeAtMs: _, ...report }: DailyReport): object {
  return report;
}

describe('days that are kept', { timeout: 120_000 }, () => {
  it('make the same report, and none of their files is looked for again', async () => {
    const without = await make({ useCache: false });
    const all = daysRead();
    expect(all.length).toBeGreaterThanOrEqual(3);
    expect(without.figures.find(({ name }) => name.startsWith('revenue'))?.values.all.value).toBeGreaterThan(0);
    const first = await make();
    expect(daysRead()).toEqual(all);
    const second = await make();
    expect(daysRead()).toEqual([]);
    expect([figures(first), figures(second)]).toEqual([figures(without), figures(without)]);
  });

  it('are read again when their rows or their files have changed, and only they', async () => {
    await make();
    const late = { ts: '2025-11-19T10:00:00Z', type: 'login', game: 'hh', user_id: 987_654, network: 'facebook' };
    await warehouse.land([JSON.stringify(late)]);
    await warehouse.closeHours();
    const amended = await make();
    expect(daysRead()).toEqual(['2025-11-19']);
    expect(figures(amended)).toEqual(figures(await make({ useCache: false })));
    await make();
    const { files, table } = warehouse;
    const chain = await TableChain.open(files, table);
    const context = { files, table, chain, clock: systemClock, logger: silentLogger, signal };
    const { groups } = await compactTable(context, { scratchDirectory: warehouse.directory, olderThanMs: 0 });
    expect(groups.length).toBeGreaterThan(0);
    await warehouse.closeHours();
    const compacted = await make();
    expect(daysRead()).toEqual(['2025-11-19']);
    expect(compacted.figures).toEqual(amended.figures);
  });

  it('are others for another question', async () => {
    await make();
    const vk = await make({ network: 'vk' });
    expect(daysRead().length).toBeGreaterThanOrEqual(3);
    expect(figures(vk)).toEqual(figures(await make({ network: 'vk', useCache: false })));
  });

  it('are read from the table when a kept file is broken', async () => {
    const whole = figures(await make());
    for (const name of readdirSync(folder)) writeFileSync(join(folder, name), 'PAR1 not really');
    expect(figures(await make())).toEqual(whole);
    expect(daysRead().length).toBeGreaterThanOrEqual(3);
    await make();
    expect(daysRead()).toEqual([]);
  });

  it('keep within the bound, touch nothing else there, and want a folder', async () => {
    writeFileSync(join(folder, 'mine.parquet'), 'x'.repeat(10_000));
    await make({ maxBytes: 6000 });
    const kept = readdirSync(folder).filter((name) => name !== 'mine.parquet');
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)).toBeLessThanOrEqual(6000);
    expect(readdirSync(folder)).toContain('mine.parquet');
    const options = { folder: join(folder, 'mine.parquet'), maxBytes: 1, logger: silentLogger };
    await expect(DayCache.open(options)).rejects.toThrow(BadInputError);
  });
});
