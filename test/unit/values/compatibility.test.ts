import { describe, expect, it } from 'vitest';
import { parseComparable } from '../../../src/values/compatibility/comparable-schema.ts';
import type { SchemaType } from '../../../src/values/registry/registered-schema.ts';
import { compatibilityProblems } from '../../../src/values/server/compatibility-check.ts';

const record = (...fields: string[]): string => `{"type":"record","name":"R","fields":[${fields.join(',')}]}`;
const long = '{"name":"id","type":"long"}';
const int = '{"name":"id","type":"int"}';
const withDefault = '{"name":"n","type":"string","default":""}';
const without = '{"name":"n","type":"string"}';
const object = (properties: string, more = ''): string => `{"type":"object","properties":{${properties}}${more}}`;
const proto = (fields: string): string => `syntax = "proto3"; message M { ${fields} }`;
const proto2 = (fields: string): string => `syntax = "proto2"; message M { ${fields} }`;

type Verdict = 'both' | 'backward' | 'forward' | 'none';

/** Old, new, and which of "new reads old" (backward) and "old reads new" (forward) hold. */
const changes: readonly [type: SchemaType, what: string, old: string, next: string, Verdict][] = [
  ['AVRO', 'a field with a default is added', record(long), record(long, withDefault), 'both'],
  ['AVRO', 'a field without a default is added', record(long), record(long, without), 'forward'],
  ['AVRO', 'a field without a default is removed', record(long, without), record(long), 'backward'],
  ['AVRO', 'int becomes long', record(int), record(long), 'backward'],
  ['AVRO', 'long becomes string', record(long), record('{"name":"id","type":"string"}'), 'none'],
  ['AVRO', 'a field becomes optional', record(long), record('{"name":"id","type":["null","long"]}'), 'backward'],
  [
    'AVRO',
    'a field is renamed with an alias',
    record(long),
    record('{"name":"key","type":"long","aliases":["id"]}'),
    'backward',
  ],
  [
    'AVRO',
    'an enum gets a symbol',
    '{"type":"enum","name":"E","symbols":["A"]}',
    '{"type":"enum","name":"E","symbols":["A","B"]}',
    'backward',
  ],
  [
    'AVRO',
    'an enum with a default gets a symbol',
    '{"type":"enum","name":"E","symbols":["A"],"default":"A"}',
    '{"type":"enum","name":"E","symbols":["A","B"],"default":"A"}',
    'both',
  ],
  [
    'AVRO',
    'a fixed changes its size',
    '{"type":"fixed","name":"F","size":2}',
    '{"type":"fixed","name":"F","size":3}',
    'none',
  ],
  [
    'AVRO',
    'milliseconds become microseconds',
    '{"type":"long","logicalType":"timestamp-millis"}',
    '{"type":"long","logicalType":"timestamp-micros"}',
    'none',
  ],
  ['AVRO', 'the record gets another name', record(long), record(long).replace('"R"', '"Q"'), 'none'],
  ['PROTOBUF', 'a field is added', proto('int32 a = 1;'), proto('int32 a = 1; string b = 2;'), 'both'],
  ['PROTOBUF', 'int32 becomes int64', proto('int32 a = 1;'), proto('int64 a = 1;'), 'both'],
  ['PROTOBUF', 'int32 becomes string', proto('int32 a = 1;'), proto('string a = 1;'), 'none'],
  [
    'PROTOBUF',
    'a required field is added',
    proto2('optional int32 a = 1;'),
    proto2('optional int32 a = 1; required int32 b = 2;'),
    'none',
  ],
  ['PROTOBUF', 'a message is removed', `${proto('int32 a = 1;')} message N { }`, proto('int32 a = 1;'), 'forward'],
  [
    'PROTOBUF',
    'two fields move into a oneof',
    proto('int32 a = 1; int32 b = 2;'),
    proto('oneof o { int32 a = 1; int32 b = 2; }'),
    'forward',
  ],
  [
    'PROTOBUF',
    'the package changes',
    `package x; ${proto('')}`.replace(/^(.*?;) (syntax.*?;)/, '$2 $1'),
    proto(''),
    'none',
  ],
  [
    'JSON',
    'a property is required that was not',
    object('"a":{"type":"string"}'),
    object('"a":{"type":"string"}', ',"required":["a"]'),
    'forward',
  ],
  ['JSON', 'integer becomes number', object('"a":{"type":"integer"}'), object('"a":{"type":"number"}'), 'backward'],
  ['JSON', 'an open object gets a property', object(''), object('"a":{"type":"string"}'), 'forward'],
  [
    'JSON',
    'a closed object gets a property',
    object('', ',"additionalProperties":false'),
    object('"a":{"type":"string"}', ',"additionalProperties":false'),
    'backward',
  ],
  ['JSON', 'an object is closed', object('"a":{}'), object('"a":{}', ',"additionalProperties":false'), 'forward'],
  ['JSON', 'a bound is narrowed', '{"type":"string","maxLength":9}', '{"type":"string","maxLength":8}', 'forward'],
  ['JSON', 'an allowed value is added', '{"enum":["a"]}', '{"enum":["a","b"]}', 'backward'],
  [
    'JSON',
    'an alternative is added',
    '{"oneOf":[{"type":"null"}]}',
    '{"oneOf":[{"type":"null"},{"type":"string"}]}',
    'backward',
  ],
  [
    'JSON',
    'the same through a reference',
    '{"$ref":"#/definitions/x","definitions":{"x":{"type":"string"}}}',
    '{"$ref":"#/definitions/y","definitions":{"y":{"type":"string"}}}',
    'both',
  ],
];

describe('the compatibility of schemas', () => {
  it.each(changes)('%s: when %s', (type, _, old, next, verdict) => {
    const [before, after] = [parseComparable(type, old, []), parseComparable(type, next, [])];
    const earlier = [{ version: 1, schema: before }];
    const holds = (level: 'BACKWARD' | 'FORWARD' | 'FULL'): boolean =>
      compatibilityProblems(after, earlier, level).length === 0;
    expect({ backward: holds('BACKWARD'), forward: holds('FORWARD'), full: holds('FULL') }).toEqual({
      backward: verdict === 'both' || verdict === 'backward',
      forward: verdict === 'both' || verdict === 'forward',
      full: verdict === 'both',
    });
    expect(compatibilityProblems(after, earlier, 'NONE')).toEqual([]);
  });

  it('looks at the last version only, or at all of them when the level is transitive', () => {
    const versions = [record(long), record(long, withDefault), record(long, withDefault)].map((text, index) => ({
      version: index + 1,
      schema: parseComparable('AVRO', text, []),
    }));
    const needsN = parseComparable('AVRO', record(long, without), []);
    expect(compatibilityProblems(needsN, versions, 'BACKWARD')).toEqual([]);
    expect(compatibilityProblems(needsN, versions, 'BACKWARD_TRANSITIVE')).toEqual([
      'version 1 cannot be read: /n: a new field needs a default',
    ]);
  });

  it('compares a record that holds itself', () => {
    const list = (type: string): string =>
      `{"type":"record","name":"L","fields":[{"name":"v","type":"${type}"},{"name":"next","type":["null","L"]}]}`;
    const [before, after] = [parseComparable('AVRO', list('int'), []), parseComparable('AVRO', list('long'), [])];
    expect(after.readProblems(before)).toEqual([]);
    expect(before.readProblems(after)).toHaveLength(1);
  });
});
