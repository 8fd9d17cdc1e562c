// Promises: a report is refused with the reason while an hour of its windows is not complete; days of a zone are cut out of the hours of a
// table in another zone, also where the clocks change; what is missing, odd or preliminary is said.
import { afterEach, describe, expect, it } from 'vitest';
import { TableChain } from '../../../src/offsets/index.ts';
import { type DailyReport, defaultGroupA, makeDailyReport, ReportRefusedError } from '../../../src/reports/index.ts';
import { compactTable } from '../../../src/rewrites/index.ts';
import { silentLogger, systemClock } from '../../../src/shared/index.ts';
import type { WarehouseFiles } from '../../../src/warehouse/index.ts';
import { GameWarehouse } from '../../support/game-warehouse.ts';
import { eventsOf, figuresOfEvents } from '../../support/report-oracles.ts';

const { signal } = new AbortController();
const open: GameWarehouse[] = [];

afterEach(async () => {
  for (const warehouse of open.splice(0)) await warehouse.close();
});

async function warehouseWith(values: readonly string[]): Promise<GameWarehouse> {
  const warehouse = await GameWarehouse.create();
  open.push(warehouse);
  await warehouse.land(values);
  return warehouse;
}

function event(ts: string, user: number, fields: object = {}): string {
  return JSON.stringify({
    ts,
    type: 'login',
    game: 'hh',
    user_id: user,
    network: 'facebook',
    country: 'DE',
    ...fields,
  });
}

/** An event every `stepMinutes`, by one of 50 users in turn. */
function stream(from: string, until: string, stepMinutes: number): string[] {
  const values: string[] = [];
  for (let at = Date.parse(from), i = 0; at < Date.parse(until); at += stepMinutes * 60_000, i++) {
    const type = i % 7 === 0 ? 'install' : i % 5 === 0 ? 'purchase' : 'login';
    const sold = type === 'purchase' ? { price_cents: 100 + i, currency: i % 2 === 0 ? 'EUR' : 'USD' } : {};
    const network = i % 3 === 0 ? 'vk' : 'facebook';
    values.push(event(new Date(at).toISOString(), (i * 17) % 50, { type, network, ...sold }));
  }
  return values;
}

async function make(warehouse: GameWarehouse, date: string, options: object = {}): Promise<DailyReport> {
  const { files, table } = warehouse;
  return await makeDailyReport({ files, table, date, zone: 'Europe/Berlin', game: 'hh', signal, ...options });
}

function dauOf({ figures }: DailyReport): number | null {
  return figures.find(({ name }) => name === 'dau')!.values.all.value;
}

describe('the hours behind a report', { timeout: 120_000 }, () => {
  it('must be closed and complete: until then it is refused with the reason, or said to be preliminary', async () => {
    const warehouse = await warehouseWith([event('2025-11-20T10:30:00Z', 1), event('2025-11-20T11:30:00Z', 2)]);
    await warehouse.closeHours({ hours: ['2025-11-20T10'], behind: 3 });
    const refusal = make(warehouse, '2025-11-20');
    await expect(refusal).rejects.toThrow(ReportRefusedError);
    await expect(refusal).rejects.toThrow(
      'the report of 2025-11-20 needs 745 hours of the table, of which 2 are not complete: 2025-11-20T10: events-0 is 3 offsets behind (checkpoint 2, end 5); 2025-11-20T11: events-0 is 3 offsets behind',
    );
    const preliminary = await make(warehouse, '2025-11-20', { allowIncomplete: true });
    expect([preliminary.isComplete, dauOf(preliminary), preliminary.hours.missing.length]).toEqual([false, 2, 2]);
    expect(preliminary.notes[0]).toMatch(/^Preliminary: 2 of 745 hours are not complete \(first 2025-11-20T10: /);

    await warehouse.land([3, 4, 5].map((user) => event('2025-11-20T11:59:59.999Z', user)));
    await warehouse.closeHours();
    const complete = await make(warehouse, '2025-11-20');
    expect([complete.isComplete, dauOf(complete), complete.hours.missing]).toEqual([true, 5, []]);
    expect(complete.notes.join(' ')).toContain('no event of the game from before 2025-11-20');
    expect(complete.figures.find(({ name }) => name === 'dau')!.values.all).toMatchObject({
      previous: null,
      change: null,
    });
  });

  it('with rows that nobody has closed yet refuse it as well, though they are older than the table', async () => {
    const warehouse = await warehouseWith([event('2025-11-20T10:30:00Z', 1)]);
    await expect(make(warehouse, '2025-11-20')).rejects.toThrow(
      /of which 1 is not complete: 2025-11-20T10: it is over since \d+ min and nobody has closed it yet/,
    );
    await warehouse.closeHours();
    await warehouse.land([event('2025-11-18T10:30:00Z', 1)]);
    await expect(make(warehouse, '2025-11-20')).rejects.toThrow(/of which 1 is not complete: 2025-11-18T10: /);
  });

  it('that are not over refuse the report of today', async () => {
    const warehouse = await warehouseWith([event('2025-11-20T10:30:00Z', 1)]);
    await warehouse.closeHours();
    const today = new Date().toISOString().slice(0, 10);
    await expect(make(warehouse, today, { zone: 'UTC' })).rejects.toThrow(/it is not over: it ends at/);
  });

  it.each([
    ['2025-03-30', 23],
    ['2025-03-31', 24],
    ['2025-10-26', 25],
  ])('are cut at midnight of the zone, wherever the table has its own: %s in Berlin', async (date, hours) => {
    const at = (days: number, hour: number): string =>
      new Date(Date.parse(`${date}T00:00:00Z`) + days * 86_400_000 + hour * 3_600_000).toISOString();
    // Around the three midnights, and over the change of clocks.
    const values = [
      ...stream(at(-2, 21), at(-1, 1), 5),
      ...stream(at(-1, 21), at(0, 3), 5),
      ...stream(at(0, 20), at(1, 1), 5),
    ];
    const warehouse = await warehouseWith(values);
    await warehouse.closeHours();
    const report = await make(warehouse, date);
    expect(report.dayHours).toBe(hours);
    expect(report.notes.some((note) => note.includes(`${date} had ${hours} hours`))).toBe(hours !== 24);
    const events = eventsOf(values, 'hh', 'Europe/Berlin');
    const expected = figuresOfEvents(events, { date, network: 'facebook', groupA: defaultGroupA });
    for (const { name, values: found } of report.figures) {
      const { all, network, others } = found;
      expect([name, all.value, network.value, others.value]).toEqual([name, ...Object.values(expected[name]!)]);
    }
    expect(report.figures.map(({ name }) => name).sort()).toEqual(Object.keys(expected).sort());
  });

  it('may have been compacted since their manifests were written: the rows are the same', async () => {
    const warehouse = await warehouseWith(stream('2025-11-20T10:00:00Z', '2025-11-20T12:00:00Z', 5));
    await warehouse.land(stream('2025-11-20T10:01:00Z', '2025-11-20T12:00:00Z', 5));
    await warehouse.closeHours();
    const before = await make(warehouse, '2025-11-20');
    const { files, table } = warehouse;
    const chain = await TableChain.open(files, table);
    const context = { files, table, chain, clock: systemClock, logger: silentLogger, signal };
    const { groups } = await compactTable(context, { scratchDirectory: warehouse.directory, olderThanMs: 0 });
    expect(groups).toHaveLength(2);
    const after = await make(warehouse, '2025-11-20');
    expect(after.figures).toEqual(before.figures);
    expect(dauOf(after)).toBeGreaterThan(10);
  });

  it('are copied one day after the other where they lie elsewhere: the figures are the same', async () => {
    const warehouse = await warehouseWith(stream('2025-11-18T22:00:00Z', '2025-11-20T12:00:00Z', 30));
    await warehouse.closeHours();
    const reads: string[] = [];
    const far = new Proxy<WarehouseFiles>(warehouse.files, {
      get(target, name: keyof WarehouseFiles) {
        if (name === 'url') return 'webhdfs://127.0.0.1:9870/warehouse';
        if (name !== 'read') return typeof target[name] === 'function' ? target[name].bind(target) : target[name];
        return (path: string, options: object) => {
          if (path.endsWith('.parquet')) reads.push(path);
          return target.read(path, options);
        };
      },
    });
    const { table } = warehouse;
    const options = { table, date: '2025-11-20', game: 'hh', zone: 'Europe/Berlin', signal };
    const remote = await makeDailyReport({ ...options, files: far });
    expect(remote.figures).toEqual((await make(warehouse, '2025-11-20')).figures);
    // Hours of the table that lie across a midnight of the zone would be read twice: here none does.
    expect([...reads].sort()).toEqual([...new Set(reads)].sort());
    expect(reads.length).toBe(38);
  });

  it('go by the time of the load: another field is refused instead of losing rows', async () => {
    const warehouse = await GameWarehouse.create();
    open.push(warehouse);
    const values = [event('2025-11-19T23:59:00Z', 1), event('2025-11-20T10:00:00Z', 2)];
    await warehouse.land(values, { timeField: null, recordedMs: Date.parse('2025-11-20T12:00:00Z') });
    await warehouse.closeHours();
    await expect(make(warehouse, '2025-11-20')).rejects.toThrow(
      'ts is not the time that the table was loaded by: on 2025-11-20 it goes from 2025-11-19T23:59:00.000Z to 2025-11-20T10:00:00.000Z, and the rows of these files from 2025-11-20T12:00:00.000Z to 2025-11-20T12:00:00.000Z; name the right one with --time-field',
    );
    const report = await make(warehouse, '2025-11-20', { timeField: '_timestamp', zone: 'UTC' });
    expect(dauOf(report)).toBe(2);
    await expect(make(warehouse, '2025-11-20', { timeField: 'at' })).rejects.toThrow('expected a column at, found');
  });

  it('must have events of the game', async () => {
    const warehouse = await warehouseWith([event('2025-11-20T10:30:00Z', 1)]);
    await warehouse.closeHours();
    await expect(make(warehouse, '2025-11-20', { game: 'zz' })).rejects.toThrow(
      'expected events of game "zz" in table events in the 31 days to 2025-11-20, found none',
    );
  });
});
