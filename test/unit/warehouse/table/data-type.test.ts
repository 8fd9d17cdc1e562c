import { describe, expect, it } from 'vitest';
import {
  type Column,
  type ColumnType,
  canonicalType,
  diffSchemas,
  formatType,
  mergeSchemas,
  parseType,
  SchemaConflictError,
  type TableSchema,
  withFieldIds,
} from '../../../../src/warehouse/index.ts';
import { holdsType, widenType } from '../../../../src/warehouse/table/widen-type.ts';

const schema = (columns: Record<string, string>, more: Partial<TableSchema> = {}): TableSchema => ({
  id: 0,
  mode: 'declared',
  keyType: 'bytes',
  columns: Object.entries(columns).map(
    ([name, type]): Column => ({ name, type: canonicalType(type), isRequired: false }),
  ),
  ...more,
});

describe('a type in text', () => {
  it.each([
    ['decimal( 18 , 2 )', 'decimal(18,2)'],
    ['timestamp_ms', 'timestamp'],
    ['list< map<string , uuid> >', 'list<map<string,uuid>>'],
    ['struct{a:int8,"b c" : list<date>}', 'struct{a: int8, "b c": list<date>}'],
    ['enum(red, "deep blue")', 'enum(red,"deep blue")'],
    ['fixed(16)', 'fixed(16)'],
  ])('%s is %s', (text, canonical) => {
    expect(canonicalType(text)).toBe(canonical);
    expect(formatType(parseType(canonical))).toBe(canonical);
  });

  it.each([
    ['int', /expected one of boolean, int8,.* came "int"/],
    ['decimal(39,2)', /precision from 1 to 38, came 39/],
    ['decimal(4,5)', /scale from 0 to 4, came 5/],
    ['decimal(4)', /expected 2 numbers, came 1/],
    ['map<int64,string>', /a map of string keys, came "int64"/],
    ['struct{a: int8, A: int8}', /"A" is there twice/],
    ['list<int8', /expected ">" in the type "list<int8", came its end/],
    ['enum()', /expected a name/],
    ['enum(a,a)', /each value of an enum once/],
    ['int8 int8', /expected the end of the type/],
    [`${'list<'.repeat(20)}int8${'>'.repeat(20)}`, /at most 16 types within each other/],
  ])('%s is refused', (text, problem) => {
    expect(() => parseType(text)).toThrow(problem);
  });
});

describe('widening', () => {
  it.each<[string, string, string | null]>([
    ['int8', 'int32', 'int32'],
    ['int32', 'int64', 'int64'],
    ['uint8', 'int16', 'int16'],
    ['uint32', 'int32', null],
    ['uint32', 'int64', 'int64'],
    ['int32', 'double', 'double'],
    ['int64', 'double', null],
    ['float', 'double', 'double'],
    ['int32', 'decimal(4,2)', 'decimal(12,2)'],
    ['int64', 'decimal(18,2)', 'decimal(21,2)'],
    ['uint64', 'decimal(38,20)', null],
    ['decimal(9,2)', 'decimal(18,4)', 'decimal(18,4)'],
    ['decimal(10,0)', 'decimal(10,5)', 'decimal(15,5)'],
    ['decimal(38,0)', 'decimal(10,5)', null],
    ['decimal(9,2)', 'double', null],
    ['time_ms', 'time_us', 'time_us'],
    ['timestamp', 'timestamp_us', 'timestamp_us'],
    ['timestamp', 'local_timestamp', null],
    ['date', 'timestamp', null],
    ['enum(a)', 'enum(b,a)', 'enum(a,b)'],
    ['enum(a)', 'string', 'string'],
    ['string', 'json', null],
    ['list<int32>', 'list<int64>', 'list<int64>'],
    ['list<int64>', 'list<string>', null],
    ['map<string,float>', 'map<string,double>', 'map<string,double>'],
    ['struct{a: int8, b: date}', 'struct{c: uuid, a: int64}', 'struct{a: int64, b: date, c: uuid}'],
    ['struct{a: int8}', 'struct{A: int8}', null],
    ['list<int8>', 'int8', null],
  ])('%s and %s make %s, whichever comes first', (left, right, together) => {
    for (const [one, other] of [
      [left, right],
      [right, left],
    ] as const) {
      const type = widenType(parseType(one), parseType(other));
      if (together?.startsWith('struct') || together?.startsWith('enum')) expect(type).not.toBeNull();
      else expect(type === null ? null : formatType(type)).toBe(together);
    }
    const first = widenType(parseType(left), parseType(right));
    if (first !== null)
      expect([holdsType(first, parseType(left)), holdsType(first, parseType(right))]).toEqual([true, true]);
  });

  it('makes a superset of a table and a new contract, and never takes a column back', () => {
    const kept = schema({ a: 'int32', s: 'struct{x: int8}', old: 'string' }, { id: 3 });
    const merged = mergeSchemas(kept, schema({ a: 'int64', s: 'struct{x: int8, y: uuid}', added: 'date' }));
    expect(merged.columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'a int64',
      's struct{x: int8, y: uuid}',
      'old string',
      'added date',
    ]);
    expect(merged.id).toBe(0);
    expect(mergeSchemas(merged, kept)).toMatchObject({ columns: merged.columns });
    expect(() => mergeSchemas(kept, schema({ a: 'date' }))).toThrow(SchemaConflictError);
  });
});

describe('field ids', () => {
  it('stay what they are when types and columns are added, and are never given twice', () => {
    const first = withFieldIds(schema({ a: 'list<int32>', b: 'struct{x: int8}' }).columns);
    expect(first.map(({ fieldIds }) => fieldIds)).toEqual([
      { '': 1, element: 2 },
      { '': 3, x: 4 },
    ]);
    const kept: TableSchema = { ...schema({}), id: 1, columns: first };
    const wider = mergeSchemas(
      kept,
      schema({ c: 'map<string,date>', b: 'struct{x: int8, y: int8}', a: 'list<int64>' }),
    );
    expect(withFieldIds(wider.columns).map(({ name, fieldIds }) => [name, fieldIds])).toEqual([
      ['a', { '': 1, element: 2 }],
      ['b', { '': 3, x: 4, y: 5 }],
      ['c', { '': 6, key: 7, value: 8 }],
    ]);
  });
});

describe('a diff of two schemas', () => {
  it('names what was added, removed, widened, narrowed, joined, and what cannot be', () => {
    const required = (columns: Record<string, string>): TableSchema => {
      const made = schema(columns);
      return { ...made, columns: made.columns.map((column) => ({ ...column, isRequired: column.name === 'must' })) };
    };
    const before = schema({
      same: 'date',
      up: 'int32',
      down: 'int64',
      both: 'int32',
      no: 'date',
      gone: 'uuid',
      must: 'int8',
    });
    const after = required({
      same: 'date',
      up: 'int64',
      down: 'int8',
      both: 'decimal(4,2)',
      no: 'string',
      must: 'int8',
      more: 'json',
    });
    expect(diffSchemas(before, after).map(({ column, change, together }) => [column, change, together])).toEqual([
      ['same', 'same', 'date'],
      ['up', 'widened', 'int64'],
      ['down', 'narrowed', 'int64'],
      ['both', 'joined', 'decimal(12,2)' satisfies ColumnType],
      ['no', 'conflict', null],
      ['gone', 'removed', 'uuid'],
      ['must', 'required', 'int8'],
      ['more', 'added', 'json'],
    ]);
  });
});
