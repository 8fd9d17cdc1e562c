import { readdir } from 'node:fs/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  inferBatchSchema,
  type ParquetEngineName,
  parquetEngineNames,
  SchemaConflictError,
} from '../../../../src/warehouse/index.ts';
import {
  batchOf,
  declared,
  everything,
  hyparquetRows,
  inferred,
  load,
  recordTimeMs,
  sql,
  sqlRows,
  TestTable,
  wireBatches,
} from './support.ts';

const at = (text: string, more = '') => `{"ts":"${text}"${more}}`;

describe.each(parquetEngineNames)('%s encoder', (name: ParquetEngineName) => {
  let table: TestTable;
  beforeAll(async () => {
    table = await TestTable.open(name);
  });
  afterAll(() => table.close());

  it('writes system columns with 64-bit offsets, in the order of the offsets', async () => {
    const encoder = await table.encoder(declared({ n: 'int64' }), { partition: 2_000_000_000 });
    const baseOffset = 2n ** 53n + 1n;
    const records = [
      { value: '{"n":1}', key: Buffer.from([0, 0xff]), timestamp: recordTimeMs },
      { value: '{"n":2}', key: null, timestamp: recordTimeMs - 1n },
    ];
    const { files, rows } = await load(encoder, records, baseOffset);
    expect(rows).toEqual([
      { n: 1n, _partition: 2_000_000_000, _offset: baseOffset, _timestamp: '2026-11-21T07:30:00.000Z', _key: '00ff' },
      {
        n: 2n,
        _partition: 2_000_000_000,
        _offset: baseOffset + 1n,
        _timestamp: '2026-11-21T07:29:59.999Z',
        _key: null,
      },
    ]);
    expect(files).toHaveLength(1);
    expect(files[0]).toMatchObject({
      folder: 'dt=2026-11-21/hr=07',
      firstOffset: baseOffset,
      lastOffset: baseOffset + 1n,
      rowCount: 2,
      schemaId: 0,
    });
    await encoder.close();
  });

  it('carries offsets across the boundary of 32 bits within one batch', async () => {
    const encoder = await table.encoder(declared({ n: 'int64' }));
    const { rows } = await load(encoder, ['{}', '{}', '{}', '{}'], 2n ** 32n - 2n);
    expect(rows.map((row) => row['_offset'])).toEqual([0n, 1n, 2n, 3n].map((delta) => 2n ** 32n - 2n + delta));
    await encoder.close();
  });

  it('reads the same through another reader of Parquet', async () => {
    const encoder = await table.encoder(
      declared({ s: 'string', i: 'int64', d: 'double', b: 'boolean', t: 'timestamp', day: 'date', x: 'bytes' }),
    );
    const text =
      '{"s":"\u00e9\u{1f600}","i":-9007199254740993,"d":0.1,"b":false,"t":"1969-12-31T23:59:59.999Z","day":"1970-01-02","x":"AQI="}';
    const { files } = await load(encoder, [text, '{}']);
    const [first, second] = await hyparquetRows(files[0]!);
    expect(first).toMatchObject({
      i: -9007199254740993n,
      d: 0.1,
      b: false,
      t: new Date(-1),
      day: new Date(86_400_000),
      _timestamp: new Date(Number(recordTimeMs)),
    });
    expect(first!['s']).toBe('\u00e9\u{1f600}');
    expect(Buffer.from(first!['x'] as Uint8Array).toString('hex')).toBe('0102');
    expect(second).toMatchObject({ s: null, i: null, d: null, b: null, t: null, _offset: 1n });
    await encoder.close();
  });

  it('says UTC milliseconds of every timestamp column', async () => {
    const encoder = await table.encoder(declared({ t: 'timestamp' }));
    const { files } = await load(encoder, ['{}']);
    const types = await sql(
      `SELECT name, type, converted_type, logical_type FROM parquet_schema('${files[0]!.localPath}') WHERE name IN ('t', '_timestamp')`,
    );
    for (const type of types) {
      expect(type).toMatchObject({ type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' });
      expect(type['logical_type']).toMatch(/isAdjustedToUTC=1.*MILLIS=Milli/);
    }
    expect(types).toHaveLength(2);
    await encoder.close();
  });

  it('takes only the offsets it was asked for from a batch', async () => {
    const encoder = await table.encoder(declared({ n: 'int64' }));
    const batch = batchOf(['{"n":0}', 'bad', '{"n":2}', '{"n":3}', 'bad'], { baseOffset: 10n });
    expect(await encoder.append(batch, 12n, 14n)).toEqual({ landedCount: 2, refused: [] });
    expect(await encoder.append(batch, 15n, 20n)).toEqual({ landedCount: 0, refused: [] });
    expect(await encoder.append(batch, 0n, 10n)).toEqual({ landedCount: 0, refused: [] });
    const rows = await sqlRows(await encoder.seal());
    expect(rows.map((row) => row['_offset'])).toEqual([12n, 13n]);
    await encoder.close();
  });

  it('lands nothing of a control batch', async () => {
    const encoder = await table.encoder(inferred);
    const batch = batchOf(['{"n":0}'], { isControl: true });
    expect(await encoder.append(batch, ...everything)).toEqual({ landedCount: 0, refused: [] });
    expect(await encoder.seal()).toEqual([]);
    await encoder.close();
  });

  it('sorts rows into UTC hours by the time field, and tells range and offsets of each file', async () => {
    const encoder = await table.encoder(declared({ n: 'int64' }), { timeField: 'ts', maxFutureMs: 86_400_000 });
    const values = [
      at('2026-11-21T07:00:00Z', ',"n":0'),
      at('2026-11-21T06:59:59.999Z', ',"n":1'),
      '{"n":2,"ts":"2026-11-21T09:30:00.5+02:00"}',
      '{"n":3,"ts":1795240800000}',
      at('2026-11-20T23:15:00-10:00', ',"n":4'),
      at('1969-12-31T23:59:59.999Z', ',"n":5'),
    ];
    const { files, refused } = await load(encoder, values, 50n);
    expect(refused).toEqual([]);
    const facts = files.map(({ folder, firstOffset, lastOffset, rowCount, minTimeMs, maxTimeMs }) => [
      folder,
      firstOffset,
      lastOffset,
      rowCount,
      minTimeMs,
      maxTimeMs,
    ]);
    const seven = BigInt(Date.parse('2026-11-21T07:00:00Z'));
    expect(facts).toEqual([
      ['dt=1969-12-31/hr=23', 55n, 55n, 1, -1n, -1n],
      ['dt=2026-11-21/hr=06', 51n, 53n, 2, seven - 3_600_000n, seven - 1n],
      ['dt=2026-11-21/hr=07', 50n, 52n, 2, seven, seven + 1_800_500n],
      ['dt=2026-11-21/hr=09', 54n, 54n, 1, seven + 8_100_000n, seven + 8_100_000n],
    ]);
    await encoder.close();
  });

  it('refuses records whose event time is missing, broken, or too far ahead', async () => {
    const encoder = await table.encoder(inferred, { timeField: 'ts', maxFutureMs: 60_000 });
    const values = [
      '{}',
      '{"ts":null}',
      '{"ts":"yesterday"}',
      '{"ts":true}',
      '{"ts":1.5}',
      at('2026-11-21T07:31:00.001Z'),
      at('2026-11-21T07:31:00Z'),
    ];
    const { refused, landedCount } = await load(encoder, values);
    expect(refused.map(({ code }) => code)).toEqual([
      'missing-time',
      'missing-time',
      'bad-time',
      'bad-time',
      'bad-time',
      'future-time',
    ]);
    expect(landedCount).toBe(1);
    await encoder.close();
  });

  it('refuses a record timestamp that no calendar holds', async () => {
    const encoder = await table.encoder(inferred);
    const records = [
      { value: '{"a":1}', timestamp: 2n ** 62n },
      { value: '{"a":1}', timestamp: -1n },
      { value: '{"a":1}', timestamp: 0n },
    ];
    const { refused, landedCount } = await load(encoder, records);
    expect(refused.map(({ code }) => code)).toEqual(['bad-time', 'missing-time']);
    expect(landedCount).toBe(1);
    await encoder.close();
  });

  it('infers columns from the first batch and widens by fields that come later', async () => {
    const encoder = await table.encoder(inferred);
    const first = [
      '{"Title":"Jaws","Gross":260000000,"Rating":8}',
      '{"Title":300,"Gross":null,"Rating":7.5,"Tags":["a"]}',
      '{"late":null}',
    ];
    await encoder.append(batchOf(first, { baseOffset: 0n }), ...everything);
    expect(encoder.schema).toMatchObject({
      id: 0,
      mode: 'inferred',
      columns: [
        { name: 'Title', type: 'string' },
        { name: 'Gross', type: 'int64' },
        { name: 'Rating', type: 'double' },
        { name: 'Tags', type: 'json' },
      ],
    });
    const second = [
      '{"Title":true,"late":12345678901234567890}',
      '{"late":1,"Rating":9}',
      '{"Gross":"unknown"}',
      '{"Gross":1.5}',
    ];
    const outcome = await encoder.append(batchOf(second, { baseOffset: 3n }), ...everything);
    expect(outcome.refused.map(({ offset, code }) => [offset, code])).toEqual([
      [5n, 'wrong-type'],
      [6n, 'wrong-type'],
    ]);
    const rows = await sqlRows(await encoder.seal());
    expect(rows.map(({ Title, Gross, Rating, Tags, late }) => ({ Title, Gross, Rating, Tags, late }))).toEqual([
      { Title: 'Jaws', Gross: 260000000n, Rating: 8, Tags: null, late: null },
      { Title: '300', Gross: null, Rating: 7.5, Tags: '["a"]', late: null },
      { Title: null, Gross: null, Rating: null, Tags: null, late: null },
      { Title: 'true', Gross: null, Rating: null, Tags: null, late: '12345678901234567890' },
      { Title: null, Gross: null, Rating: 9, Tags: null, late: '1' },
    ]);
    await encoder.close();
  });

  it('keeps rows of earlier spills when a column comes up later', async () => {
    const small = await TestTable.open(name, { maxEncoderBytes: 1 });
    const encoder = await small.encoder(inferred);
    await encoder.append(batchOf(['{"a":1}', '{"a":2}'], { baseOffset: 0n }), ...everything);
    await encoder.append(batchOf(['{"a":3,"b":"x"}', '{"b":"y"}'], { baseOffset: 2n }), ...everything);
    await encoder.append(batchOf(['{"c":true}'], { baseOffset: 4n }), ...everything);
    expect(encoder.rowCount).toBe(5);
    const rows = await sqlRows(await encoder.seal());
    expect(rows.map(({ a, b, c }) => [a, b, c])).toEqual([
      [1n, null, null],
      [2n, null, null],
      [3n, 'x', null],
      [null, 'y', null],
      [null, null, true],
    ]);
    await encoder.close();
    await small.close();
  });

  it('adopts a wider schema with other columns and another order, and refuses one that lacks or retypes a column', async () => {
    const encoder = await table.encoder(inferred);
    await encoder.append(batchOf(['{"a":1,"b":"x"}']), ...everything);
    const column = (columnName: string, type: 'int64' | 'string' | 'double') => ({
      name: columnName,
      type,
      isRequired: false,
    });
    const base = { id: 7, mode: 'inferred', keyType: 'bytes' } as const;
    expect(() => encoder.adoptSchema({ ...base, columns: [column('a', 'int64')] })).toThrow(SchemaConflictError);
    expect(() => encoder.adoptSchema({ ...base, columns: [column('a', 'double'), column('b', 'string')] })).toThrow(
      SchemaConflictError,
    );
    encoder.adoptSchema({ ...base, columns: [column('z', 'int64'), column('b', 'string'), column('a', 'int64')] });
    await encoder.append(batchOf(['{"z":5}'], { baseOffset: 1n }), ...everything);
    const files = await encoder.seal();
    expect(files[0]!.schemaId).toBe(7);
    const rows = await sqlRows(files);
    expect(Object.keys(rows[0]!)).toEqual(['z', 'b', 'a', '_partition', '_offset', '_timestamp', '_key']);
    expect(rows.map(({ z, b, a }) => [z, b, a])).toEqual([
      [null, 'x', 1n],
      [5n, null, null],
    ]);
    await encoder.append(batchOf(['{"a":2}'], { baseOffset: 2n }), ...everything);
    expect(encoder.schema.id).toBe(7);
    expect((await encoder.seal())[0]!.schemaId).toBe(7);
    await encoder.close();
  });

  it('ignores unknown fields of a declared table and asks for the required ones', async () => {
    const encoder = await table.encoder(declared({ id: 'int64', a: 'string' }, { required: ['id'] }));
    const { rows, refused } = await load(encoder, [
      '{"id":1,"new":[1]}',
      '{"a":"x"}',
      '{"id":null}',
      '{"id":2,"_offset":5,"_id":1}',
    ]);
    expect(refused.map(({ offset, code }) => [offset, code])).toEqual([
      [1n, 'missing-field'],
      [2n, 'missing-field'],
    ]);
    expect(rows.map(({ id, _offset }) => [id, _offset])).toEqual([
      [1n, 0n],
      [2n, 3n],
    ]);
    expect(encoder.schema.columns).toHaveLength(2);
    await encoder.close();
  });

  it('refuses fields of an inferred table whose names cannot be columns, and takes odd names that can', async () => {
    const encoder = await table.encoder(inferred);
    const odd = '{"a b":1,"c\\"d":2,"e.f":3,"constructor":4,"10":5,"_id":6,"\u00e9,;":7,"g`h\'i":8}';
    const values = [
      odd,
      '{"_offset":1}',
      '{"_Key":1}',
      '{"":1}',
      '{"__proto__":1}',
      '{"A B":1}',
      '{"_partition":null,"a b":9}',
    ];
    const { rows, refused } = await load(encoder, values);
    expect(refused.map(({ offset, code }) => [offset, code])).toEqual(
      [1n, 2n, 3n, 4n, 5n].map((offset) => [offset, 'unusable-field']),
    );
    expect(refused[4]!.reason).toMatch(/"A B" differs from the column "a b" only in upper and lower case/);
    expect(rows[0]).toMatchObject({
      'a b': 1n,
      'c"d': 2n,
      'e.f': 3n,
      constructor: 4n,
      10: 5n,
      _id: 6n,
      '\u00e9,;': 7n,
      "g`h'i": 8n,
    });
    expect(rows[1]).toMatchObject({ 'a b': 9n });
    await encoder.close();
  });

  it('stops growing at 1000 columns', async () => {
    const encoder = await table.encoder(inferred);
    const values = Array.from({ length: 1002 }, (_, index) => `{"k${index}":${index}}`);
    const { refused, landedCount } = await encoder.append(batchOf(values), ...everything);
    expect(landedCount).toBe(1000);
    expect(refused.map(({ offset, code }) => [offset, code])).toEqual([
      [1000n, 'unusable-field'],
      [1001n, 'unusable-field'],
    ]);
    await encoder.close();
  });

  it('keeps keys as text where all of the first are text, and refuses others afterwards', async () => {
    const records = [
      { key: 'k\u00e9', value: '{"a":1}' },
      { key: null, value: '{"a":2}' },
    ];
    const schema = inferBatchSchema(wireBatches, batchOf(records));
    expect(schema.keyType).toBe('string');
    const encoder = await table.encoder(schema);
    const { rows, refused } = await load(encoder, [...records, { key: Buffer.from([0xff]), value: '{"a":3}' }]);
    expect(rows.map((row) => row['_key'])).toEqual(['k\u00e9', null]);
    expect(refused.map(({ code }) => code)).toEqual(['key-not-utf8']);
    await encoder.close();
  });

  it('proves a file by its footer and leaves nothing else in the scratch folder', async () => {
    const encoder = await table.encoder(declared({ n: 'int64' }), {
      footerMetadata: { 'sluice.version': "0'1", 'odd "key"': '\u00e9' },
    });
    const { files } = await load(encoder, ['{"n":1}', '{"n":2}'], 5n);
    const file = files[0]!;
    const pairs = await sql(
      `SELECT decode(key) AS key, decode(value) AS value FROM parquet_kv_metadata('${file.localPath}')`,
    );
    expect(Object.fromEntries(pairs.map(({ key, value }) => [key, value]))).toMatchObject({
      'sluice.version': "0'1",
      'odd "key"': '\u00e9',
      'sluice.topic': 'events',
      'sluice.topic-id': 'a'.repeat(32),
      'sluice.partition': '3',
      'sluice.first-offset': '5',
      'sluice.last-offset': '6',
      'sluice.row-count': '2',
      'sluice.min-time-ms': String(recordTimeMs),
      'sluice.content-hash': file.contentHash,
    });
    const folder = file.localPath.slice(0, file.localPath.lastIndexOf('/'));
    expect(await readdir(folder)).toEqual([file.localPath.slice(folder.length + 1)]);
    await encoder.append(batchOf(['{"n":3}'], { baseOffset: 7n }), ...everything);
    await encoder.discard();
    expect(encoder.rowCount).toBe(0);
    expect(await encoder.seal()).toEqual([]);
    expect(await readdir(folder)).toHaveLength(1);
    await encoder.close();
  });

  it('starts anew after a seal, with the same schema', async () => {
    const encoder = await table.encoder(inferred);
    expect((await load(encoder, ['{"a":1}'], 0n)).rows).toHaveLength(1);
    const { rows, files } = await load(encoder, ['{"a":2}', '{"a":"x"}'], 1n);
    expect(rows.map((row) => row['a'])).toEqual([2n]);
    expect(files[0]).toMatchObject({ firstOffset: 1n, lastOffset: 1n, rowCount: 1 });
    await encoder.close();
  });

  it('ends a seal that is aborted and can be discarded then', async () => {
    const encoder = await table.encoder(inferred);
    await encoder.append(batchOf(['{"a":1}']), ...everything);
    await expect(encoder.seal({ signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
    await encoder.discard();
    await encoder.close();
  });

  it.each(['none', 'gzip', 'snappy'] as const)('writes %s', async (codec) => {
    const encoder = await table.encoder(inferred, { codec });
    const { files, rows } = await load(encoder, ['{"a":"x"}', '{"a":"x"}']);
    expect(rows.map((row) => row['a'])).toEqual(['x', 'x']);
    const chunks = await sql(`SELECT DISTINCT compression FROM parquet_metadata('${files[0]!.localPath}')`);
    expect(chunks).toEqual([{ compression: codec === 'none' ? 'UNCOMPRESSED' : codec.toUpperCase() }]);
    await encoder.close();
  });

  it('gives every random object back as an exact JSON reader sees it', async () => {
    const value = fc.record(
      {
        i: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        near: fc.integer({ min: -3, max: 3 }).map((delta) => 2n ** 53n + BigInt(delta)),
        d: fc.double({ noNaN: true, noDefaultInfinity: true }),
        s: fc.string({ unit: 'grapheme' }),
        b: fc.boolean(),
        j: fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 3 }),
      },
      { requiredKeys: [] },
    );
    const rows = fc.sample(value, { numRuns: 300, seed: 20_261_121 });
    const texts = rows.map((row) => toJson(row));
    const encoder = await table.encoder(
      declared({ i: 'int64', near: 'int64', d: 'double', s: 'string', b: 'boolean', j: 'json' }),
    );
    const { rows: came, refused } = await load(encoder, texts);
    expect(refused).toEqual([]);
    const expected = rows.map((row) => ({
      i: null,
      near: null,
      d: null,
      s: null,
      b: null,
      ...row,
      j: row.j === undefined ? null : JSON.stringify(row.j),
    }));
    expect(came.map(({ i, near, d, s, b, j }) => ({ i, near, d, s, b, j }))).toEqual(expected);
    await encoder.close();
  });
});

/** JSON as a producer with 64-bit integers writes it. Doubles have a point or an exponent: an integer's text must be exact. */
function toJson(row: object): string {
  const fields = Object.entries(row).map(([name, value]) => {
    const text =
      typeof value === 'bigint'
        ? String(value)
        : typeof value === 'number'
          ? value.toExponential()
          : JSON.stringify(value);
    return `${JSON.stringify(name)}:${Object.is(value, -0) ? '-0.0' : text}`;
  });
  return `{${fields.join(',')}}`;
}

describe('engines', () => {
  it('declare the codecs they write and refuse the others before anything is written', async () => {
    const table = await TestTable.open('parquetjs');
    await expect(table.encoder(inferred, { codec: 'zstd' })).rejects.toThrow(
      'the Parquet engine parquetjs writes snappy, gzip, none, not zstd',
    );
    await table.close();
  });

  it('write the same rows and the same content hashes', async () => {
    const hashes: string[][] = [];
    for (const name of parquetEngineNames) {
      const table = await TestTable.open(name);
      const encoder = await table.encoder(inferred);
      const { files } = await load(encoder, ['{"a":1,"b":"x"}', '{"b":null,"a":2}']);
      hashes.push(files.map(({ contentHash }) => contentHash));
      await encoder.close();
      await table.close();
    }
    expect(hashes[0]).toEqual(hashes[1]);
  });
});
