// Promise: what `sluice catalog` prints makes a real Hive metastore say what the ledger says, by Hive's own DDL and by Spark's: the
// same rows, the same types, the same partitions; after more loads, compaction, retention and wider schemas too. What somebody breaks
// in the catalog is named exactly, and mended.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lake, openLake } from '../support/lake.ts';
import { LoadLab } from '../support/load-lab.ts';
import { Metastore } from '../support/metastore.ts';
import { highestRow, identityRecords, lowestRow, readerTypes, typedRecords } from '../support/reader-types.ts';
import { type FinishedProcess, runSluice } from '../support/sluice-process.ts';

const startMs = Date.now();
const engines = ['hive', 'spark'] as const;
type Engine = (typeof engines)[number];

let lab: LoadLab;
let metastore: Metastore;
let lake: Lake;
let warehouse: { directory: string; url: string };

beforeAll(async () => {
  [lab, metastore, lake] = await Promise.all([LoadLab.open(), Metastore.start(), openLake()]);
  warehouse = lab.warehouse('warehouse');
  await lake.rows("SET TimeZone = 'UTC'");
});

afterAll(async () => {
  await Promise.all([lab?.close(), metastore?.close(), lake?.close()]);
});

/** `sluice catalog`, of a table under a name that tells whose statements made it. */
async function catalog(command: string, table: string, engine: Engine, ...args: string[]): Promise<FinishedProcess> {
  const place = ['--warehouse', warehouse.url, '--database', 'lake', '--name', `${table}_${engine}`];
  return await runSluice(['catalog', command, table, '--dialect', engine, ...place, ...args]);
}

async function sync(table: string, engine: Engine, ...args: string[]) {
  const { code, stdout, stderr } = await catalog(
    'sync',
    table,
    engine,
    '--run',
    metastore.client(engine),
    '--json',
    ...args,
  );
  if (stdout === '') throw new Error(stderr);
  return { code, ...(JSON.parse(stdout) as { isEqual: boolean; statements: string[]; before: Drift } & Drift) };
}

interface Drift {
  isEqual: boolean;
  missing: string[];
  extra: string[];
  columns: { name: string; expected: string | null; found: string | null }[];
}

/** `sluice catalog check` of what the catalog prints at this moment. */
async function check(table: string, engine: Engine): Promise<{ code: number | null; drift: Drift }> {
  const name = `lake.${table}_${engine}`;
  const listing = join(lab.directory, `${name}.txt`);
  writeFileSync(listing, await metastore.run(engine, `DESCRIBE FORMATTED ${name}`, `SHOW PARTITIONS ${name}`));
  const { code, stdout, stderr } = await catalog('check', table, engine, '--partitions', listing, '--json');
  if (stdout === '') throw new Error(stderr);
  return { code, drift: JSON.parse(stdout) as Drift };
}

async function load(topic: string, values: readonly string[], ...args: string[]): Promise<void> {
  await lab.produce(
    topic,
    0,
    values.map((value, i) => ({ key: `key-${i}`, value })),
  );
  const { code, stderr } = await lab.load(topic, warehouse.url, ['--until-end', ...args]).finished;
  if (code !== 0) throw new Error(stderr);
}

async function sluice(...args: string[]): Promise<void> {
  const { code, stderr } = await runSluice([...args, '--warehouse', warehouse.url]);
  if (code !== 0) throw new Error(stderr);
}

describe('a table in folders of hours and countries', () => {
  const countries = ['DE', 'a b/c=100%', 'Österreich 😀', `it's; DROP TABLE x; -- "\\`, null];
  /** Two that the retention takes out, and the newest. */
  const hours = [200 * 24 + 1, 200 * 24, 24].map(hourBefore);
  const event = (id: number, more: object = {}): string =>
    JSON.stringify({ ts: `${hours[id % 3]}:10:00Z`, id, country: countries[id % 5], ...more });
  const layout = ['--time-field', 'ts', '--partition-by', 'country'];
  const ids = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first + i);

  function hourBefore(count: number): string {
    return new Date(startMs - count * 3_600_000).toISOString().slice(0, 13);
  }

  /** The partition of an hour and a country as SHOW PARTITIONS has it. */
  function nameOf(hour: string, country: string): string {
    return `dt=${hour.slice(0, 10)}/hr=${hour.slice(11)}/country=${country}`;
  }

  /** The same in a statement. */
  function specOf(country: string): string {
    return `PARTITION (dt='${hours[2]!.slice(0, 10)}', hr='${hours[2]!.slice(11)}', country='${country}')`;
  }

  /** The rows of the files that lie there, as another reader sees them. */
  async function rowsOnDisk(columns: string): Promise<unknown[][]> {
    const options = "hive_partitioning = true, union_by_name = true, hive_types = {'dt': VARCHAR, 'hr': VARCHAR}";
    const files = `read_parquet('${warehouse.directory}/visits/dt=*/hr=*/country=*/*.parquet', ${options})`;
    return await lake.rows(`SELECT ${columns} FROM ${files} ORDER BY _offset`);
  }

  async function rowsOf(engine: Engine, columns: string): Promise<unknown[][]> {
    const rows = await metastore.rows(`SELECT ${columns} FROM lake.visits_${engine} ORDER BY _offset`);
    return rows.map((row) => Object.values(row));
  }

  const basic = '_offset, id, dt, hr, country, _key';

  beforeAll(async () => {
    await lab.createTopic('visits', 1);
    await load(
      'visits',
      ids(0, 30).map((id) => event(id)),
      ...layout,
    );
  });

  it.each(engines)('is made by the statements of the dialect %s, and has the rows of the files', async (engine) => {
    const { stdout: ddl } = await catalog('ddl', 'visits', engine);
    for (let round = 0; round < 2; round++) await metastore.runScript(engine, ddl); // idempotent
    expect(await check('visits', engine)).toMatchObject({ code: 0, drift: { isEqual: true, partitionCount: 15 } });
    const rows = await rowsOf(engine, basic);
    expect(rows).toHaveLength(30);
    expect(rows).toEqual(await rowsOnDisk(basic));
    expect(new Set(rows.map(([, , , , country]) => country))).toEqual(new Set(countries));
    expect(await sync('visits', engine)).toMatchObject({ code: 0, isEqual: true, statements: [] });
  });

  it('is altered where a load, a new column, compaction and retention have changed it, and nowhere else', async () => {
    await load(
      'visits',
      ids(30, 30).map((id) => event(id, { score: id / 2 })),
      ...layout,
    );
    await load(
      'visits',
      [JSON.stringify({ ts: `${hourBefore(25)}:00:00Z`, id: 60, country: 'FR', score: 0.5 })],
      ...layout,
    );
    await sluice('compact', 'visits', '--older-than', '0s');
    await sluice('expire', 'visits', '--older-than', '100d');
    const columns = `${basic}, score`;
    const expected = await rowsOnDisk(columns);
    expect(expected).toHaveLength(21); // 20 of the newest hour, and one of the hour before it
    for (const engine of engines) {
      const { code, statements, before: found } = await sync('visits', engine);
      expect(code).toBe(0);
      expect(found).toMatchObject({
        missing: [nameOf(hourBefore(25), 'FR')],
        columns: [{ name: 'score', expected: 'double', found: null }],
      });
      expect(found.extra).toHaveLength(10); // both old hours, each with five countries
      expect(statements.map((text) => /^(ALTER TABLE \S+ \w+|SET|DROP|CREATE)/.exec(text)?.[1])).toEqual(
        ['ADD', 'ADD', 'DROP'].map((verb) => `ALTER TABLE \`lake\`.\`visits_${engine}\` ${verb}`),
      );
      expect(await rowsOf(engine, columns)).toEqual(expected);
    }
    // Hive keeps columns with each partition: those that were there before have the new one as well.
    const old = await metastore.run('hive', `DESCRIBE lake.visits_hive ${specOf('DE')}`);
    expect(old).toMatch(/^score\s+double/m);
  });

  it.each(engines)('is compared with what somebody has broken, and mended (%s)', async (engine) => {
    const name = `lake.visits_${engine}`;
    await metastore.run(
      engine,
      `ALTER TABLE ${name} DROP ${specOf('DE')}`,
      `ALTER TABLE ${name} ADD ${specOf('XX')} LOCATION '${warehouse.url}/visits/nowhere'`,
      engine === 'hive'
        ? `ALTER TABLE ${name} CHANGE COLUMN score score string CASCADE`
        : `ALTER TABLE ${name} ADD COLUMNS (guess int)`,
    );
    const columns =
      engine === 'hive'
        ? [{ name: 'score', expected: 'double', found: 'string' }]
        : [{ name: 'guess', expected: null, found: 'int' }];
    const missing = [nameOf(hours[2]!, 'DE')];
    const extra = [nameOf(hours[2]!, 'XX')];
    expect(await check('visits', engine)).toMatchObject({
      code: 4,
      drift: { isEqual: false, missing, extra, columns },
    });
    expect(await sync('visits', engine)).toMatchObject({ code: 0, before: { missing, extra, columns }, missing: [] });
    expect(await rowsOf(engine, basic)).toEqual(await rowsOnDisk(basic));
  });

  it('is left alone while its name belongs to a table whose files would go with it', async () => {
    await metastore.run('hive', 'CREATE TABLE lake.managed (a int) PARTITIONED BY (dt string) STORED AS PARQUET');
    const { code, stderr } = await catalog(
      'sync',
      'visits',
      'hive',
      '--run',
      metastore.client('hive'),
      '--name',
      'managed',
    );
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/another table of that name: expected file:\S+, got file:\S+; nothing was changed/),
    });
    expect(await metastore.run('hive', 'DESCRIBE lake.managed')).toMatch(/^a\s+int/m);
  });

  it('ends with exit code 1 and the words of a client that fails', async () => {
    const nowhere = metastore.client('hive').replace('/hive', '/nothing');
    const { code, stderr } = await catalog('sync', 'visits', 'hive', '--run', nowhere);
    expect(code).toBe(1);
    expect(stderr).toMatch(/catalog's client ended with 22; it said: .*500/);
  });
});

describe('a table with a column of every type', () => {
  const partition = { dt: '2026-03-29', hr: '23' };

  beforeAll(async () => {
    const at = { name: 'at', type: 'timestamp' };
    const contract = join(lab.directory, 'contract.json');
    const topics = {
      types: { columns: readerTypes.map(([name, type]) => ({ name, type })) },
      identities: { columns: [at, ...['uuid', 'time_ms', 'time_us'].map((type) => ({ name: `c_${type}`, type }))] },
    };
    writeFileSync(contract, JSON.stringify({ topics }));
    for (const topic of Object.keys(topics)) await lab.createTopic(topic, 1);
    await lab.produce(
      'identities',
      0,
      identityRecords.map((value) => ({ value })),
    );
    await lab.produce(
      'types',
      0,
      typedRecords.map((value) => ({ value })),
    );
    const args = ['--until-end', '--time-field', 'at', '--columns', contract];
    const { code, stderr } = await lab.load('types,identities', warehouse.url, args).finished;
    if (code !== 0) throw new Error(stderr);
  });

  it.each(engines)('has its types and its values in Spark, by the dialect %s', async (engine) => {
    for (const table of ['types', 'identities'])
      expect(await sync(table, engine)).toMatchObject({ code: 0, isEqual: true });
    const [highest, lowest] = await metastore.rows(`SELECT * FROM lake.types_${engine} ORDER BY _offset`);
    // Hive's only timestamp is an instant to Spark: what a clock has shown becomes one of UTC.
    expect(highest).toMatchObject({ ...highestRow, ...partition });
    expect(lowest).toMatchObject({ ...lowestRow, ...partition });
    const bytes = '123E4567E89B12D3A456426614174000';
    const [identity] = await metastore.rows(`SELECT * FROM lake.identities_${engine} WHERE hr = '23' ORDER BY _offset`);
    expect(identity).toMatchObject({ c_uuid: bytes, c_time_ms: '86399999', c_time_us: '86399999999', ...partition });
  });
});
