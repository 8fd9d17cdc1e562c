import { join } from 'node:path';
import type { Lake } from './lake.ts';
import { peerPython, runPeer } from './peers.ts';
import type { WarehouseLab } from './warehouse-lab.ts';

const readTable = new URL('./read_table.py', import.meta.url).pathname;
const options = { timeoutMs: 900_000 };

/** What a filter had to read. */
export interface Scan {
  files: number;
  /** Rows of the row groups that the statistics could not rule out. */
  rowsRead: number;
  rows: number;
}

/** A table as a reader sees it. */
export interface Reading {
  /** Type of every column, in the reader's words; not of a table that was only scanned. */
  types: Record<string, string>;
  /** The rows (values as test/peers/python/shown.py writes them), or how many when they were compared with a log. */
  rows: unknown;
  scan?: Scan;
}

/** What is asked of a reader about one table. */
export interface Question {
  /** The log that the table should hold. */
  log?: string;
  /** The columns as a user of Spark declares them. */
  schema?: string;
  /** A time column and an interval within one hour, as RFC 3339. */
  scan?: readonly [column: string, from: string, to: string];
}

/** The tables straight from HDFS, by their folders. */
export async function readWithSpark(
  lab: WarehouseLab,
  tables: Record<string, Question>,
): Promise<Record<string, Reading>> {
  const args = Object.entries(tables).flatMap(([table, { log, schema, scan }]) => {
    const folder = `/warehouse/${table}`;
    return [
      ...['--table', folder],
      ...(log === undefined ? [] : ['--log', `${folder}=${log}`]),
      ...(schema === undefined ? [] : ['--schema', `${folder}=${schema}`]),
      ...(scan === undefined ? [] : ['--scan', `${folder}=${sparkCondition(scan)}`]),
    ];
  });
  const output = await runPeer('spark/read.sh', args, { HDFS_DATA: lab.hdfs.dataDir }, options);
  return byTable(JSON.parse(output.trim().split('\n').at(-1)!) as Record<string, Reading>);
}

/** Local copies of the tables. */
export async function readWithPyarrow(
  copy: string,
  tables: Record<string, Question>,
): Promise<Record<string, Reading>> {
  const questions = Object.entries(tables);
  const folders = questions.map(([table, { log }]) => `${join(copy, table)}${log === undefined ? '' : `=${log}`}`);
  const scans = questions.flatMap(([table, { scan }]) =>
    scan === undefined ? [] : ['--scan', `${join(copy, table)}=${scan.join(',')}`],
  );
  return byTable(JSON.parse(await peerPython([readTable, ...folders, ...scans], options)) as Record<string, Reading>);
}

/** The files of a local copy, as DuckDB finds them by their folders. */
export function duckdbTable(copy: string, table: string): string {
  return `read_parquet('${join(copy, table)}/dt=*/hr=*/*.parquet', hive_partitioning = true)`;
}

/** How many of the files a query has read, by DuckDB's own profile. */
export async function duckdbFiles(lake: Lake, query: string): Promise<string> {
  const [[, profile]] = (await lake.rows(`EXPLAIN (ANALYZE, FORMAT JSON) ${query}`)) as [[string, string]];
  const [, read, all] = /"Scanning Files": "(\d+)\/(\d+)"/.exec(profile) ?? [];
  return `${read} of ${all}`;
}

/** `parquet-cli cat`: a JSON object for each row, with times and decimals as the integers that are stored; long ones as text. */
export async function parquetCliRows(file: string, columns: readonly string[] = []): Promise<unknown[]> {
  const settings = ['-D', 'parquet.avro.write-parquet-uuid=true'];
  const output = await runPeer('parquet/run', [...settings, 'cat', file, ...columns.flatMap((name) => ['-c', name])]);
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line.replaceAll(/: (-?\d{16,})/g, ': "$1"')) as unknown);
}

/** The columns of a file and their types, a line each, as `parquet-cli meta` prints them. */
export async function parquetCliSchema(file: string): Promise<string[]> {
  const output = await runPeer('parquet/run', ['meta', file]);
  const [, body] = /^message \w+ \{\n([\s\S]*?)\n\}/m.exec(output)!;
  return body!.split('\n').map((line) => line.trim().replace(/ = \d+(?=;| \{)/, ''));
}

function sparkCondition([column, from, to]: readonly [string, string, string]): string {
  const folder = `dt = '${from.slice(0, 10)}' and hr = ${Number(from.slice(11, 13))}`;
  return `${folder} and ${column} >= timestamp'${from}' and ${column} < timestamp'${to}'`;
}

function byTable(readings: Record<string, Reading>): Record<string, Reading> {
  return Object.fromEntries(Object.entries(readings).map(([folder, reading]) => [folder.split('/').at(-1)!, reading]));
}
