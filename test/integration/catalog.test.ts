// Promises: "sluice catalog ddl" prints what the ledger says and nothing of what only lies in the folders; its view of DuckDB has just
// those rows; "check" compares a listing with exit codes 0, 4 and 2; "sync" tells when a client does not do its part.
// What real metastores make of the statements: test/real/catalog.test.ts.
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allStatements, projectTable } from '../../src/catalog/index.ts';
import { TableChain } from '../../src/offsets/index.ts';
import { compactTable, expireHours } from '../../src/rewrites/index.ts';
import { silentLogger, systemClock } from '../../src/shared/index.ts';
import { GameWarehouse } from '../support/game-warehouse.ts';
import { openLake } from '../support/lake.ts';
import { type FinishedProcess, runSluice } from '../support/sluice-process.ts';

const countries = ['DE', 'a b/c=100%'];
/** Two hours that are over, and one that is not for years. */
const hours = [-3, -2, 130_000].map((ahead) => new Date(Date.now() + ahead * 3_600_000).toISOString().slice(0, 13));
const event = (id: number): string =>
  JSON.stringify({ ts: `${hours[id % 3]}:10:00Z`, user_id: id, country: countries[id % 2] });

let warehouse: GameWarehouse;

beforeAll(async () => {
  warehouse = await GameWarehouse.create({ partitionBy: ['country'] });
  for (const first of [0, 12]) await warehouse.land(Array.from({ length: 12 }, (_, i) => event(first + i)));
  await warehouse.closeHours({ hours: hours.slice(0, 2) });
});

afterAll(async () => await warehouse.close());

async function catalog(command: string, ...args: string[]): Promise<FinishedProcess> {
  return await runSluice(['catalog', command, 'events', '--warehouse', warehouse.url, ...args]);
}

async function projected(isCompleteOnly = false) {
  const place = { database: null, name: 'events', location: `${warehouse.url}/events` };
  return await projectTable(warehouse.files, 'events', { ...place, dialect: 'hive', isCompleteOnly });
}

async function rewriteContext() {
  const { files, table } = warehouse;
  const chain = await TableChain.open(files, table);
  return { files, table, chain, clock: systemClock, logger: silentLogger, signal: new AbortController().signal };
}

const all = hours.flatMap((hour) =>
  ['DE', 'a%20b%2Fc%3D100%25'].map((country) => `dt=${hour.slice(0, 10)}/hr=${hour.slice(11)}/country=${country}`),
);
const stray = all[4]!.replace('country=DE', 'country=XX');
const listed = all.map((folder) => folder.replace('a%20b', 'a b'));

describe('what a catalog should say', () => {
  it('is the folders with live files, and with --complete-only those of hours that are complete', async () => {
    const table = await projected();
    expect(table.partitions.map(({ folder }) => folder)).toEqual(all);
    expect((await projected(true)).partitions.map(({ folder }) => folder)).toEqual(all.slice(0, 4));
    expect(table.folders).toEqual(['dt', 'hr', 'country']);
    expect(table.columns.map(({ name }) => name)).not.toContain('country');
    expect(table.columns).toContainEqual({ name: 'ts', type: 'timestamp' });
  });

  it('is a view for DuckDB with the rows of those folders', async () => {
    const lake = await openLake();
    try {
      const { stdout } = await catalog('ddl', '--dialect', 'duckdb', '--complete-only');
      await lake.rows(stdout);
      const counts = await lake.rows('SELECT dt, hr, country, count(*) FROM events GROUP BY ALL ORDER BY ALL');
      expect(counts).toEqual(
        hours.slice(0, 2).flatMap((hour) => countries.map((country) => [...hour.split('T'), country, '4'])),
      );
    } finally {
      await lake.close();
    }
  });

  it('is not changed by what somebody puts into the folders', async () => {
    const table = join(warehouse.directory, 'warehouse/events');
    const [file] = readdirSync(join(table, all[0]!)).filter((name) => name.startsWith('part+'));
    mkdirSync(join(table, stray), { recursive: true });
    copyFileSync(join(table, all[0]!, file!), join(table, stray, 'stray.parquet'));
    expect((await projected()).partitions.map(({ folder }) => folder)).toEqual(all);
  });
});

describe('a comparison with what a client has printed', () => {
  const check = async (text: string): Promise<FinishedProcess> => {
    const file = join(warehouse.directory, 'listing.txt');
    writeFileSync(file, text);
    return await catalog('check', '--partitions', file);
  };

  it('ends with 0 when it is the same, 4 with a line for each difference, and 2 when it cannot be read', async () => {
    const done = await Promise.all([
      runSluice(['catalog', 'check', 'events', '--warehouse', warehouse.url, '--partitions', '-'], {
        input: `partition\n${listed.join('\n')}\n`,
      }),
      check([...listed.slice(1), stray].join('\n')),
      catalog('check', '--partitions', join(warehouse.directory, 'none')),
    ]);
    expect(done.map(({ code }) => code)).toEqual([0, 4, 2]);
    const note = '(columns were not compared: no output of DESCRIBE)';
    expect(done[0]!.stdout).toBe(`events: the catalog is right, 6 partitions ${note}\n`);
    expect(done[1]!.stdout).toBe(
      `missing partition ${all[0]}\nextra partition ${stray}\nevents: the catalog differs from the ledger, which has 6 partitions ${note}\n`,
    );
  });
});

describe('a client of the catalog', () => {
  it.each([
    ['that is not there', 'no-such-client -f', /^sluice: the catalog's client could not be started: .*no-such-client/],
    ['that fails', 'tail -n', /^sluice: the catalog's client ended with 1; it said: tail: invalid number/],
    [
      'that prints nothing of the table',
      'wc -l',
      /^sluice: expected the client to print what DESCRIBE FORMATTED says, got "\d+ /,
    ],
  ])('%s ends a sync with exit code 1', async (_what, command, message) => {
    const { code, stdout, stderr } = await catalog('sync', '--run', command);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(message);
  });

  it('is no matter for a shell', async () => {
    const { code, stderr } = await catalog('sync', '--run', 'echo $(id) ; cat');
    expect(code).toBe(1);
    expect(stderr).toContain('got "$(id) ; cat /');
  });

  it('is named by the machine on which the job sync-catalog runs, not by its input', async () => {
    const run = ['jobs', 'run', 'sync-catalog', '--warehouse', warehouse.url, '--input'];
    const done = await Promise.all([runSluice([...run, '{}']), runSluice([...run, '{"run":"id"}'])]);
    expect(done.map(({ code }) => code)).toEqual([1, 2]);
    expect(done[0]!.stdout + done[0]!.stderr).toContain('expected SLUICE_CATALOG_CLIENT where the job runs');
    expect(done[1]!.stderr).toMatch(/^sluice: sync-catalog: .*"?run"?/);
  });
});

describe('a rewrite of the table', () => {
  it('leaves the partitions as they are when it merges files: their folders stay', async () => {
    const before = await projected();
    const { groups } = await compactTable(await rewriteContext(), { olderThanMs: 0 });
    // The hour that is not over is left alone.
    expect(groups.filter(({ sequence }) => sequence !== null)).toHaveLength(4);
    expect(await projected()).toEqual(before);
  });

  it('takes the partitions of hours out that have expired, and says so to a catalog that knows them', async () => {
    await expireHours(await rewriteContext(), { olderThanMs: 1_800_000 });
    const table = await projected();
    expect(table.partitions.map(({ folder }) => folder)).toEqual(all.slice(4));
    const expired = hours
      .slice(0, 2)
      .map((hour) => `\n  PARTITION (\`dt\`='${hour.slice(0, 10)}', \`hr\`='${hour.slice(11)}')`);
    expect(allStatements(table, 'hive').at(-1)).toBe(`ALTER TABLE \`events\` DROP IF EXISTS${expired.join(',')}`);
  });
});
