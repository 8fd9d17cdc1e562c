import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type Column,
  type ColumnType,
  holdsSchema,
  inferSchema,
  mergeSchemas,
  parseColumnsFile,
  parseSchema,
  parseTableSchema,
  readColumnsFile,
  serializeSchema,
  type TableSchema,
} from '../../../../src/warehouse/index.ts';

const column = (name: string, type: ColumnType, isRequired = false): Column => ({ name, type, isRequired });
const schema = (columns: Column[], more: Partial<TableSchema> = {}): TableSchema => ({
  id: 0,
  mode: 'inferred',
  keyType: 'bytes',
  columns,
  ...more,
});

describe('the columns file', () => {
  it('takes YAML with names, types and required', () => {
    const text =
      'key: string\ncolumns:\n  - { name: user_id, type: int64, required: true }\n  - name: "odd name"\n    type: json\n';
    expect(parseColumnsFile(text, 'F.yaml')).toEqual({
      id: 0,
      mode: 'declared',
      keyType: 'string',
      columns: [column('user_id', 'int64', true), column('odd name', 'json')],
    });
  });

  it('takes a bare list, and JSON', () => {
    const expected = { id: 0, mode: 'declared', keyType: 'bytes', columns: [column('a', 'double')] };
    expect(parseColumnsFile('- {name: a, type: double}', 'F')).toEqual(expected);
    expect(parseColumnsFile('{"columns":[{"name":"a","type":"double"}]}', 'F')).toEqual(expected);
  });

  it.each([
    ['', 'F.yaml: the file: '],
    ['columns: []', 'F.yaml:1: columns: '],
    ['columns: [{name: a, type: int}]', 'F.yaml:1: columns.0.type: expected one of boolean, int8,'],
    [
      'columns: [{name: a, type: decimal(18,2)}]',
      'F.yaml:1: columns.0.type: expected ")" in the type "decimal(18", came its end (in a YAML list or map in one line, put',
    ],
    ['key: string\ncolumns:\n  - name: a\n    type: list<int>', 'F.yaml:4: columns.0.type: expected one of boolean,'],
    ['columns: [{name: a}]', 'F.yaml:1: columns.0.type: '],
    ['columns: [{name: 5, type: int64}]', 'F.yaml:1: columns.0.name: '],
    ['columns: [{name: a, type: int64, kind: x}]', 'F.yaml:1: columns.0: '],
    [
      'columns: [{name: a, type: int64, nullable: true, required: true}]',
      'F.yaml:1: columns.0: expected a column that is either',
    ],
    ['columns: [{name: a, type: int64, required: maybe}]', 'F.yaml:1: columns.0.required: '],
    ['column: []', 'F.yaml: '],
    ['columns: [{name: _Offset, type: int64}]', 'F.yaml:1: columns.0.name: "_Offset" is the name of a system column'],
    ['columns: [{name: "", type: int64}]', 'F.yaml:1: columns.0.name: a column needs a name'],
    [
      'columns: [{name: a, type: int64}, {name: a, type: int64}]',
      'F.yaml:1: columns.1.name: the column "a" is there twice',
    ],
    [
      'columns: [{name: a, type: int64}, {name: A, type: int64}]',
      'F.yaml:1: columns.1.name: the columns "a" and "A" differ only in upper and lower case',
    ],
    ['columns: [', 'F.yaml: expected YAML or JSON'],
    ['key: text\ncolumns: [{name: a, type: int64}]', 'F.yaml:1: key: expected one of bytes, string, came "text"'],
  ])('refuses %j in one line that says where', (text, start) => {
    const message = messageOf(() => parseColumnsFile(text, 'F.yaml'));
    expect(message.slice(0, start.length)).toBe(start);
    expect(message).not.toContain('\n');
  });

  it('says which file cannot be read', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sluice-columns-'));
    const path = join(directory, 'columns.yaml');
    await expect(readColumnsFile(path)).rejects.toThrow(`${path}: expected a file with the columns of the table`);
    await writeFile(path, '- {name: a, type: bytes}');
    expect((await readColumnsFile(path)).columns).toEqual([column('a', 'bytes')]);
    await rm(directory, { recursive: true });
  });
});

describe('the schema file', () => {
  it('gives back what was written', () => {
    const kept = schema([column('a', 'int64', true), column('b"\u00e9', 'json')], {
      id: 3,
      mode: 'declared',
      keyType: 'string',
    });
    const ids = kept.columns.map((each, index) => ({ ...each, fieldIds: { '': index + 1 } }));
    expect(parseSchema(serializeSchema(kept), 'x')).toEqual({ ...kept, columns: ids });
    expect(parseTableSchema(JSON.parse(JSON.stringify(kept)))).toEqual(kept);
  });

  it.each([
    ['{', 'x: expected a schema as JSON'],
    ['{"formatVersion":3}', 'x: formatVersion'],
    [
      '{"formatVersion":1,"id":1,"mode":"inferred","keyType":"bytes","columns":[{"name":"_key","type":"bytes","required":false}]}',
      'x: "_key" is the name',
    ],
    ['{"formatVersion":1,"id":0,"mode":"inferred","keyType":"bytes","columns":[]}', 'x: id'],
  ])('refuses %s', (text, start) => {
    expect(messageOf(() => parseSchema(Buffer.from(text), 'x')).slice(0, start.length)).toBe(start);
  });

  it('refuses a schema from outside that is none', () => {
    expect(() =>
      parseTableSchema({
        id: 0,
        mode: 'declared',
        keyType: 'bytes',
        columns: [{ name: 'a', type: 'text', isRequired: false }],
      }),
    ).toThrow(/^the schema: columns\.0\.type/);
    expect(() => parseTableSchema(null)).toThrow(/^the schema/);
  });
});

describe('mergeSchemas', () => {
  const base = schema([column('a', 'int64'), column('b', 'string')], { id: 4 });

  it('adds new columns behind the known ones and gives no id to what is new', () => {
    const merged = mergeSchemas(base, schema([column('c', 'json'), column('b', 'string')]));
    expect(merged).toEqual(schema([column('a', 'int64'), column('b', 'string'), column('c', 'json')]));
  });

  it('is the base itself when there is nothing to add', () => {
    expect(mergeSchemas(base, schema([column('b', 'string')]))).toBe(base);
  });

  it.each(['double', 'string', 'date', 'uint64'] as const)('refuses a declared %s beside an int64', (type) => {
    const other = schema([column('a', type)], { mode: 'declared' });
    expect(() => mergeSchemas(base, other)).toThrow(/the column "a" is int64 in the table, but \w+ was asked for/);
  });

  it('refuses twins that differ only in case, and another key type', () => {
    expect(() => mergeSchemas(base, schema([column('A', 'int64')]))).toThrow(
      /differs from the table's column "a" only in upper and lower case/,
    );
    expect(() => mergeSchemas(base, schema([], { keyType: 'string' }))).toThrow(/_key/);
  });

  it('requires a column only when both do, never a new one, and follows the newcomer in its mode', () => {
    const required = schema([column('a', 'int64', true)], { id: 1, mode: 'declared' });
    expect(mergeSchemas(required, schema([column('a', 'int64', true)], { mode: 'declared' }))).toBe(required);
    expect(mergeSchemas(required, schema([column('x', 'date', true)], { mode: 'declared' })).columns).toEqual([
      column('a', 'int64'),
      column('x', 'date'),
    ]);
    expect(mergeSchemas(required, schema([column('a', 'int64', true)]))).toMatchObject({ id: 0, mode: 'inferred' });
  });

  it('holds both of its parts', () => {
    const other = schema([column('c', 'json')]);
    const merged = mergeSchemas(base, other);
    expect(holdsSchema(merged, base) && holdsSchema(merged, other)).toBe(true);
    expect(holdsSchema(base, merged)).toBe(false);
  });
});

describe('inferSchema', () => {
  const infer = (...values: (string | null)[]) =>
    Object.fromEntries(
      inferSchema(
        values.map((value) => ({ key: null, value: value === null ? null : Buffer.from(value) })),
      ).columns.map(({ name, type }) => [name, type]),
    );

  it.each<[string, string[], Record<string, ColumnType>]>([
    ['integers', ['{"a":1}', '{"a":-9223372036854775808}'], { a: 'int64' }],
    ['an integer beyond int64', ['{"a":1}', '{"a":9223372036854775808}'], { a: 'string' }],
    ['a fraction', ['{"a":1}', '{"a":1.5}'], { a: 'double' }],
    ['an exponent', ['{"a":1e3}'], { a: 'double' }],
    ['a fraction beside an integer no double holds', ['{"a":9007199254740993}', '{"a":1.5}'], { a: 'string' }],
    ['a fraction beside 2^53', ['{"a":9007199254740992}', '{"a":1.5}'], { a: 'double' }],
    ['booleans', ['{"a":true}', '{"a":false}', '{"a":null}'], { a: 'boolean' }],
    ['strings and times', ['{"a":"x","t":"2026-11-21T07:30:00Z"}'], { a: 'string', t: 'string' }],
    ['mixed scalars', ['{"a":"x"}', '{"a":300}'], { a: 'string' }],
    ['a boolean beside a number', ['{"a":true}', '{"a":1}'], { a: 'string' }],
    ['objects and arrays', ['{"a":{}}', '{"b":[]}'], { a: 'json', b: 'json' }],
    ['an object beside a scalar', ['{"a":1}', '{"a":{"b":1}}'], { a: 'json' }],
    ['only nulls', ['{"a":null}', '{}'], {}],
    ['names with escapes', ['{"\\u0061\\n":1}', '{"a":1}'], { a: 'int64' }],
  ])('makes of %s the documented type', (_, values, expected) => {
    expect(infer(...values)).toEqual(expected);
  });

  it('does not listen to records that will be refused', () => {
    const bad = [
      '{"a":"x"',
      '{"a":"x","a":1}',
      '[{"a":"x"}]',
      '{"a":"\\ud800"}',
      '{"a":"x",}',
      '{"a":"x"} 1',
      '',
      'null',
    ];
    expect(infer(null, ...bad, '{"a":1}')).toEqual({ a: 'int64' });
  });

  it('gives no columns to names that cannot have one', () => {
    expect(infer('{"_offset":1,"":1,"a":1,"A":1,"_id":1}')).toEqual({ a: 'int64', _id: 'int64' });
  });

  it('keeps the order of first appearance, and at most 1000 columns', () => {
    expect(Object.keys(infer('{"z":1}', '{"a":1,"z":2}'))).toEqual(['z', 'a']);
    const wide = `{${Array.from({ length: 1500 }, (_, index) => `"k${index}":1`).join(',')}}`;
    expect(Object.keys(infer(wide))).toHaveLength(1000);
  });

  it('takes keys for text when all of them are', () => {
    const keys = (...all: (Buffer | null)[]) => inferSchema(all.map((key) => ({ key, value: null }))).keyType;
    expect(keys(Buffer.from('\u00e9'), null)).toBe('string');
    expect(keys(Buffer.from('a'), Buffer.from([0xff]))).toBe('bytes');
    expect(keys(null)).toBe('bytes');
  });
});

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('expected an error');
}
