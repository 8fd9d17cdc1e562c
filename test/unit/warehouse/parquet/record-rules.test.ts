import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultLayout, parseContractFile } from '../../../../src/warehouse/index.ts';
import { RecordFilter } from '../../../../src/warehouse/parquet/record-filter.ts';
import { batchOf, everything, inferred, load, sqlRows, TestTable } from './support.ts';

const hmac = (text: string) => createHmac('sha256', 'pepper').update(text).digest('hex');

describe('a filter', () => {
  const keeps = (filter: string, record: string) => {
    const bytes = Buffer.from(`  ${record}  `);
    return new RecordFilter(filter).matches(bytes, 2, bytes.length - 2);
  };

  it.each([
    ['country in [DE, FR] and amount > 0', '{"country":"FR","amount":0.01}', true],
    ['country in [DE, FR] and amount > 0', '{"country":"FR","amount":0}', false],
    ['country in [DE, FR]', '{"country":"GB"}', false],
    ['country not in [DE, FR]', '{"country":"GB"}', true],
    ['country not in [DE, FR]', '{}', false],
    ['country != DE', '{"country":null}', false],
    ['not country = DE', '{}', false],
    ['country is null or country != DE', '{}', true],
    ['country is not null', '{"country":""}', true],
    ['user.address."post code" = "10115"', '{"user":{"address":{"post code":"10115"}}}', true],
    ['user.address.city = x', '{"user":[1]}', false],
    ['n = 9007199254740993', '{"n":9007199254740992}', false],
    ['n = 9007199254740993', '{"n":9007199254740993}', true],
    ['n >= 1.5e3', '{"n":1500}', true],
    ['n > 1', '{"n":"2"}', false],
    ['ok = true', '{"ok":true}', true],
    ['ok != true', '{"ok":1}', false],
    ['name = "d\\"x"', '{"name":"d\\u0022x"}', true],
    ["name = 'it is' and not (a = 1 or b = 2)", '{"name":"it is","a":2,"b":3}', true],
    ['a = 1 or b = 2 and c = 3', '{"a":1}', true],
    ['a = 1', '{"a":1', true],
    ['a = 1', '{"a":1,"a":2}', true],
    ['name < b', '{"name":"a"}', true],
  ])('%s of %s is %s', (filter, record, expected) => {
    expect(keeps(filter, record)).toBe(expected);
  });
});

describe('an encoder with the rules of a contract', () => {
  let table: TestTable;
  beforeAll(async () => {
    table = await TestTable.open('duckdb');
  });
  afterAll(() => table.close());

  const open = (text: string, more = {}) => {
    const { schema, rules } = parseContractFile(text, 'F', { env: { SALT: 'pepper' } }).all!;
    return table.encoder(schema ?? inferred, { rules: rules!, ...more });
  };

  it('counts records that do not match as filtered ranges, and still refuses broken ones with a reason', async () => {
    const encoder = await open('columns: [{name: n, type: int64}]\nfilter: n > 1');
    const values = ['{"n":0}', '{"n":1}', '{"n":2}', '{"n":', null, '{"n":1}', '{"n":3}', '{"m":1}'];
    const batch = batchOf(values, { baseOffset: 10n });
    const { landedCount, refused, filtered } = await encoder.append(batch, ...everything);
    expect(landedCount).toBe(2);
    expect(refused.map(({ offset, code }) => [offset, code])).toEqual([
      [13n, 'not-json'],
      [14n, 'tombstone'],
    ]);
    expect(filtered).toEqual([
      { first: 10n, next: 12n },
      { first: 15n, next: 16n },
      { first: 17n, next: 18n },
    ]);
    expect((await sqlRows(await encoder.seal())).map((row) => [row['_offset'], row['n']])).toEqual([
      [12n, 2n],
      [16n, 3n],
    ]);
    await encoder.close();
  });

  it('renames fields, finds them inside of others, and fills in defaults for what is missing or null', async () => {
    const encoder = await open(`
columns:
  - { name: id, type: int64, from: userId, required: true }
  - { name: city, type: string, from: user.address.city, default: nowhere }
  - { name: tags, type: list<string>, from: user.tags, default: [] }
  - { name: user, type: json }
  - { name: copy, type: int64, from: userId }`);
    const { rows, refused } = await load(encoder, [
      '{"userId":1,"user":{"address":{"city":"K\u00f6ln"},"tags":["a"]},"other":[{}]}',
      '{"userId":2,"user":{"address":null}}',
      '{"userId":3,"user":"gone"}',
      '{"user":{}}',
      '{"userId":4,"userId":5}',
      '{"userId":"6"}',
    ]);
    expect(rows.map(({ id, city, tags, user, copy }) => [id, city, tags, user, copy])).toEqual([
      [1n, 'K\u00f6ln', `['a']`, '{"address":{"city":"K\u00f6ln"},"tags":["a"]}', 1n],
      [2n, 'nowhere', '[]', '{"address":null}', 2n],
      [3n, 'nowhere', '[]', '"gone"', 3n],
    ]);
    expect(refused.map(({ offset, code }) => [offset, code])).toEqual([
      [3n, 'missing-field'],
      [4n, 'duplicate-field'],
      [5n, 'wrong-type'],
    ]);
    await encoder.close();
  });

  it('lets nothing of a personal field into the table, at whatever depth', async () => {
    const encoder = await open(`
columns:
  - { name: mail, type: string, hash: sha256 }
  - { name: user, type: json }
  - { name: users, type: "list<struct{id: int64, mail: string, phone: string}>" }
personal:
  - { field: user.mail, hash: sha256 }
  - { field: user.phone, drop: true }
  - { field: users.mail, hash: sha256 }
  - { field: users.phone, drop: true }
salt: { env: SALT }`);
    const secret = '"mail":"m\\u0061x@example.com","phone":"0170"';
    const { rows, files } = await load(encoder, [
      `{${secret},"user":{"a":1,${secret},"b":[2]},"users":[{"id":1,${secret}},{"id":2,"mail":null}]}`,
      '{"mail":7}',
    ]);
    const hash = hmac('max@example.com');
    expect(rows[0]).toMatchObject({
      mail: hash,
      user: `{"a":1,"mail":"${hash}","b":[2]}`,
      users: `[{'id': 1, 'mail': '${hash}', 'phone': NULL}, {'id': 2, 'mail': NULL, 'phone': NULL}]`,
    });
    expect(rows[1]).toMatchObject({ mail: hmac('7') });
    const bytes = await import('node:fs/promises').then(({ readFile }) => readFile(files[0]!.localPath));
    expect(bytes.includes('0170') || bytes.includes('max@')).toBe(false);
    await encoder.close();
  });

  it('drops and hashes fields of a table whose columns are inferred', async () => {
    const encoder = await open(
      'personal: [{field: ip, drop: true}, {field: mail, hash: sha256}]\nsalt: {env: SALT}\nfilter: ip is not null',
    );
    const { rows, filtered } = await load(encoder, ['{"ip":"1.2.3.4","mail":"a","n":1}', '{"n":2}']);
    expect(rows).toMatchObject([{ mail: hmac('a'), n: 1n }]);
    expect(rows[0]).not.toHaveProperty('ip');
    expect(filtered).toEqual([{ first: 1n, next: 2n }]);
    await encoder.close();
  });

  it('still finds the event time in a field that is no column', async () => {
    const encoder = await open('columns: [{name: n, type: int64, from: a.n}]', { timeField: 'ts', maxFutureMs: 1e12 });
    const { files, rows } = await load(encoder, ['{"ts":"2026-11-21T05:00:00Z","a":{"n":1}}']);
    expect(files.map(({ folder }) => folder)).toEqual(['dt=2026-11-21/hr=05']);
    expect(rows).toMatchObject([{ n: 1n }]);
    expect(rows[0]).not.toHaveProperty('ts');
    await encoder.close();
  });

  it('still finds the fields of folders that are no columns', async () => {
    const layout = { ...defaultLayout, partitionBy: ['country'] };
    const encoder = await open('columns: [{name: n, type: int64, from: a.n}]', { layout });
    const { files } = await load(encoder, ['{"country":"DE","a":{"n":1}}']);
    expect(files.map(({ folder }) => folder)).toEqual(['dt=2026-11-21/hr=07/country=DE']);
    await encoder.close();
  });
});
