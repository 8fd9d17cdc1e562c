// Promises: a table can be partitioned by fields besides the time; readers that discover folders get the very values back, and a
// field whose values never end does not make files without end. Out-of-order data makes one file per hour, not one per change.
// (Pains 3 and 13 of docs/why.md.)
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkPartitionBy, type SealedFile, splitPartitionColumns } from '../../../../src/warehouse/index.ts';
import { folderValue } from '../../../../src/warehouse/table/partition-columns.ts';
import { seededRandom } from '../../../support/seeded-random.ts';
import { batchOf, declared, everything, inferred, load, recordTimeMs, sql, TestTable } from './support.ts';

let table: TestTable;
let serial = 0;

beforeAll(async () => {
  table = await TestTable.open('duckdb');
});

afterAll(async () => await table.close());

/** The rows as a reader of Hive-style folders sees them. */
async function discovered(files: readonly SealedFile[], columns: string): Promise<Record<string, unknown>[]> {
  const root = join(table.directory, `table-${serial++}`);
  for (const [i, { localPath, folder }] of files.entries()) {
    const path = join(root, folder, `part+${i}.parquet`);
    mkdirSync(dirname(path), { recursive: true });
    copyFileSync(localPath, path);
  }
  return await sql(
    `SELECT ${columns} FROM read_parquet('${root}/**/*.parquet', hive_partitioning = true, hive_types_autocast = false) ORDER BY _offset`,
  );
}

describe('a table partitioned by country', () => {
  const layout = { partitionBy: ['country'] };
  const row = (country: unknown): string => JSON.stringify({ id: serial++, country });

  it('has a folder per value, and no column of that name in its files', async () => {
    const encoder = await table.encoder(inferred, { layout });
    const { files, rows, refused } = await load(encoder, [row('DE'), row('FR'), row('DE'), row(null), '{"id":7}']);
    expect(refused).toEqual([]);
    expect(files.map(({ folder, rowCount }) => [folder, rowCount]).sort()).toEqual([
      ['dt=2026-11-21/hr=07/country=DE', 2],
      ['dt=2026-11-21/hr=07/country=FR', 1],
      ['dt=2026-11-21/hr=07/country=__HIVE_DEFAULT_PARTITION__', 2],
    ]);
    expect(Object.keys(rows[0]!)).not.toContain('country');
    expect(
      (await discovered(files, 'country, dt, hr')).map((found) => [found['country'], found['dt'], found['hr']]),
    ).toEqual(['DE', 'FR', 'DE', null, null].map((country) => [country, '2026-11-21', '07']));
  });

  it('gives back every text that a folder can carry, whatever is in it', async () => {
    const texts = [
      ...[
        'a b',
        'a/b',
        'a=b',
        '100%',
        '%41',
        "O'Hara",
        'a+b',
        'x:y',
        '.',
        '..',
        '_a',
        '#?*[]{}^"\\',
        'Ü',
        '漢字',
        '😀',
      ],
      ...['null', 'NULL', ' ', 'a\tb', '01', 'true', 'é'],
    ];
    const encoder = await table.encoder(inferred, { layout });
    const { files, refused } = await load(encoder, texts.map(row));
    expect(refused).toEqual([]);
    expect((await discovered(files, 'country')).map(({ country }) => country)).toEqual(texts);
    for (const { folder } of files) expect(folder.split('/')).toHaveLength(3);
  });

  it('encodes as Hive, Spark, pyarrow and DuckDB decode: ASCII by percent, the rest as it is', () => {
    expect(folderValue('a b/ü%')).toBe('a%20b%2Fü%25');
  });

  it('refuses what would be read back as something else', async () => {
    const encoder = await table.encoder(inferred, { layout });
    const values = ['', '__HIVE_DEFAULT_PARTITION__', 'x'.repeat(300), 1.5, 1e300, [1], { a: 1 }, '\ud800'];
    const { refused, landedCount } = await load(encoder, [...values.map(row), '{"country":"DE"', '[]', null]);
    expect(landedCount).toBe(0);
    expect(refused.map(({ code }) => code)).toEqual([
      ...[
        'partition-value',
        'partition-value',
        'partition-value',
        'wrong-type',
        'wrong-type',
        'wrong-type',
        'wrong-type',
      ],
      ...['lone-surrogate', 'not-json', 'not-object', 'tombstone'],
    ]);
  });

  it('takes integers and booleans as their text, and holds declared fields to their types', async () => {
    const free = await table.encoder(inferred, { layout });
    expect(
      (await load(free, [row(12), row(-0), row(true)])).files.map(({ folder }) => folder.split('=').at(-1)),
    ).toEqual([...['0', '12', 'true']]);
    const schema = declared({ id: 'int64', country: 'int8', day: 'date' }, { required: ['country'] });
    const { schema: columns, columns: partitionColumns } = splitPartitionColumns(schema, ['country', 'day']);
    expect(columns.columns.map(({ name }) => name)).toEqual(['id']);
    const encoder = await table.encoder(columns, { layout: { partitionBy: ['country', 'day'] }, partitionColumns });
    const days = ['2026-02-28', '2026-02-30'].map((day) => JSON.stringify({ id: 1, day, country: 1 }));
    const { files, refused } = await load(encoder, [...days, row(127), row(128), row('DE'), row(null), '{"id":1}']);
    expect(files.map(({ folder }) => folder.split('/').slice(2).join('/')).sort()).toEqual([
      'country=1/day=2026-02-28',
      'country=127/day=__HIVE_DEFAULT_PARTITION__',
    ]);
    expect(refused.map(({ code }) => code)).toEqual([
      ...['wrong-type', 'wrong-type', 'wrong-type', 'missing-field', 'missing-field'],
    ]);
  });

  it('does not make more folders than were allowed; further values are dead letters until the next roll', async () => {
    const encoder = await table.encoder(inferred, { layout: { partitionBy: ['user'], maxPartitionValues: 10 } });
    const rows = Array.from({ length: 100 }, (_, i) => JSON.stringify({ id: i, user: i % 25 }));
    const { files, refused, landedCount } = await load(encoder, rows);
    expect([files.length, landedCount, refused.length]).toEqual([10, 40, 60]);
    expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(['too-many-partition-values']));
    expect((await load(encoder, [JSON.stringify({ id: 1, user: 24 })], 100n)).landedCount).toBe(1);
  });

  it.each([
    [['dt'], 'has a folder or column of that name'],
    [['_offset'], 'of letters, digits and _'],
    [['_key'], 'of letters, digits and _'],
    [['a b'], 'of letters, digits and _'],
    [['a', 'A'], 'has a folder or column of that name'],
  ])('cannot be partitioned by %j', (partitionBy, why) => {
    expect(() => checkPartitionBy({ partitionBy, pathFormat: 'dt=yyyy-MM-dd/hr=HH' })).toThrow(why);
  });

  it('cannot be partitioned by a type without one text per value', () => {
    expect(() => splitPartitionColumns(declared({ amount: 'double' }), ['amount'])).toThrow('of type double');
  });
});

describe('out-of-order data', () => {
  it('over sixty hours makes one file an hour, however often the hour changes, within the memory it was given', async () => {
    const seed = Number(process.env['SEED'] ?? 7);
    console.info(`seed ${seed}`);
    const random = seededRandom(seed);
    const small = await TestTable.open('duckdb', { maxEncoderBytes: 1024 * 1024 });
    const hours = 60;
    const encoder = await small.encoder(declared({ id: 'int64', at: 'timestamp', text: 'string' }), {
      timeField: 'at',
      maxFutureMs: 1e12,
    });
    const expected = new Map<number, number>();
    let largest = 0;
    for (let base = 0; base < 12_000; base += 500) {
      const values = Array.from({ length: 500 }, (_, i) => {
        const hour = Math.floor(random() * hours);
        expected.set(hour, (expected.get(hour) ?? 0) + 1);
        return JSON.stringify({ id: base + i, at: Number(recordTimeMs) + hour * 3_600_000, text: 'x'.repeat(200) });
      });
      await encoder.append(batchOf(values, { baseOffset: BigInt(base) }), ...everything);
      largest = Math.max(largest, encoder.memoryBytes);
    }
    expect(encoder.folderCount).toBe(hours);
    // What the open folders hold at least, and a slice of a batch, come on top of the megabyte.
    expect(largest).toBeLessThan(4 * 1024 * 1024);
    const files = await encoder.seal();
    expect(files).toHaveLength(hours);
    expect(files.map(({ rowCount }) => rowCount)).toEqual(
      [...expected].sort(([a], [b]) => a - b).map(([, count]) => count),
    );
    await small.close();
  });

  it('over a change of clocks fills the folder of the repeated hour from both its halves', async () => {
    const start = Date.parse('2026-10-25T00:00:00Z');
    const encoder = await table.encoder(declared({ at: 'timestamp' }), {
      ...{ timeField: 'at', maxFutureMs: 1e12, layout: { zone: 'Europe/Berlin' } },
    });
    const minutes = [10, 70, 20, 80, 130, 30]; // 02:10, 02:10 again, 02:20, 02:20 again, 03:10, 02:30
    const values = minutes.map((minute) => JSON.stringify({ at: start + minute * 60_000 }));
    const { files } = await load(encoder, values);
    expect(files.map(({ folder, rowCount }) => [folder, rowCount])).toEqual([
      ['dt=2026-10-25/hr=02', 5],
      ['dt=2026-10-25/hr=03', 1],
    ]);
  });
});
