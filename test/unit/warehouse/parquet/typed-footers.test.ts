import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ColumnType, openParquetEngine, withFieldIds } from '../../../../src/warehouse/index.ts';
import { batchOf, declared, everything, load, sql, TestTable, wireBatches } from './support.ts';

/** name: physical type, converted type, logical type, as DuckDB reads them from the footer. */
async function schemaOf(path: string): Promise<string[]> {
  const elements = await sql(
    `SELECT name, type, type_length, repetition_type, converted_type, logical_type, field_id FROM parquet_schema('${path}')`,
  );
  return elements.map(
    ({
      name,
      type,
      type_length: length,
      repetition_type: repetition,
      converted_type: converted,
      logical_type: logical,
      field_id: id,
    }) =>
      [name, type, length, repetition, converted, logical, id]
        .filter((part) => part !== null)
        .join(' ')
        // DuckDB prints this byte as a character.
        .replace(/bitWidth=(.)/, (_, byte: string) => `bitWidth=${byte.charCodeAt(0)}`),
  );
}

describe('the schema in the footer', () => {
  let table: TestTable;
  beforeAll(async () => {
    table = await TestTable.open('duckdb');
  });
  afterAll(() => table.close());

  it('has the logical types of Parquet for every flat type', async () => {
    const types: ColumnType[] = [
      'int8',
      'uint16',
      'uint64',
      'decimal(4,2)',
      'decimal(18,6)',
      'decimal(38,10)',
      'uuid',
      'fixed(16)',
      'enum(a,b)',
      'json',
      'date',
      'time_ms',
      'time_us',
      'timestamp_us',
      'local_timestamp',
      'local_timestamp_us',
      'float',
    ];
    const encoder = await table.encoder(declared(Object.fromEntries(types.map((type, index) => [`c${index}`, type]))));
    const { files } = await load(encoder, ['{}']);
    expect((await schemaOf(files[0]!.localPath)).slice(1, -4)).toEqual([
      'c0 INT32 OPTIONAL INT_8 IntType(bitWidth=8, isSigned=1)',
      'c1 INT32 OPTIONAL UINT_16 IntType(bitWidth=16, isSigned=0)',
      'c2 INT64 OPTIONAL UINT_64 IntType(bitWidth=64, isSigned=0)',
      'c3 INT32 OPTIONAL DECIMAL DecimalType(scale=2, precision=4)',
      'c4 INT64 OPTIONAL DECIMAL DecimalType(scale=6, precision=18)',
      'c5 FIXED_LEN_BYTE_ARRAY 16 OPTIONAL DECIMAL DecimalType(scale=10, precision=38)',
      'c6 FIXED_LEN_BYTE_ARRAY 16 OPTIONAL UUIDType()',
      'c7 FIXED_LEN_BYTE_ARRAY 16 OPTIONAL',
      'c8 BYTE_ARRAY OPTIONAL ENUM EnumType()',
      'c9 BYTE_ARRAY OPTIONAL UTF8 StringType()',
      'c10 INT32 OPTIONAL DATE DateType()',
      'c11 INT32 OPTIONAL TimeType(isAdjustedToUTC=0, unit=TimeUnit(MILLIS=MilliSeconds(), MICROS=<null>, NANOS=<null>))',
      'c12 INT64 OPTIONAL TimeType(isAdjustedToUTC=0, unit=TimeUnit(MILLIS=<null>, MICROS=MicroSeconds(), NANOS=<null>))',
      'c13 INT64 OPTIONAL TIMESTAMP_MICROS TimestampType(isAdjustedToUTC=1, unit=TimeUnit(MILLIS=<null>, MICROS=MicroSeconds(), NANOS=<null>))',
      'c14 INT64 OPTIONAL TimestampType(isAdjustedToUTC=0, unit=TimeUnit(MILLIS=MilliSeconds(), MICROS=<null>, NANOS=<null>))',
      'c15 INT64 OPTIONAL TimestampType(isAdjustedToUTC=0, unit=TimeUnit(MILLIS=<null>, MICROS=MicroSeconds(), NANOS=<null>))',
      'c16 FLOAT OPTIONAL',
    ]);
    await encoder.close();
  });

  it('has lists of three levels, maps with required keys, and the field ids of the table', async () => {
    const schema = declared({ tags: 'list<string>', by: 'map<string,struct{at: timestamp, n: int8}>' });
    const encoder = await table.encoder({ ...schema, columns: withFieldIds(schema.columns) });
    const { files } = await load(encoder, ['{"tags":["a"]}']);
    expect((await schemaOf(files[0]!.localPath)).slice(1)).toEqual([
      'tags OPTIONAL LIST ListType() 1',
      'list REPEATED',
      'element BYTE_ARRAY OPTIONAL UTF8 StringType() 2',
      'by OPTIONAL MAP MapType() 3',
      'key_value REPEATED',
      'key BYTE_ARRAY REQUIRED UTF8 StringType() 4',
      'value OPTIONAL 5',
      'at INT64 OPTIONAL TIMESTAMP_MILLIS TimestampType(isAdjustedToUTC=1, unit=TimeUnit(MILLIS=MilliSeconds(), MICROS=<null>, NANOS=<null>)) 6',
      'n INT32 OPTIONAL INT_8 IntType(bitWidth=8, isSigned=1) 7',
      '_partition INT32 OPTIONAL 2147480001',
      '_offset INT64 OPTIONAL 2147480002',
      '_timestamp INT64 OPTIONAL TIMESTAMP_MILLIS TimestampType(isAdjustedToUTC=1, unit=TimeUnit(MILLIS=MilliSeconds(), MICROS=<null>, NANOS=<null>)) 2147480003',
      '_key BYTE_ARRAY OPTIONAL 2147480004',
    ]);
    await encoder.close();
  });

  it('has statistics in the order of the logical type, so that a filter on a value finds its row groups', async () => {
    const encoder = await table.encoder(
      declared({ t: 'time_us', u: 'uint32', d: 'decimal(20,1)', x: 'decimal(5,1)', at: 'timestamp_us' }),
    );
    const rows = [
      '{"t":"23:59:59.999999","u":4294967295,"d":"-1.5","x":-99.5,"at":"1969-12-31T23:59:59.999999Z"}',
      '{"t":"00:00:01","u":1,"d":"1000000000000000000","x":1,"at":"2026-11-21T07:30:00Z"}',
    ];
    const { files } = await load(encoder, rows);
    const found = await sql(
      `SELECT path_in_schema AS name, stats_min_value AS low, stats_max_value AS high FROM parquet_metadata('${files[0]!.localPath}') LIMIT 5`,
    );
    expect(found.map(({ name, low, high }) => `${name}: ${low} to ${high}`)).toEqual([
      't: 00:00:01 to 23:59:59.999999',
      'u: 1 to 4294967295',
      'd: -1.5 to 1000000000000000000.0',
      'x: -99.5 to 1.0',
      'at: 1969-12-31 23:59:59.999999+00 to 2026-11-21 07:30:00+00',
    ]);
    await encoder.close();
  });
});

describe('the writer', () => {
  let table: TestTable;
  beforeAll(async () => {
    table = await TestTable.open('duckdb');
  });
  afterAll(() => table.close());

  const rows = Array.from({ length: 5000 }, (_, index) => `{"g":"g${index % 7}","n":${(index * 7919) % 5000}}`);
  const schema = declared({ g: 'string', n: 'int64' });

  it('sorts the rows of a file by columns, nulls last, and keeps the range of the offsets in the footer', async () => {
    const encoder = await table.encoder(schema, { writer: { sortBy: ['g', 'n'] } });
    await encoder.append(batchOf([...rows, '{}'], { baseOffset: 100n }), ...everything);
    const [file] = await encoder.seal();
    const found = await sql(`SELECT g, n FROM read_parquet('${file!.localPath}')`);
    const wanted = [...found].sort((left, right) =>
      left['g'] === right['g']
        ? Number(left['n']) - Number(right['n'])
        : String(left['g']) < String(right['g'])
          ? -1
          : 1,
    );
    expect(found.slice(0, -1)).toEqual(wanted.filter(({ g }) => g !== null));
    expect(found.at(-1)).toEqual({ g: null, n: null });
    expect(file).toMatchObject({ firstOffset: 100n, lastOffset: 5100n, rowCount: 5001 });
    const unsorted = await table.encoder(schema);
    await unsorted.append(batchOf([...rows, '{}'], { baseOffset: 100n }), ...everything);
    expect((await unsorted.seal())[0]!.contentHash).toBe(file!.contentHash);
    await encoder.close();
    await unsorted.close();
  });

  it('writes row groups of the size, with or without dictionaries and bloom filters, as asked', async () => {
    const facts = async (options: Parameters<TestTable['encoder']>[1]) => {
      const encoder = await table.encoder(schema, options);
      await encoder.append(batchOf(rows), ...everything);
      const [file] = await encoder.seal();
      await encoder.close();
      const chunks = await sql(`SELECT * FROM parquet_metadata('${file!.localPath}') WHERE path_in_schema = 'g'`);
      return chunks.map((chunk) => ({
        rows: chunk['row_group_num_rows'],
        encodings: chunk['encodings'],
        hasBloomFilter: chunk['bloom_filter_offset'] !== null,
      }));
    };
    expect(await facts({ rowGroupRows: 2048 })).toEqual([
      { rows: 2048n, encodings: 'PLAIN_DICTIONARY', hasBloomFilter: true },
      { rows: 2048n, encodings: 'PLAIN_DICTIONARY', hasBloomFilter: true },
      { rows: 904n, encodings: 'PLAIN_DICTIONARY', hasBloomFilter: true },
    ]);
    expect(await facts({ writer: { bloomFilters: false } })).toMatchObject([
      { encodings: 'PLAIN_DICTIONARY', hasBloomFilter: false },
    ]);
    const [plain] = await facts({ writer: { dictionary: false } });
    expect(plain).toMatchObject({ hasBloomFilter: false });
    expect(plain!.encodings).not.toContain('DICTIONARY');
  });

  it('makes smaller files with a higher level of zstd', async () => {
    const sizes: number[] = [];
    const texts = Array.from(
      { length: 5000 },
      (_, index) => `{"g":"page ${(index * index) % 977} of user ${index % 613} in level ${index}"}`,
    );
    for (const codecLevel of [1, 19]) {
      const encoder = await table.encoder(schema, { codec: 'zstd', writer: { codecLevel, dictionary: false } });
      await encoder.append(batchOf(texts), ...everything);
      sizes.push((await encoder.seal())[0]!.size);
      await encoder.close();
    }
    expect(sizes[1]).toBeLessThan(sizes[0]!);
  });

  it('refuses what an engine cannot write before anything is written', async () => {
    const parquetjs = openParquetEngine('parquetjs', { batches: wireBatches });
    const duckdb = openParquetEngine('duckdb', { batches: wireBatches });
    const problems = (types: Record<string, string>, writer = {}, codec: 'zstd' | 'snappy' = 'snappy') =>
      [parquetjs, duckdb].map((engine) => engine.problemOf(declared(types), { writer, codec }));
    expect(problems({ a: 'list<int64>' })).toEqual([
      'the Parquet engine parquetjs cannot write the column "a": list<int64> (use the engine duckdb)',
      null,
    ]);
    expect(problems({ a: 'struct{b: fixed(7)}' })[1]).toMatch(
      /cannot write the column "a": fixed\(7\) \(only fixed\(16\)/,
    );
    expect(problems({ a: 'fixed(7)' })[0]).toBeNull();
    expect(problems({ a: 'int64' }, { sortBy: ['a'] })[0]).toMatch(/cannot write sorted rows/);
    expect(problems({ a: 'int64' }, { sortBy: ['b'] })[1]).toMatch(/no column "b" to sort by/);
    expect(problems({ a: 'int64' }, { codecLevel: 3 })[1]).toMatch(/a level for the codec snappy \(only for zstd\)/);
    expect(problems({ a: 'int64' }, {}, 'zstd')[0]).toBe(
      'the Parquet engine parquetjs writes snappy, gzip, none, not zstd',
    );
    await expect(table.encoder(declared({ a: 'fixed(7)' }))).rejects.toThrow(/fixed\(7\)/);
    await parquetjs.close();
    await duckdb.close();
  });
});
