// Promise: what the loader lands on a real HDFS is an ordinary partitioned table to Spark and to pyarrow: all rows of the log and no
// others, with the declared types, times as instants in UTC, and the folders as columns.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activityColumns } from '../support/activity-events.ts';
import { sendFile } from '../support/kcat.ts';
import { peerPython, runPeer } from '../support/peers.ts';
import { runSluice } from '../support/sluice-process.ts';
import { WarehouseLab } from '../support/warehouse-lab.ts';

const eventCount = process.env['SLUICE_FULL'] ? 2_000_000 : 400_000;
const readTable = new URL('../support/read_table.py', import.meta.url).pathname;

interface Reading {
  /** Type of every column, in the reader's words. */
  types: Record<string, string>;
  rows: unknown;
}

let lab: WarehouseLab;

beforeAll(async () => {
  lab = await WarehouseLab.open();
});

afterAll(async () => await lab?.close());

/** The table straight from HDFS, by its folder. */
async function readWithSpark(topic: string, ...args: string[]): Promise<Reading> {
  const env = { HDFS_DATA: lab.hdfs.dataDir };
  const options = { timeoutMs: 900_000 };
  const output = await runPeer('spark/read.sh', ['--table', `/warehouse/${topic}`, ...args], env, options);
  return JSON.parse(output.trim().split('\n').at(-1)!) as Reading;
}

/** A copy of the table made by Hadoop's own tool. */
async function readWithPyarrow(topic: string, ...args: string[]): Promise<Reading> {
  const output = await peerPython([readTable, await lab.copyTable(topic), ...args], { timeoutMs: 900_000 });
  return JSON.parse(output) as Reading;
}

describe(`a table of ${eventCount} events in day and hour folders`, () => {
  const topic = 'activity';
  let log: string;

  beforeAll(async () => {
    const columns = join(lab.folder, 'activity.yaml');
    writeFileSync(columns, activityColumns);
    await lab.createTopic(topic);
    await sendFile(lab.bootstrap, topic, await lab.events(eventCount), { codec: 'lz4' });
    const report = await lab.load(topic, '--workers', '4', '--time-field', 'ts', '--columns', columns);
    expect(report).toMatchObject({ rowCount: String(eventCount), deadLetterCount: '0' });
    log = await lab.dumpLog(topic);
  });

  it('is read by Spark, row for row what the log holds', async () => {
    expect(await readWithSpark(topic, '--log', log)).toEqual({
      types: {
        ...{ ts: 'timestamp', user_id: 'bigint', session_id: 'string', event: 'string', url: 'string' },
        ...{ country: 'string', device: 'string', amount: 'double' },
        ...{ _partition: 'int', _offset: 'bigint', _timestamp: 'timestamp', _key: 'string', dt: 'date', hr: 'int' },
      },
      records: eventCount,
      rows: eventCount,
      missing: 0,
      unexpected: 0,
    });
  });

  it('is read by pyarrow, row for row what the log holds', async () => {
    const instant = 'timestamp[ms, tz=UTC]';
    expect(await readWithPyarrow(topic, log)).toEqual({
      types: {
        ...{ ts: instant, user_id: 'int64', session_id: 'string', event: 'string', url: 'string' },
        ...{ country: 'string', device: 'string', amount: 'double' },
        ...{ _partition: 'int32', _offset: 'int64', _timestamp: instant, _key: 'string', dt: 'string', hr: 'int32' },
      },
      records: eventCount,
      rows: eventCount,
      different: [],
    });
  });
});

describe('a table with a column of every type', () => {
  const topic = 'types';
  const types = ['boolean', 'int32', 'int64', 'double', 'string', 'timestamp', 'date', 'json', 'bytes'];
  // The last minute of a day in UTC, which is another day and another hour almost everywhere.
  const values = [
    String.raw`{"c_boolean":true,"c_int32":2147483647,"c_int64":9223372036854775807,"c_double":0.1,"c_string":"漢 😀 \" \n","c_timestamp":"2026-03-29T23:59:59.999Z","c_date":"2026-03-29","c_json":{"a":[1,2.50,null]},"c_bytes":"AP8="}`,
    '{"c_boolean":false,"c_int32":-2147483648,"c_int64":-9223372036854775808,"c_double":-1.5e300,"c_string":"","c_timestamp":"2026-03-29T23:59:59.999+00:00","c_date":"1969-12-31","c_json":[],"c_bytes":""}',
    '{"c_boolean":null,"c_int32":null,"c_int64":null,"c_double":null,"c_string":null,"c_timestamp":"2026-03-30T05:44:59.999+05:45"}',
  ];
  const nothing = Object.fromEntries(types.map((type) => [`c_${type}`, null]));

  beforeAll(async () => {
    const columns = join(lab.folder, 'types.yaml');
    const list = types.map((type) => `  - { name: c_${type}, type: ${type} }\n`).join('');
    writeFileSync(columns, `key: bytes\ncolumns:\n${list}`);
    const lines = values.map((value, i) => `key-${i}\t${value}\n`);
    writeFileSync(join(lab.folder, 'types.tsv'), lines.join(''));
    await lab.createTopic(topic, 1);
    await sendFile(lab.bootstrap, topic, join(lab.folder, 'types.tsv'));
    const report = await lab.load(topic, '--time-field', 'c_timestamp', '--columns', columns);
    expect(report).toMatchObject({ rowCount: '3', deadLetterCount: '0' });
  });

  it('has the same values in Spark', async () => {
    const { types: found, rows } = await readWithSpark(topic);
    expect(types.map((type) => found[`c_${type}`])).toEqual([
      ...['boolean', 'int', 'bigint', 'double', 'string', 'timestamp', 'date', 'string', 'binary'],
    ]);
    expect(found['_key']).toBe('binary');
    const folder = { _partition: 0, dt: '2026-03-29', hr: '23' };
    const micros = String(Date.parse('2026-03-29T23:59:59.999Z') * 1000);
    expect(rows).toMatchObject([
      {
        ...{ ...folder, _offset: 0, c_boolean: 'true', c_int32: '2147483647', c_int64: '9223372036854775807' },
        ...{ c_double: '0.1', c_string: '漢 😀 " \n', c_timestamp: micros, c_date: '2026-03-29' },
        ...{ c_json: '{"a":[1,2.50,null]}', c_bytes: '00FF' },
      },
      {
        ...{ ...folder, _offset: 1, c_boolean: 'false', c_int32: '-2147483648', c_int64: '-9223372036854775808' },
        ...{ c_double: '-1.5E300', c_string: '', c_timestamp: micros, c_date: '1969-12-31', c_json: '[]', c_bytes: '' },
      },
      { ...nothing, ...folder, _offset: 2, c_timestamp: micros },
    ]);
  });

  it('has the same values in pyarrow', async () => {
    const { types: found, rows } = await readWithPyarrow(topic);
    expect(types.map((type) => found[`c_${type}`])).toEqual([
      ...['bool', 'int32', 'int64', 'double', 'string', 'timestamp[ms, tz=UTC]', 'date32[day]', 'string', 'binary'],
    ]);
    const instant = '2026-03-29T23:59:59.999000+00:00';
    const folder = { _partition: 0, dt: '2026-03-29', hr: 23, c_timestamp: instant };
    expect(rows).toMatchObject([
      {
        ...{
          ...folder,
          _offset: 0,
          _key: hex('key-0'),
          c_boolean: true,
          c_int32: 2147483647,
          c_int64: '9223372036854775807',
        },
        ...{ c_double: 0.1 },
        ...{ c_string: '漢 😀 " \n', c_date: '2026-03-29', c_json: '{"a":[1,2.50,null]}', c_bytes: '00FF' },
      },
      {
        ...{
          ...folder,
          _offset: 1,
          _key: hex('key-1'),
          c_boolean: false,
          c_int32: -2147483648,
          c_int64: '-9223372036854775808',
        },
        ...{ c_double: -1.5e300 },
        ...{ c_string: '', c_date: '1969-12-31', c_json: '[]', c_bytes: '' },
      },
      { ...nothing, ...folder, _offset: 2, _key: hex('key-2') },
    ]);
  });
});

describe('a table in folders of the hours of Berlin and of countries, closed while clocks go back', () => {
  const topic = 'clock_change';
  const countries = ['DE', 'a b/c=100%', 'Österreich', 'null', null];
  const found: Reading['rows'][] = [];

  beforeAll(async () => {
    // 01:30, 02:30, 02:30 again, 03:30 and 04:30 on the last Sunday of October.
    const lines = countries.map((country, i) => {
      const ts = new Date(Date.parse('2025-10-25T23:30:00Z') + i * 3_600_000).toISOString();
      return `key-${i}\t${JSON.stringify({ ts, id: i, country })}\n`;
    });
    writeFileSync(join(lab.folder, 'clock-change.tsv'), lines.join(''));
    await lab.createTopic(topic, 1);
    await sendFile(lab.bootstrap, topic, join(lab.folder, 'clock-change.tsv'));
    const layout = ['--zone', 'Europe/Berlin', '--partition-by', 'country'];
    const report = await lab.load(topic, '--time-field', 'ts', ...layout);
    expect(report).toMatchObject({ rowCount: '5', deadLetterCount: '0' });
    const place = ['--brokers', lab.bootstrap, '--warehouse', lab.hdfs.url('/warehouse'), '--json'];
    const { stdout } = await runSluice(['hours', 'close', topic, ...place]);
    expect(JSON.parse(stdout)).toMatchObject({ waiting: [], completed: expect.arrayContaining(['2025-10-26T02']) });
    found.push((await readWithSpark(topic)).rows, (await readWithPyarrow(topic)).rows);
  });

  it.each(['Spark', 'pyarrow'])('is read by %s with the values of the folders as they were sent', (reader) => {
    const rows = found[reader === 'Spark' ? 0 : 1] as {
      id: unknown;
      dt: string;
      hr: unknown;
      country: string | null;
    }[];
    expect(rows.map(({ id, dt, hr, country }) => [Number(id), dt, Number(hr), country])).toEqual(
      countries.map((country, i) => [i, '2025-10-26', [1, 2, 2, 3, 4][i], country]),
    );
  });
});

function hex(text: string): string {
  return Buffer.from(text).toString('hex').toUpperCase();
}
