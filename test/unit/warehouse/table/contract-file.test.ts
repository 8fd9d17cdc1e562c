import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { contractOf, parseColumnsFile, parseContractFile } from '../../../../src/warehouse/index.ts';

const whole = `
key: string
columns:
  - { name: user_id, type: int64, required: true }
  - name: price
    type: decimal(18,2)
    default: 0.10
  - { name: city, type: string, from: user.address.city }
  - { name: email, type: string, from: user.email, hash: sha256 }
  - { name: user, type: json, nullable: true }
personal:
  - { field: user.phone, drop: true }
salt: { env: SALT }
filter: country in [DE, FR] and amount > 0
parquet: { codec: snappy, rowGroupRows: 5000, dictionary: false, sortBy: [user_id] }
format: { type: avro }
timeField: ts
hours: { zone: europe/berlin, layout: dt=yyyy-MM-dd }
roll: { bytes: 256MB, records: 5000, age: 90s, schedule: 15m, freshness: 2m }
retention: 90d
partitionBy: [city]
maxPartitionValues: 30
`;

describe('a contract', () => {
  it('has columns, where they come from, what is personal, a filter, and how files are written', () => {
    const contract = contractOf(parseContractFile(whole, 'F.yaml', { env: { SALT: 'pepper' } }), 'any')!;
    expect(contract.schema).toEqual({
      id: 0,
      mode: 'declared',
      keyType: 'string',
      columns: [
        { name: 'user_id', type: 'int64', isRequired: true },
        { name: 'price', type: 'decimal(18,2)', isRequired: false },
        { name: 'city', type: 'string', isRequired: false },
        { name: 'email', type: 'string', isRequired: false },
        { name: 'user', type: 'json', isRequired: false },
      ],
    });
    expect(contract.rules).toEqual({
      filter: 'country in [DE, FR] and amount > 0',
      columns: [
        { name: 'user_id', from: ['user_id'], default: null },
        { name: 'price', from: ['price'], default: '0.10' },
        { name: 'city', from: ['user', 'address', 'city'], default: null },
        { name: 'email', from: ['user', 'email'], default: null },
        { name: 'user', from: ['user'], default: null },
      ],
      personal: [
        { path: ['user', 'phone'], action: 'drop' },
        { path: ['user', 'email'], action: 'hash' },
      ],
      salt: 'pepper',
    });
    expect(contract.writer).toEqual({ codec: 'snappy', rowGroupRows: 5000, dictionary: false, sortBy: ['user_id'] });
    expect(contract).toMatchObject({ format: { type: 'avro' }, timeField: 'ts', retentionMs: 90 * 86_400_000 });
    expect(contract.layout).toEqual({
      zone: 'europe/berlin',
      pathFormat: 'dt=yyyy-MM-dd',
      partitionBy: ['city'],
      maxPartitionValues: 30,
    });
    expect(contract.roll).toEqual({
      bytes: 256 * 1024 * 1024,
      records: 5000,
      ageMs: 90_000,
      scheduleMs: 900_000,
      freshnessMs: 120_000,
    });
  });

  it('asks nothing of records when it only names columns, and infers them when it names none', () => {
    const plain = parseContractFile('- {name: a, type: "list<uuid>"}', 'F').all!;
    expect(plain).toMatchObject({ rules: null, writer: {} });
    const inferred = parseContractFile('filter: a is not null', 'F').all!;
    expect(inferred).toMatchObject({ schema: null, rules: { filter: 'a is not null', columns: null } });
  });

  it('can be one for each topic', () => {
    const text = 'topics:\n  logins: { columns: [{name: a, type: uuid}] }\n  buys: [{name: b, type: date}]';
    const file = parseContractFile(text, 'F');
    expect(contractOf(file, 'logins')?.schema?.columns[0]?.name).toBe('a');
    expect(contractOf(file, 'buys')?.schema?.columns[0]?.name).toBe('b');
    expect(contractOf(file, 'constructor')).toBeNull();
    expect(() => parseContractFile('topics:\n  logins:\n    columns:\n      - {name: a, type: x}', 'F')).toThrow(
      /^F:4: topics\.logins\.columns\.0\.type: expected one of/,
    );
  });

  it('reads the salt from a file, and says so when there is none', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sluice-contract-'));
    const path = join(directory, 'salt');
    const text = `personal: [{field: a, hash: sha256}]\nsalt: { file: ${JSON.stringify(path)} }`;
    expect(() => parseContractFile(text, 'F')).toThrow(`F:2: salt: expected a text in the file ${path}, found none`);
    expect(parseContractFile(text, 'F', { needsSalt: false }).all?.rules?.salt).toBeNull();
    await writeFile(path, 'pepper\n');
    expect(parseContractFile(text, 'F').all?.rules?.salt).toBe('pepper');
    await rm(directory, { recursive: true });
  });

  it.each([
    [
      'columns: [{name: a, type: int64, hash: sha256}]',
      'F:1: columns.0.type: expected string: a hash is text, came int64',
    ],
    ['columns: [{name: a, type: string, hash: sha256}]', 'F: the file: expected "salt: {env: NAME}"'],
    ['columns: [{name: a, type: string, hash: md5}]', 'F:1: columns.0.hash: '],
    ['personal: [{field: a}]', 'F:1: personal.0: expected "hash: sha256" or "drop: true"'],
    ['personal: [{field: a..b, drop: true}]', 'F:1: personal.0.field: expected a path like user.address.city'],
    [
      'personal: [{field: a, drop: true}, {field: a.b, drop: true}]',
      'F:1: personal: a.b is within a, which is personal',
    ],
    [
      'columns: [{name: x, type: string, from: a.b}]\npersonal: [{field: a, drop: true}]',
      'F:1: columns.0: a.b is personal (drop)',
    ],
    ['filter: a >', 'F:1: filter: expected a value in the filter "a >", came its end'],
    ['filter: a b', 'F:1: filter: expected one of = != < <= > >= in is in the filter "a b", came "b"'],
    [
      'columns: [{name: a, type: int8, default: 300}]',
      'F:1: columns.0.default: field "default": expected a number within the range of int8',
    ],
    [
      'columns: [{name: a, type: "list<int8>", default: [1, x]}]',
      'F:1: columns.0.default: field "default[1]": expected int8',
    ],
    [
      'columns: [{name: a, type: int8}]\nparquet:\n  sortBy: [b]',
      'F:3: parquet.sortBy.0: expected the name of a column, came "b"',
    ],
    ['topics:\n  a: { timeField: ts }', 'F:2: topics.a.timeField: expected only in a contract of one table'],
    ['topics:\n  a: { roll: { age: 5s } }', 'F:2: topics.a.roll: expected only in a contract of one table'],
    ['hours: { zone: Mars/Olympus }', 'F:1: hours.zone: '],
    ['hours: { layout: dt=YYYY-MM-dd }', 'F:1: hours.layout: '],
    ['roll: { age: soon }', 'F:1: roll.age: expected a duration like 60s, 15m or 90d, came "soon"'],
    ['roll: { bytes: 0 }', 'F:1: roll.bytes: expected a size like 128MB, came 0'],
    ['retention: for ever', 'F:1: retention: expected a duration like 60s, 15m or 90d, came "for ever"'],
    ['rolls: { bytes: 1 }', 'F: the file: Unrecognized key: "rolls"'],
    ['parquet: { codec: lzo }', 'F:1: parquet.codec: expected one of zstd, snappy, gzip, none, came "lzo"'],
  ])('refuses %j in one line with file, line and key', (text, start) => {
    expect(() => parseContractFile(text, 'F', { env: {} })).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(new RegExp(`^${start.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}[^\\n]*$`)),
      }),
    );
  });

  it('is refused by those who only understand columns', () => {
    expect(() => parseColumnsFile(whole.replace('salt: { env: SALT }', '').replace(', hash: sha256', ''), 'F')).toThrow(
      'F: expected columns only',
    );
  });
});
