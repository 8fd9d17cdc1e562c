import { describe, expect, it } from 'vitest';
import { canonicalText } from '../../../src/values/server/canonical-text.ts';
import {
  decodeRecord,
  encodeRecord,
  type RegistryRecord,
  type StoredSchema,
} from '../../../src/values/server/registry-record.ts';
import { SchemaState } from '../../../src/values/server/schema-state.ts';

const stored = (subject: string, version: number, id: number, text: string, isDeleted = false): StoredSchema => ({
  subject,
  version,
  id,
  type: 'AVRO',
  text,
  references: [],
  isDeleted,
});
const put = (schema: StoredSchema): RegistryRecord => ({
  kind: 'schema',
  subject: schema.subject,
  version: schema.version,
  schema,
});

describe('records of the topic of schemas', () => {
  it('have the bytes that Confluent writes, so that compaction sees one key', () => {
    const record = put({ ...stored('a-value', 1, 7, '"long"'), references: [{ name: 'n', subject: 's', version: 2 }] });
    expect(encodeRecord(record)).toEqual({
      key: '{"keytype":"SCHEMA","subject":"a-value","version":1,"magic":1}',
      value:
        '{"subject":"a-value","version":1,"id":7,"references":[{"name":"n","subject":"s","version":2}],"schema":"\\"long\\"","deleted":false}',
    });
    expect(encodeRecord({ kind: 'config', subject: null, level: 'FULL' })).toEqual({
      key: '{"keytype":"CONFIG","subject":null,"magic":0}',
      value: '{"compatibilityLevel":"FULL"}',
    });
  });

  it('are read back as they were written, and those of newer registries with what they add', () => {
    const records: RegistryRecord[] = [
      put(stored('a', 1, 1, '"long"', true)),
      { kind: 'schema', subject: 'a', version: 1, schema: null },
      { kind: 'config', subject: 'a', level: 'NONE' },
      { kind: 'mode', subject: null, mode: 'READONLY' },
      { kind: 'delete-subject', subject: 'a', version: 3 },
    ];
    for (const record of records) {
      const { key, value } = encodeRecord(record);
      expect(decodeRecord(Buffer.from(key), value === null ? null : Buffer.from(value))).toEqual(record);
    }
    const key = Buffer.from('{"keytype":"SCHEMA","subject":"s","version":2,"magic":1}');
    const value = Buffer.from(
      '{"subject":"s","version":2,"id":5,"md5":"x==","guid":"g","schemaType":"PROTOBUF","schema":"syntax","deleted":false,"offset":4,"ts":1}',
    );
    expect(decodeRecord(key, value)).toMatchObject({
      kind: 'schema',
      schema: { id: 5, type: 'PROTOBUF', text: 'syntax' },
    });
  });

  it.each([
    ['{"keytype":"NOOP","magic":0}', null],
    ['{"keytype":"CONTEXT","tenant":"default","context":"x","magic":0}', '{}'],
    ['not JSON', '{}'],
    ['{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}', 'not JSON'],
    ['{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}', '{"id":"x"}'],
  ])('of which we understand nothing are passed over: %s', (key, value) => {
    expect(decodeRecord(Buffer.from(key), value === null ? null : Buffer.from(value))).toBeNull();
  });
});

describe('what the records add up to', () => {
  it('keeps ids for ever, shares them between subjects, and deletes softly and for good', () => {
    const state = new SchemaState();
    for (const record of [put(stored('a', 1, 1, 'X')), put(stored('b', 1, 1, 'X')), put(stored('a', 2, 2, 'Y'))]) {
      expect(state.apply(record)).toBeNull();
    }
    expect(state.idOf(stored('c', 1, 0, 'Y'))).toBe(2);
    state.apply({ kind: 'delete-subject', subject: 'a', version: 2 });
    expect(state.versions('a', false)).toEqual([]);
    expect(state.versions('a', true).map(({ version }) => version)).toEqual([1, 2]);
    expect(state.subjects(false)).toEqual(['b']);
    expect(state.byId(2)?.text).toBe('Y');
    for (const version of [1, 2]) state.apply({ kind: 'schema', subject: 'a', version, schema: null });
    expect(state.subjects(true)).toEqual(['b']);
    expect(state.byId(1)?.subject).toBe('b');
    expect(state.byId(2)).toBeNull();
    expect(state.maxId).toBe(2);
  });

  it('lets the first of two registries win that gave one version, or one id, to different schemas', () => {
    const state = new SchemaState();
    const winner = stored('a', 1, 1, 'X');
    state.apply(put(winner));
    expect(state.apply(put(stored('a', 1, 2, 'Y')))).toEqual(put(winner));
    expect(state.apply(put(stored('b', 1, 1, 'Z')))).toEqual({
      kind: 'schema',
      subject: 'b',
      version: 1,
      schema: null,
    });
    expect(state.byId(1)?.text).toBe('X');
    expect(state.versions('b', true)).toEqual([]);
    expect(state.maxId).toBe(2);
  });
});

describe('the text that tells whether two schemas are the same', () => {
  it('leaves out white space and comments, but nothing within quotes', () => {
    expect(canonicalText('AVRO', '{ "type" :\n "a  b" }')).toBe('{"type":"a  b"}');
    expect(canonicalText('PROTOBUF', 'message A { // one\n  string a = 1; /* two */ }')).toBe('message A{string a=1;}');
    expect(canonicalText('PROTOBUF', 'option x = "// no";')).toBe('option x="// no";');
  });
});
