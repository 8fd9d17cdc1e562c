import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BadInputError } from '../../../../src/shared/index.ts';
import { querySandboxed, type SandboxLimits } from '../../../../src/warehouse/index.ts';

const limits: SandboxLimits = {
  memoryLimit: '128MB',
  spillLimit: '64MB',
  timeMs: 30_000,
  rowCount: 100,
  resultBytes: 100_000,
};
const { signal } = new AbortController();
let folder: string;
let table: string;
let before: Buffer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sandbox-'));
  table = join(folder, 'events.parquet');
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(
    `COPY (SELECT i AS n, 9007199254740993 + i AS big, 'it''s ' || i AS text FROM range(1000) t(i)) TO '${table}' (FORMAT parquet)`,
  );
  connection.closeSync();
  writeFileSync(join(folder, 'secret.csv'), 'password\nhunter2\n');
  before = readFileSync(table);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ask = (sql: string, changes: Partial<SandboxLimits> = {}) =>
  querySandboxed(sql, [{ name: 'events', paths: [table] }], { ...limits, ...changes }, signal);

describe('SQL in the sandbox', () => {
  it('answers a SELECT with exact values', async () => {
    const { columns, rows, isCut } = await ask('SELECT n, big, text FROM events ORDER BY n LIMIT 2');
    expect(columns).toEqual([
      { name: 'n', type: 'BIGINT' },
      { name: 'big', type: 'BIGINT' },
      { name: 'text', type: 'VARCHAR' },
    ]);
    expect(rows).toEqual([
      ['0', '9007199254740993', "it's 0"],
      ['1', '9007199254740994', "it's 1"],
    ]);
    expect(isCut).toBe(false);
  });

  it('answers DESCRIBE, SUMMARIZE and a bare FROM', async () => {
    for (const sql of [
      'DESCRIBE events',
      'SUMMARIZE events',
      'FROM events LIMIT 1',
      'WITH e AS (FROM events) SELECT count(*) FROM e;',
    ]) {
      expect((await ask(sql)).rows.length).toBeGreaterThan(0);
    }
  });

  it('gives back so many rows and bytes, and says that there are more', async () => {
    expect(await ask('FROM events')).toMatchObject({ isCut: true, rows: { length: 100 } });
    const wide = await ask(`SELECT repeat('x', 5000) FROM events`);
    expect(wide.isCut).toBe(true);
    expect(wide.rows.length).toBeLessThan(25);
  });

  it.each([
    ['COPY', (dir: string) => `COPY events TO '${dir}/out.csv'`],
    ['COPY over the table itself', (dir: string) => `COPY (SELECT 1) TO '${dir}/events.parquet' (FORMAT parquet)`],
    ['EXPLAIN ANALYZE of a COPY', (dir: string) => `EXPLAIN ANALYZE COPY events TO '${dir}/out.csv'`],
    ['EXPORT', (dir: string) => `EXPORT DATABASE '${dir}/out'`],
    ['ATTACH', (dir: string) => `ATTACH '${dir}/out.db'`],
    ['INSTALL', () => 'INSTALL httpfs'],
    ['LOAD', () => 'LOAD httpfs'],
    ['SET', () => "SET memory_limit = '10GB'"],
    ['SET of what was closed', () => 'SET enable_external_access = true'],
    ['RESET', () => 'RESET enable_external_access'],
    ['PRAGMA', () => 'PRAGMA enable_profiling'],
    ['CREATE', () => 'CREATE TABLE t AS SELECT 1'],
    ['DROP', () => 'DROP VIEW events'],
    ['INSERT', () => "INSERT INTO events VALUES (1, 2, 'x')"],
    ['two statements', () => 'SELECT 1; SELECT 2'],
    ['a SELECT in front of something else', (dir: string) => `SELECT 1; COPY events TO '${dir}/out.csv'`],
    ['nothing', () => '-- only a comment'],
    ['a parameter', () => 'SELECT $1'],
  ])('refuses %s', async (_what, sql) => {
    await expect(ask(sql(folder))).rejects.toThrow(BadInputError);
    expect(existsSync(join(folder, 'out.csv'))).toBe(false);
    expect(readFileSync(table).equals(before)).toBe(true);
  });

  it.each([
    ['a file beside the table', (dir: string) => `FROM read_csv('${dir}/secret.csv')`],
    ['a file by its bare name', (dir: string) => `FROM '${dir}/secret.csv'`],
    ['a file as text', (dir: string) => `FROM read_text('${dir}/secret.csv')`],
    ['a file of the system', () => `FROM read_text('/etc/passwd')`],
    ['a way around by dots', (dir: string) => `FROM read_text('${dir}/events.parquet/../secret.csv')`],
    ['a folder’s names', (dir: string) => `FROM glob('${dir}/*')`],
    ['the network', () => `FROM read_csv('http://127.0.0.1:1/x.csv')`],
    ['a file in a query made of text', (dir: string) => `FROM query('FROM read_csv(''${dir}/secret.csv'')')`],
  ])('cannot read %s', async (_what, sql) => {
    const answer = await ask(sql(folder)).catch((error: unknown) => error);
    expect(JSON.stringify(answer)).not.toContain('hunter2');
    const isNothing = !(answer instanceof Error) && (answer as { rows: unknown[] }).rows.length === 0;
    expect(answer instanceof BadInputError || isNothing).toBe(true);
  });

  it('ends what takes too long, and says so', async () => {
    const endless = 'SELECT count(*) FROM range(100000000000) a, range(1000000) b WHERE a.range % 7 = b.range % 11';
    await expect(ask(endless, { timeMs: 300 })).rejects.toMatchObject({ code: 'query-timeout' });
  });

  it('ends with whoever asked', async () => {
    const gone = new AbortController();
    const endless = 'SELECT count(*) FROM range(100000000000) a, range(1000000) b WHERE a.range % 7 = b.range % 11';
    const asked = querySandboxed(endless, [], limits, gone.signal);
    setImmediate(() => gone.abort(new Error('gone')));
    await expect(asked).rejects.toThrow('gone');
  });

  it('stays within its memory', async () => {
    const much = `SELECT list(repeat('x', 1000) || i) FROM range(3000000) t(i)`;
    await expect(ask(much, { memoryLimit: '32MB', spillLimit: '16MB' })).rejects.toThrow(/memory|temp/i);
  });
});
