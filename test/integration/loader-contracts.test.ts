import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LoadLab } from '../support/load-lab.ts';
import { type FinishedProcess, runSluice, withoutProgress } from '../support/sluice-process.ts';

let lab: LoadLab;
let connection: DuckDBConnection;

beforeAll(async () => {
  lab = await LoadLab.open();
  connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
});
afterAll(async () => {
  connection.closeSync();
  await lab.close();
});

const timestamp = BigInt(Date.parse('2026-11-21T07:30:00Z'));
const records = (values: readonly string[]) => values.map((value) => ({ value: Buffer.from(value), timestamp }));

async function rowsOf(directory: string, topic: string, columns: string): Promise<unknown[][]> {
  const files = `read_parquet('${directory}/${topic}/dt=*/**/*.parquet', union_by_name = true, filename = true)`;
  const reader = await connection.runAndReadAll(`SELECT ${columns} FROM ${files} ORDER BY _partition, _offset`);
  return reader.getRowsJson() as unknown[][];
}

function sluice(...args: string[]): Promise<FinishedProcess> {
  return runSluice(args, { env: { SLUICE_SKIP_BUILD: '1', SALT: 'pepper' } });
}

function load(topic: string, url: string, ...extra: string[]): Promise<FinishedProcess> {
  const place = ['--brokers', lab.bootstrap, '--topics', topic, '--warehouse', url];
  return sluice('load', ...place, '--until-end', '--json', ...extra);
}

function contract(name: string, text: string): string {
  const path = join(lab.directory, name);
  writeFileSync(path, text);
  return path;
}

describe('a load with a contract', () => {
  it('accounts for every offset as landed, dead or filtered, and proves it', async () => {
    const { directory, url } = lab.warehouse('contract');
    await lab.createTopic('buys', 1);
    const values = Array.from({ length: 300 }, (_, index) =>
      index % 50 === 7
        ? '{"price":"a lot","user":{"country":"DE"}}'
        : `{"price":"${index}.25","user":{"country":"${index % 3 === 0 ? 'DE' : 'US'}","mail":"m${index}"},"tags":["t${index % 2}",null]}`,
    );
    await lab.produce('buys', 0, records(values));
    const file = contract(
      'buys.yaml',
      `
columns:
  - { name: price, type: "decimal(12,2)", required: true }
  - { name: country, type: "enum(DE,US)", from: user.country }
  - { name: mail, type: string, from: user.mail, hash: sha256 }
  - { name: tags, type: list<string> }
salt: { env: SALT }
filter: user.country = DE
parquet: { codec: snappy, sortBy: [price] }
`,
    );
    const loaded = await load('buys', url, '--columns', file, '--max-dead-letters', '100');
    expect(withoutProgress(loaded.stderr)).toBe('');
    expect(loaded.code).toBe(0);
    const isPoison = (index: number) => index % 50 === 7;
    const landed = values.flatMap((_, index) => (index % 3 === 0 && !isPoison(index) ? [index] : []));
    const rows = await rowsOf(directory, 'buys', '_offset, price::VARCHAR, country, length(mail), tags::VARCHAR');
    expect(rows).toEqual(landed.map((index) => [String(index), `${index}.25`, 'DE', '64', `[t${index % 2}, NULL]`]));
    const shown = await sluice('offsets', 'show', 'buys', '--warehouse', url, '--json');
    const [{ totals }] = JSON.parse(shown.stdout) as [{ totals: Record<string, string> }];
    expect(totals).toMatchObject({ landed: String(landed.length), dead: '6', filtered: String(294 - landed.length) });
    const log = ['--brokers', lab.bootstrap]; // the contract, hashes and all, is kept with the table
    const audit = await sluice('audit', '--warehouse', url, '--deep', ...log);
    expect(audit.code, audit.stderr).toBe(0);
    expect(audit.stdout).toMatch(/\nbuys +0 +0 +300 +(\d+) +\1 +([0-9a-f]{32}) +\2\n/);
    const where = await sluice('where', 'buys/0@1', '--warehouse', url);
    expect(where.stdout).toMatch(/^buys\/0@1 \(table buys\): filtered: by the filter, in commit \d+/);

    const schema = await sluice('schema', 'show', 'buys', '--warehouse', url);
    expect(schema.stdout).toMatch(/price +decimal\(12,2\) +yes +1\n/);
    const wider = contract('wider.yaml', 'columns: [{name: price, type: "decimal(18,4)"}, {name: n, type: int8}]');
    const checked = await sluice('schema', 'check', wider, '--warehouse', url, '--table', 'buys');
    expect([checked.code, checked.stdout]).toEqual([0, expect.stringMatching(/price +widened/)]);
    const other = contract('other.yaml', 'columns: [{name: price, type: date}]');
    const refused = await sluice('schema', 'check', other, '--warehouse', url, '--table', 'buys');
    expect([refused.code, refused.stderr]).toEqual([
      4,
      expect.stringMatching(/"price" is decimal\(12,2\) in the table/),
    ]);
    const again = await load('buys', url, '--columns', other);
    expect([again.code, again.stderr]).toEqual([2, expect.stringMatching(/table buys: the column "price" is decimal/)]);
  });

  it('is refused before anything changes when the engine cannot write it', async () => {
    const { directory, url } = lab.warehouse('beyond');
    await lab.createTopic('beyond', 1);
    await lab.produce('beyond', 0, records(['{"a":[1]}']));
    const file = contract('beyond.yaml', 'columns: [{name: a, type: list<int64>}]');
    const refused = await load('beyond', url, '--columns', file, '--engine', 'parquetjs');
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/parquetjs cannot write the column "a"/)]);
    expect(existsSync(join(directory, 'beyond'))).toBe(false);
  });
});

describe('a load without a contract', () => {
  it('refuses nothing for the order in which kinds of numbers come, over partitions and loads', async () => {
    const { directory, url } = lab.warehouse('kinds');
    await lab.createTopic('kinds', 2);
    const integers = Array.from({ length: 100 }, (_, index) => `{"v":${index}}`);
    const fractions = Array.from({ length: 100 }, (_, index) => `{"v":${index}.5}`);
    await lab.produce('kinds', 0, records([...integers, ...fractions]));
    await lab.produce('kinds', 1, records(integers));
    expect((await load('kinds', url)).code).toBe(0);
    await lab.produce('kinds', 1, records([...fractions, ...integers]));
    expect((await load('kinds', url)).code).toBe(0);
    const rows = await rowsOf(directory, 'kinds', 'v');
    const wanted = [...integers, ...fractions, ...integers, ...fractions, ...integers].map(
      (text) => (JSON.parse(text) as { v: number }).v,
    );
    expect(rows.map(([value]) => value)).toEqual(wanted);
    expect((await sluice('audit', '--warehouse', url, '--deep')).code).toBe(0);
  });

  it('two schema versions interleaved do not multiply files', async () => {
    const { directory, url } = lab.warehouse('versions');
    await lab.createTopic('versions', 1);
    const values = Array.from({ length: 1000 }, (_, index) =>
      index % 2 === 0
        ? `{"id":${index},"price":${index}}`
        : `{"id":${index},"price":${index}.5,"currency":"EUR","v":2}`,
    );
    await lab.produce('versions', 0, records(values), 1);
    expect((await load('versions', url)).code).toBe(0);
    const files = new Set((await rowsOf(directory, 'versions', 'filename')).map(([name]) => name));
    expect(files.size).toBeLessThanOrEqual(2);
    const inferred = await sluice('schema', 'infer', 'versions', '--brokers', lab.bootstrap);
    expect(inferred.stdout).toContain('name: price\n    type: double');
  });
});
