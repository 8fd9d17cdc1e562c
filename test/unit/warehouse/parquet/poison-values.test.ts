import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ParquetEngineName, parquetEngineNames } from '../../../../src/warehouse/index.ts';
import { batchOf, declared, everything, inferred, load, recordTimeMs, sqlRows, TestTable } from './support.ts';

/**
 * Every kind of bad or odd value, in one table for both engines: it lands exactly as said, or it is refused with that code.
 * `lands`: the cell of column `v` as DuckDB reads it back. Good neighbours before and behind must land in any case.
 */
interface Poison {
  name: string;
  type: string;
  value: string | Buffer | null;
  lands?: unknown;
  refused?: string;
}

const field = (json: string) => `{"v":${json}}`;
const megabyte = 'x'.repeat(1 << 20);

const poison: Poison[] = [
  { name: 'a null value', type: 'string', value: null, refused: 'tombstone' },
  { name: 'an empty value', type: 'string', value: '', refused: 'empty' },
  { name: 'white space only', type: 'string', value: ' \n', refused: 'empty' },
  { name: 'JSON null', type: 'string', value: 'null', refused: 'not-object' },
  { name: 'a bare number', type: 'string', value: '42', refused: 'not-object' },
  { name: 'a bare string', type: 'string', value: '"v"', refused: 'not-object' },
  { name: 'an array', type: 'string', value: '[{"v":"a"}]', refused: 'not-object' },
  { name: 'broken JSON', type: 'string', value: '{"v":"a"', refused: 'not-json' },
  { name: 'two objects in one value', type: 'string', value: '{"v":"a"}{"v":"b"}', refused: 'not-json' },
  { name: 'a trailing comma', type: 'string', value: '{"v":"a",}', refused: 'not-json' },
  { name: 'trailing garbage', type: 'string', value: '{"v":"a"} x', refused: 'not-json' },
  { name: 'single quotes', type: 'string', value: "{'v':'a'}", refused: 'not-json' },
  { name: 'plain text', type: 'string', value: 'hello', refused: 'not-json' },
  { name: 'a byte order mark', type: 'string', value: '\ufeff{"v":"a"}', refused: 'not-json' },
  { name: 'UTF-16', type: 'string', value: Buffer.from('\ufeff{"v":"a"}', 'utf16le'), refused: 'not-utf8' },
  { name: 'random bytes', type: 'string', value: Buffer.from([0, 0xff, 0x13, 0x37]), refused: 'not-utf8' },
  {
    name: 'a string that is not UTF-8',
    type: 'string',
    value: Buffer.from([...Buffer.from('{"v":"'), 0xc3, 0x28, ...Buffer.from('"}')]),
    refused: 'not-utf8',
  },
  {
    name: 'bytes that are not UTF-8 in an ignored field',
    type: 'string',
    value: Buffer.from([...Buffer.from('{"v":"a","w":"'), 0xff, ...Buffer.from('"}')]),
    refused: 'not-utf8',
  },
  { name: 'a lone surrogate', type: 'string', value: field('"\\ud800"'), refused: 'lone-surrogate' },
  {
    name: 'a lone surrogate inside nested JSON',
    type: 'json',
    value: field('{"a":["\\udc00"]}'),
    refused: 'lone-surrogate',
  },
  { name: 'a surrogate pair', type: 'string', value: field('"\\ud83d\\ude00!"'), lands: '\u{1f600}!' },
  { name: 'NUL in a string', type: 'string', value: field('"a\\u0000b"'), lands: 'a\u0000b' },
  { name: 'NUL as a raw byte', type: 'string', value: field('"a\u0000b"'), refused: 'not-json' },
  { name: 'an empty string', type: 'string', value: field('""'), lands: '' },
  {
    name: 'quotes, commas and line ends in a string',
    type: 'string',
    value: field('"a\\"b,c\\r\\n\'d\\\\"'),
    lands: 'a"b,c\r\n\'d\\',
  },
  { name: 'the text NULL', type: 'string', value: field('"NULL"'), lands: 'NULL' },
  { name: 'a field of a megabyte', type: 'string', value: field(JSON.stringify(megabyte)), lands: megabyte },
  { name: 'a duplicate field', type: 'string', value: '{"v":"a","v":"b"}', refused: 'duplicate-field' },
  {
    name: 'a duplicate field spelled with an escape',
    type: 'string',
    value: '{"v":"a","\\u0076":"b"}',
    refused: 'duplicate-field',
  },
  { name: 'a duplicate ignored field', type: 'string', value: '{"v":"a","w":1,"w":1}', refused: 'duplicate-field' },
  { name: 'a field name spelled with an escape', type: 'string', value: '{"\\u0076":"a"}', lands: 'a' },
  {
    name: 'nesting 10,000 deep',
    type: 'json',
    value: field(`${'['.repeat(10_000)}${']'.repeat(10_000)}`),
    refused: 'too-deep',
  },
  {
    name: 'nesting 10,000 deep in an ignored field',
    type: 'string',
    value: `{"v":"a","w":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}`,
    refused: 'too-deep',
  },
  {
    name: 'nesting 300 deep',
    type: 'json',
    value: field(`${'['.repeat(300)}${']'.repeat(300)}`),
    lands: `${'['.repeat(300)}${']'.repeat(300)}`,
  },
  { name: 'nested JSON', type: 'json', value: field('{"a" : [1, {"b":null}]}'), lands: '{"a" : [1, {"b":null}]}' },
  { name: 'a scalar in a JSON column', type: 'json', value: field('"x"'), lands: '"x"' },
  { name: 'a missing field', type: 'int64', value: '{}', lands: null },
  { name: 'a null field', type: 'int64', value: field('null'), lands: null },
  { name: 'a misspelled null', type: 'int64', value: field('nul'), refused: 'not-json' },
  { name: 'the largest int64', type: 'int64', value: field('9223372036854775807'), lands: 9223372036854775807n },
  { name: 'the smallest int64', type: 'int64', value: field('-9223372036854775808'), lands: -9223372036854775808n },
  { name: 'an integer beyond int64', type: 'int64', value: field('9223372036854775808'), refused: 'out-of-range' },
  { name: 'an integer below int64', type: 'int64', value: field('-9223372036854775809'), refused: 'out-of-range' },
  { name: 'an integer of a hundred digits', type: 'int64', value: field('9'.repeat(100)), refused: 'out-of-range' },
  { name: 'an integer beyond 2^53', type: 'int64', value: field('9007199254740993'), lands: 9007199254740993n },
  {
    name: 'a negative integer beyond 2^53',
    type: 'int64',
    value: field('-9007199254740993'),
    lands: -9007199254740993n,
  },
  { name: '-0 as an integer', type: 'int64', value: field('-0'), lands: 0n },
  { name: '1.5 in an int64', type: 'int64', value: field('1.5'), refused: 'wrong-type' },
  { name: '1.0 in an int64', type: 'int64', value: field('1.0'), refused: 'wrong-type' },
  { name: '1e3 in an int64', type: 'int64', value: field('1e3'), refused: 'wrong-type' },
  { name: 'a digit string in an int64', type: 'int64', value: field('"12"'), refused: 'wrong-type' },
  { name: 'a boolean in an int64', type: 'int64', value: field('true'), refused: 'wrong-type' },
  { name: 'an object in an int64', type: 'int64', value: field('{"a":1}'), refused: 'wrong-type' },
  { name: 'the largest int32', type: 'int32', value: field('2147483647'), lands: 2147483647 },
  { name: 'the smallest int32', type: 'int32', value: field('-2147483648'), lands: -2147483648 },
  { name: 'an integer beyond int32', type: 'int32', value: field('2147483648'), refused: 'out-of-range' },
  { name: '1e400', type: 'double', value: field('1e400'), refused: 'out-of-range' },
  { name: '-1e400', type: 'double', value: field('-1e400'), refused: 'out-of-range' },
  { name: '1e-400, which would become 0', type: 'double', value: field('1e-400'), refused: 'out-of-range' },
  { name: '0e400', type: 'double', value: field('0e400'), lands: 0 },
  { name: 'the smallest positive double', type: 'double', value: field('5e-324'), lands: 5e-324 },
  { name: 'the largest double', type: 'double', value: field('1.7976931348623157e308'), lands: Number.MAX_VALUE },
  { name: '-0 as a double', type: 'double', value: field('-0.0'), lands: -0 },
  { name: 'a long decimal', type: 'double', value: field('3.141592653589793238462643383279'), lands: Math.PI },
  { name: '2^53 in a double', type: 'double', value: field('9007199254740992'), lands: 2 ** 53 },
  { name: '2^53 + 1 in a double', type: 'double', value: field('9007199254740993'), refused: 'not-representable' },
  { name: 'NaN', type: 'double', value: field('NaN'), refused: 'not-json' },
  { name: 'Infinity', type: 'double', value: field('Infinity'), refused: 'not-json' },
  { name: 'a leading zero', type: 'double', value: field('01.5'), refused: 'not-json' },
  { name: 'a number in a declared string', type: 'string', value: field('300'), refused: 'wrong-type' },
  { name: '"true" in a boolean', type: 'boolean', value: field('"true"'), refused: 'wrong-type' },
  { name: '1 in a boolean', type: 'boolean', value: field('1'), refused: 'wrong-type' },
  {
    name: 'a timestamp with an offset',
    type: 'timestamp',
    value: field('"2026-11-21T09:30:00.250+02:00"'),
    lands: '2026-11-21T07:30:00.250Z',
  },
  { name: 'a timestamp before 1970', type: 'timestamp', value: field('-1'), lands: '1969-12-31T23:59:59.999Z' },
  { name: 'a timestamp without a zone', type: 'timestamp', value: field('"2026-11-21T09:30:00"'), refused: 'bad-time' },
  {
    name: 'a timestamp finer than milliseconds',
    type: 'timestamp',
    value: field('"2026-11-21T09:30:00.000001Z"'),
    refused: 'not-representable',
  },
  {
    name: 'a timestamp with zeros beyond milliseconds',
    type: 'timestamp',
    value: field('"2026-11-21T09:30:00.001000Z"'),
    lands: '2026-11-21T09:30:00.001Z',
  },
  { name: 'a leap second', type: 'timestamp', value: field('"2016-12-31T23:59:60Z"'), refused: 'bad-time' },
  { name: 'the 30th of February', type: 'date', value: field('"2026-02-30"'), refused: 'bad-date' },
  { name: 'a leap day', type: 'date', value: field('"2024-02-29"'), lands: '2024-02-29' },
  { name: 'a date before 1970', type: 'date', value: field('"1900-03-01"'), lands: '1900-03-01' },
  { name: 'Base64', type: 'bytes', value: field('"AP8="'), lands: '00ff' },
  { name: 'Base64 without padding', type: 'bytes', value: field('"AP8"'), refused: 'bad-base64' },
];

describe.each(parquetEngineNames)('%s with poison values', (name: ParquetEngineName) => {
  let table: TestTable;
  beforeAll(async () => {
    table = await TestTable.open(name);
  });
  afterAll(() => table.close());

  const byType = groupByType(poison);

  it.each([...byType])(
    'lands or refuses every kind in a %s column, and the good rows between them',
    async (type, cases) => {
      const encoder = await table.encoder(declared({ v: type, mark: 'int64' }));
      const values = cases.flatMap(({ value }, index) => [value, `{"mark":${index}}`]);
      const { rows, refused, landedCount } = await load(encoder, values, 100n);
      await encoder.close();

      expect(landedCount + refused.length).toBe(values.length);
      expect(rows).toHaveLength(landedCount);
      const cells = new Map(rows.map((row) => [row['_offset'], row['v']]));
      const codes = new Map(refused.map(({ offset, code }) => [offset, code]));
      for (const [index, { name: what, lands, refused: code }] of cases.entries()) {
        const offset = 100n + BigInt(index * 2);
        const came = codes.get(offset) ?? { landed: cells.get(offset) };
        expect({ what, came }).toEqual({ what, came: code ?? { landed: lands } });
      }
      const marks = rows.filter((row) => row['mark'] !== null).map((row) => row['mark']);
      expect(marks).toEqual(cases.map((_, index) => BigInt(index)));
    },
  );

  it('gives a refused record back with raw bytes, coordinates, headers and a reason of bounded length', async () => {
    const encoder = await table.encoder(declared({ v: 'int64' }));
    const headers = [{ name: 'trace', value: Buffer.from([1, 0xff]) }];
    const bad = {
      key: Buffer.from('k'),
      value: Buffer.from(field(JSON.stringify(megabyte))),
      timestamp: recordTimeMs + 5n,
      headers,
    };
    const { refused } = await encoder.append(batchOf(['{}', bad, null], { baseOffset: 7n }), ...everything);
    expect(refused[0]).toMatchObject({
      offset: 8n,
      timestamp: recordTimeMs + 5n,
      key: Buffer.from('k'),
      headers,
      code: 'wrong-type',
    });
    expect(refused[0]!.value!.equals(bad.value)).toBe(true);
    expect(refused[0]!.reason).toMatch(
      /^field "v": expected int64 \(a number without fraction or exponent\), came the string "x+\.\.\.$/,
    );
    expect(refused[0]!.reason.length).toBeLessThan(320);
    expect(refused[1]).toMatchObject({ offset: 9n, key: null, value: null, headers: [], code: 'tombstone' });
    await encoder.close();
  });

  it('leaves no trace of a refused record that had filled half of its columns', async () => {
    const encoder = await table.encoder(
      declared({ a: 'string', b: 'int64', c: 'boolean', d: 'double', e: 'bytes', f: 'json' }),
    );
    const good = (n: number) => `{"a":"a${n}","b":${n},"c":true,"d":${n}.5,"e":"AA==","f":[${n}]}`;
    const broken = '{"a":"lost","b":1,"c":false,"d":0.5,"e":"/w==","f":{"lost":1},"g":tru}';
    const { rows } = await load(encoder, [broken, good(1), broken, broken, good(2), broken]);
    expect(rows.map(({ a, b, c, d, e, f, _offset }) => ({ a, b, c, d, e, f, _offset }))).toEqual([
      { a: 'a1', b: 1n, c: true, d: 1.5, e: '00', f: '[1]', _offset: 1n },
      { a: 'a2', b: 2n, c: true, d: 2.5, e: '00', f: '[2]', _offset: 4n },
    ]);
    await encoder.close();
  });

  it('refuses all records of a batch that cannot be decompressed, with the bytes once', async () => {
    const encoder = await table.encoder(inferred);
    const batch = batchOf(['{"a":1}', '{"a":2}', '{"a":3}'], { baseOffset: 10n, compression: 'zstd' });
    batch[70]! ^= 0xff;
    batch[72]! ^= 0xff;
    const { landedCount, refused } = await encoder.append(batch, 11n, 1000n);
    expect(landedCount).toBe(0);
    expect(refused.map(({ offset, code }) => ({ offset, code }))).toEqual([
      { offset: 11n, code: 'broken-batch' },
      { offset: 12n, code: 'broken-batch' },
    ]);
    expect(refused[0]!.value!.equals(batch)).toBe(true);
    expect(refused[1]!.value).toBeNull();
    expect(await sqlRows(await encoder.seal())).toEqual([]);
    await encoder.close();
  });
});

function groupByType(cases: readonly Poison[]): Map<string, Poison[]> {
  const groups = new Map<string, Poison[]>();
  for (const one of cases) groups.set(one.type, [...(groups.get(one.type) ?? []), one]);
  return groups;
}
