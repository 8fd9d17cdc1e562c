// Promise: real data goes through `produce` and `load` onto a real HDFS, and SQL over the warehouse says what SQL over the source says;
// the job `load-window` does the same through a real Redis.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lake, openLake } from '../support/lake.ts';
import { dataSetPath, type PeerHdfs, type PeerRedis, startHdfs, startRedis } from '../support/peers.ts';
import { runSluice, SluiceProcess } from '../support/sluice-process.ts';

let hdfs: PeerHdfs;
let redis: PeerRedis;
let broker: SluiceProcess;
let bootstrap: string;
let folder: string;
let lake: Lake;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-datasets-'));
  [hdfs, redis] = await Promise.all([startHdfs(), startRedis()]);
  broker = new SluiceProcess([
    'broker',
    '--data',
    join(folder, 'log'),
    '--listen',
    '127.0.0.1:0',
    '--log-level',
    'warn',
  ]);
  bootstrap = (await broker.waitFor(/^ready kafka=(\S+)/m))[1]!;
  lake = await openLake();
});

afterAll(async () => {
  await broker?.stop();
  await lake?.close();
  await Promise.all([hdfs?.stop(), redis?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

async function sluice(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runSluice(args);
  expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({ args, code: 0, stderr: '' });
  return stdout;
}

async function produce(topic: string, file: string, ...more: string[]): Promise<number> {
  const out = await sluice('produce', topic, '--file', dataSetPath(file), '--brokers', bootstrap, '--json', ...more);
  return Number(JSON.parse(out).records);
}

async function load(topic: string, ...more: string[]): Promise<{ rowCount: string; deadLetterCount: string }> {
  const url = hdfs.url('/warehouse');
  return JSON.parse(
    await sluice(
      'load',
      '--brokers',
      bootstrap,
      '--topics',
      topic,
      '--warehouse',
      url,
      '--until-end',
      '--json',
      ...more,
    ),
  );
}

/** The table's Parquet files, copied off HDFS by Hadoop's own tool. */
async function tableOf(topic: string, warehouse = '/warehouse'): Promise<string> {
  const target = join(folder, `${warehouse.slice(1)}-${topic}`);
  await hdfs.dfs('-get', `${warehouse}/${topic}`, target);
  return `read_parquet('${target}/dt=*/hr=*/*.parquet', union_by_name = true, hive_partitioning = false)`;
}

async function auditIsClean(topic: string, records: number, warehouse = '/warehouse'): Promise<void> {
  const report = JSON.parse(
    await sluice('audit', '--deep', '--json', '--warehouse', hdfs.url(warehouse), '--brokers', bootstrap),
  );
  const mine = report.partitions.filter((p: { topic: string }) => p.topic === topic);
  const sum = (field: string): number =>
    mine.reduce((total: number, p: Record<string, string>) => total + Number(p[field]), 0);
  expect(report.ok).toBe(true);
  expect(sum('landed') + sum('dead')).toBe(records);
}

describe('three million real flights', () => {
  const source = (): string => `read_parquet('${dataSetPath('flights-3m.parquet')}')`;
  const fields = 'date, delay, distance, origin, destination';

  it('land on HDFS row for row', async () => {
    expect(await produce('flights', 'flights-3m.parquet', '--partitions', '8', '--key-field', 'origin')).toBe(
      3_000_000,
    );
    const report = await load('flights', '--workers', '2');
    expect(report).toMatchObject({ rowCount: '3000000', deadLetterCount: '0' });
    const table = `(SELECT date::TIMESTAMP AS date, delay, distance, origin, destination FROM ${await tableOf('flights')})`;
    const aggregate = (from: string): string =>
      `SELECT origin, count(*) AS flights, sum(delay)::BIGINT AS delay, max(distance) AS farthest, min(date) AS first, count(DISTINCT destination) AS places FROM ${from} GROUP BY origin ORDER BY origin`;
    expect(await lake.rows(aggregate(table))).toEqual(await lake.rows(aggregate(source())));
    expect(await lake.differences(`SELECT ${fields} FROM ${table}`, `SELECT ${fields} FROM ${source()}`)).toBe(0n);
    await auditIsClean('flights', 3_000_000);
  });
});

describe('JSON as it is found', () => {
  it('a JSON array of 200,000 flights lands with its sums', async () => {
    const records = await produce('flights-json', 'flights-200k.json', '--partitions', '4');
    expect(await load('flights-json')).toMatchObject({ rowCount: String(records), deadLetterCount: '0' });
    const source = `read_json('${dataSetPath('flights-200k.json')}', format = 'array')`;
    const select = (from: string): string => `SELECT delay, distance, "time" FROM ${from}`;
    expect(await lake.differences(select(await tableOf('flights-json')), select(source))).toBe(0n);
  });

  it('the same array lands through the load-window job on Redis', async () => {
    const out = await sluice(
      ...['jobs', 'run', 'load-window', '--brokers', bootstrap, '--topics', 'flights-json'],
      ...['--warehouse', hdfs.url('/nightly'), '--redis', redis.url, '--workers', '2', '--json'],
    );
    expect(JSON.parse(out)).toMatchObject({ outcome: 'complete', rows: '200000', deadLetters: '0' });
    const source = `read_json('${dataSetPath('flights-200k.json')}', format = 'array')`;
    const select = (from: string): string => `SELECT delay, distance, "time" FROM ${from}`;
    expect(await lake.differences(select(await tableOf('flights-json', '/nightly')), select(source))).toBe(0n);
    await auditIsClean('flights-json', 200_000, '/nightly');
  });

  it('nested earthquakes keep their nested values as JSON', async () => {
    const records = await produce('quakes', 'earthquakes.json', '--array', 'features');
    expect(records).toBe(1707);
    expect(await load('quakes')).toMatchObject({ rowCount: '1707', deadLetterCount: '0' });
    const source = `(SELECT unnest(features) AS f FROM read_json('${dataSetPath('earthquakes.json')}', maximum_object_size = 10000000, columns = {features: 'JSON[]'}))`;
    const mags = (value: string, from: string): string =>
      `SELECT round(sum((${value})::DOUBLE), 6) AS sum, count(*) FROM ${from}`;
    expect(await lake.rows(mags(`properties::JSON ->> '$.mag'`, await tableOf('quakes')))).toEqual(
      await lake.rows(mags(`f ->> '$.properties.mag'`, source)),
    );
  });

  it('movies with numbers for titles and other dirty values all land', async () => {
    const records = await produce('movies', 'movies.json');
    const report = await load('movies');
    expect(Number(report.rowCount) + Number(report.deadLetterCount)).toBe(records);
    expect(report.deadLetterCount).toBe('0');
    const source = `(SELECT unnest(m) AS m FROM (SELECT content::JSON[] AS m FROM read_text('${dataSetPath('movies.json')}')))`;
    const theirs = `SELECT m ->> '$.Title' AS title, (m ->> '$."IMDB Votes"')::BIGINT AS votes, m ->> '$.Distributor' AS distributor FROM ${source}`;
    const ours = `SELECT "Title" AS title, "IMDB Votes"::BIGINT AS votes, "Distributor" AS distributor FROM ${await tableOf('movies')}`;
    expect(await lake.differences(ours, theirs)).toBe(0n);
  });
});
