// Promise: what the loader lands on a real HDFS is an ordinary partitioned table to Spark, pyarrow, DuckDB and parquet-java: all rows
// of the log and no others, with the declared types, times as instants in UTC, the folders as columns, and a filter on a time
// reads only the files and row groups that can hold it.
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activityColumns } from '../support/activity-events.ts';
import { sendFile } from '../support/kcat.ts';
import {
  emptyRow,
  highestRow,
  identityRecords,
  inDuckdb,
  lastMinute,
  lowestRow,
  readerTypes,
  signedBytes,
  startingWith,
  typedRecords,
} from '../support/reader-types.ts';
import { runSluice } from '../support/sluice-process.ts';
import {
  duckdbFiles,
  duckdbTable,
  parquetCliRows,
  parquetCliSchema,
  type Question,
  type Reading,
  readWithPyarrow,
  readWithSpark,
} from '../support/table-readers.ts';
import { WarehouseLab } from '../support/warehouse-lab.ts';

const eventCount = process.env['SLUICE_FULL'] ? 2_000_000 : 150_000;
const folder = { dt: '2026-03-29', hr: '23' };
/** 01:30, 02:30, 02:30 again, 03:30 and 04:30 on the last Sunday of October in Berlin. */
const countries = ['DE', 'a b/c=100%', 'Österreich', 'null', null];
const minutes = ['at', '2026-03-29T23:10:00+00:00', '2026-03-29T23:20:00+00:00'] as const;
const minuteRows = { total: 20_000, everyMs: 360, found: 1667 };

let lab: WarehouseLab;
let copy: string;
let spark: Record<string, Reading>;
let pyarrow: Record<string, Reading>;

const questions: Record<string, Question> = {
  ...{ activity: {}, types: {}, clock_change: {}, minutes: { scan: minutes } },
  identities: { schema: '_offset bigint, at timestamp, c_uuid binary, c_time_ms int, c_time_us bigint' },
};

// Several steps, each with its own time limit.
beforeAll(async () => {
  lab = await WarehouseLab.open();
});
beforeAll(async () => {
  questions['activity'] = { log: await loadActivity() };
});
beforeAll(async () => {
  await loadOthers();
  await loadClockChange();
  copy = join(lab.folder, 'copy');
  await lab.hdfs.dfs('-get', '/warehouse', copy);
});
beforeAll(async () => {
  spark = await readWithSpark(lab, questions);
});
beforeAll(async () => {
  pyarrow = await readWithPyarrow(copy, questions);
  await lab.lake.rows("SET TimeZone = 'UTC'");
});

afterAll(async () => await lab?.close());

async function loadActivity(): Promise<string> {
  const columns = join(lab.folder, 'activity.yaml');
  writeFileSync(columns, activityColumns);
  await lab.createTopic('activity');
  await sendFile(lab.bootstrap, 'activity', await lab.events(eventCount), { codec: 'lz4' });
  const report = await lab.load('activity', '--workers', '4', '--time-field', 'ts', '--columns', columns);
  expect(report).toMatchObject({ rowCount: String(eventCount), deadLetterCount: '0' });
  return await lab.dumpLog('activity');
}

/** Three topics with a contract for each: all types, those that not every reader can infer, and two hours in small row groups. */
async function loadOthers(): Promise<void> {
  const contract = join(lab.folder, 'contract.json');
  const at = { name: 'at', type: 'timestamp' };
  const topics = {
    types: { columns: readerTypes.map(([name, type]) => ({ name, type })) },
    identities: { columns: [at, ...['uuid', 'time_ms', 'time_us'].map((type) => ({ name: `c_${type}`, type }))] },
    minutes: { columns: [at, { name: 'id', type: 'int64' }], parquet: { rowGroupRows: 2048 } },
  };
  writeFileSync(contract, JSON.stringify({ topics }));
  const begin = Date.parse('2026-03-29T22:00:00Z');
  const minuteRecords = Array.from({ length: minuteRows.total }, (_, id) =>
    JSON.stringify({ at: begin + id * minuteRows.everyMs, id }),
  );
  await send('types', typedRecords);
  await send('identities', identityRecords);
  await send('minutes', minuteRecords);
  // However slow the machine is: one file an hour.
  const settings = ['--time-field', 'at', '--columns', contract, '--roll-age', '1h'];
  const report = await lab.load('types,identities,minutes', ...settings);
  const rowCount = typedRecords.length + identityRecords.length + minuteRows.total;
  expect(report).toMatchObject({ rowCount: String(rowCount), deadLetterCount: '0' });
}

async function loadClockChange(): Promise<void> {
  const records = countries.map((country, i) => {
    const ts = new Date(Date.parse('2025-10-25T23:30:00Z') + i * 3_600_000).toISOString();
    return JSON.stringify({ ts, id: i, country });
  });
  await send('clock_change', records);
  const layout = ['--zone', 'Europe/Berlin', '--partition-by', 'country'];
  const report = await lab.load('clock_change', '--time-field', 'ts', ...layout);
  expect(report).toMatchObject({ rowCount: '5', deadLetterCount: '0' });
  const place = ['--brokers', lab.bootstrap, '--warehouse', lab.hdfs.url('/warehouse'), '--json'];
  const { stdout } = await runSluice(['hours', 'close', 'clock_change', ...place]);
  expect(JSON.parse(stdout)).toMatchObject({ waiting: [], completed: expect.arrayContaining(['2025-10-26T02']) });
}

async function send(topic: string, records: readonly string[]): Promise<void> {
  const file = join(lab.folder, `${topic}.tsv`);
  writeFileSync(file, records.map((record, i) => `key-${i}\t${record}\n`).join(''));
  await lab.createTopic(topic, 1);
  await sendFile(lab.bootstrap, topic, file);
}

/** The only data file of a table of one hour. */
function onlyFile(table: string): string {
  const hour = join(copy, table, 'dt=2026-03-29/hr=23');
  const files = readdirSync(hour).filter((name) => name.startsWith('part+'));
  expect(files).toHaveLength(1);
  return join(hour, files[0]!);
}

describe(`a table of ${eventCount} events in day and hour folders`, () => {
  it('is read by Spark, row for row what the log holds', () => {
    expect(spark['activity']).toEqual({
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

  it('is read by pyarrow, row for row what the log holds', () => {
    const instant = 'timestamp[ms, tz=UTC]';
    expect(pyarrow['activity']).toEqual({
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
  const rows = [highestRow, lowestRow, emptyRow].map((row, offset) => ({ ...row, ...folder, _offset: String(offset) }));

  it('has the same types and values in Spark', () => {
    const { types: found, rows: read } = spark['types']!;
    expect(found).toMatchObject(Object.fromEntries(readerTypes.map(([name, , type]) => [name, type])));
    expect(read).toMatchObject(rows);
  });

  it('has the same types and values in pyarrow', () => {
    const { types: found, rows: read } = pyarrow['types']!;
    expect(found).toMatchObject(Object.fromEntries(readerTypes.map(([name, , , type]) => [name, type])));
    // To Arrow an enum is binary.
    const enums = ['red', 'green', null].map((c_enum) => ({ c_enum: c_enum === null ? null : hex(c_enum) }));
    expect(read).toMatchObject(rows.map((row, i) => ({ ...row, ...enums[i] })));
  });

  it('has the same types and values in DuckDB', async () => {
    const table = duckdbTable(copy, 'types');
    const described = await lab.lake.rows(`SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM ${table})`);
    expect(Object.fromEntries(described)).toMatchObject(
      Object.fromEntries(readerTypes.map(([name, , , , type]) => [name, type])),
    );
    const names = readerTypes.map(([name]) => name);
    const read = await lab.lake.rows(`SELECT ${names.map((name) => `"${name}"`)} FROM ${table} ORDER BY _offset`);
    expect(read).toEqual(rows.map((row) => names.map((name) => inDuckdb(name, row[name as keyof typeof row]))));
  });

  it('has the same types and values in parquet-java', async () => {
    const file = onlyFile('types');
    const columns = (await parquetCliSchema(file)).filter((line) => line.startsWith('optional'));
    const written = readerTypes.map(([name, , , , , stored]) => {
      const [type, logical] = stored.split(/ (?=\()/);
      return `optional ${type} ${name}${logical === undefined ? '' : ` ${logical}`}`;
    });
    for (const line of written) expect(columns).toContainEqual(expect.stringMatching(startingWith(line)));
    // Its command line shows no list of three levels, whoever wrote it.
    const shown = readerTypes.map(([name]) => name).filter((name) => name !== 'c_list' && name !== 'c_struct');
    expect(await parquetCliRows(file, shown)).toEqual([
      {
        ...{ c_boolean: true, c_int8: 127, c_int16: 32767, c_int32: 2147483647, c_int64: '9223372036854775807' },
        ...{ c_uint8: 255, c_uint16: 65535, c_uint32: -1, c_uint64: -1, c_float: 1.5, c_double: 0.1 },
        ...{ c_decimal9: 123456789, c_decimal18: '123456789012345678' },
        c_decimal38: signedBytes(12345678901234567890123456780123456789n),
        ...{ c_string: '漢 😀 " \n', c_json: '{"a":[1,2.50,null]}', c_enum: 'red', c_bytes: '\u0000ÿ' },
        ...{ c_fixed: Array.from({ length: 16 }, (_, i) => i), c_date: 20541, at: 1774828799999 },
        ...{ c_micros: '1774828799999999', c_local: 1774751400001, c_local_us: '1774751400000001' },
        c_map: { a: '1774828799999999', b: null },
      },
      {
        ...{ c_boolean: false, c_int8: -128, c_int16: -32768, c_int32: -2147483648, c_int64: '-9223372036854775808' },
        ...{ c_uint8: 0, c_uint16: 0, c_uint32: 0, c_uint64: 0, c_float: -0.125, c_double: -1.5e300 },
        ...{ c_decimal9: -1, c_decimal18: '-123456789012345678', c_decimal38: signedBytes(-1n), c_string: '' },
        ...{ c_json: '[]', c_enum: 'green', c_bytes: '', c_fixed: Array(16).fill(-1), c_date: -1, at: 1774828799999 },
        ...{ c_micros: -1, c_local: -1, c_local_us: -1, c_map: {} },
      },
      { ...Object.fromEntries(shown.map((name) => [name, null])), at: 1774828799999 },
    ]);
  });

  it('and identities and times of day as well, which Spark is told the types of', async () => {
    const uuid = '123e4567-e89b-12d3-a456-426614174000';
    const bytes = uuid.replaceAll('-', '').toUpperCase();
    expect(spark['identities']!.rows).toEqual([
      {
        ...{ _offset: '0', at: `${lastMinute}000`, c_uuid: bytes, c_time_ms: '86399999', c_time_us: '86399999999' },
        ...folder,
      },
      { _offset: '1', at: `${lastMinute}000`, c_uuid: null, c_time_ms: null, c_time_us: null, ...folder },
    ]);
    expect(pyarrow['identities']).toMatchObject({
      types: { c_uuid: 'fixed_size_binary[16]', c_time_ms: 'time32[ms]', c_time_us: 'time64[us]' },
      rows: [
        { c_uuid: bytes, c_time_ms: '23:59:59.999000', c_time_us: '23:59:59.999999' },
        { c_uuid: null, c_time_ms: null, c_time_us: null },
      ],
    });
    const query = `SELECT c_uuid, typeof(c_uuid), c_time_ms, c_time_us FROM ${duckdbTable(copy, 'identities')} LIMIT 1`;
    expect(await lab.lake.rows(query)).toEqual([[uuid, 'UUID', '23:59:59.999', '23:59:59.999999']]);
    expect(await parquetCliRows(onlyFile('identities'), ['c_uuid', 'c_time_ms', 'c_time_us'])).toEqual([
      { c_uuid: uuid, c_time_ms: 86399999, c_time_us: 86399999999 },
      { c_uuid: null, c_time_ms: null, c_time_us: null },
    ]);
  });
});

describe('a filter on ten minutes of a table of two hours', () => {
  // Ten minutes are 1667 rows of 20,000; a row group has 2048, and a file five of them.
  it.each(['Spark', 'pyarrow'])('makes %s read one file, and two of its row groups', (reader) => {
    const { scan } = (reader === 'Spark' ? spark : pyarrow)['minutes']!;
    expect(scan).toMatchObject({ files: 1, rows: minuteRows.found });
    expect(scan!.rowsRead).toBeLessThanOrEqual(3 * 2048);
  });

  it('makes DuckDB read one file, and the statistics that it finds leave two row groups of ten', async () => {
    const [, from, to] = minutes;
    const [begin, end] = [`TIMESTAMPTZ '${from}'`, `TIMESTAMPTZ '${to}'`];
    const hour = `SELECT id FROM ${duckdbTable(copy, 'minutes')} WHERE dt = '2026-03-29' AND hr = 23`;
    const filtered = `${hour} AND "at" >= ${begin} AND "at" < ${end}`;
    expect(await lab.lake.rows(`SELECT count(*) FROM (${filtered})`)).toEqual([[String(minuteRows.found)]]);
    expect(await duckdbFiles(lab.lake, filtered)).toBe('1 of 2');
    const isPossible = `stats_max_value::TIMESTAMPTZ >= ${begin} AND stats_min_value::TIMESTAMPTZ < ${end}`;
    const files = join(copy, 'minutes', 'dt=*/hr=*/*.parquet');
    const groups = `FROM parquet_metadata('${files}') WHERE path_in_schema = 'at'`;
    expect(await lab.lake.rows(`SELECT count(*), count(*) FILTER (WHERE ${isPossible}) ${groups}`)).toEqual([
      ['10', '2'],
    ]);
  });
});

describe('a table in folders of the hours of Berlin and of countries, closed while clocks go back', () => {
  it.each(['Spark', 'pyarrow'])('is read by %s with the values of the folders as they were sent', (reader) => {
    const { rows } = (reader === 'Spark' ? spark : pyarrow)['clock_change']!;
    expect(
      (rows as Record<string, unknown>[]).map(({ id, dt, hr, country }) => [Number(id), dt, Number(hr), country]),
    ).toEqual(countries.map((country, i) => [i, '2025-10-26', [1, 2, 2, 3, 4][i], country]));
  });
});

function hex(text: string): string {
  return Buffer.from(text).toString('hex').toUpperCase();
}
