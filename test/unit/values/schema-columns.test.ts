import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/shared/index.ts';
import { columnsOfAvro } from '../../../src/values/avro/avro-columns.ts';
import { parseAvroSchema } from '../../../src/values/avro/parse-avro-schema.ts';
import { openValueDecoder, RegistryClient, type ValueFormat } from '../../../src/values/index.ts';
import { columnsOfJsonSchema } from '../../../src/values/json/json-schema-columns.ts';
import { parseProtoSchema } from '../../../src/values/protobuf/parse-proto-schema.ts';
import { columnsOfMessage } from '../../../src/values/protobuf/proto-columns.ts';
import { canonicalType } from '../../../src/warehouse/index.ts';

const { signal } = new AbortController();

function asObject(columns: readonly { name: string; type: string }[]): Record<string, string> {
  // Every type must be one that a table knows.
  return Object.fromEntries(columns.map(({ name, type }) => [name, canonicalType(type)]));
}

describe('columns by schema', () => {
  it('of Avro have the types of the schema, logical and nested ones too', () => {
    const logical = (type: string, logicalType: string, more = {}) => ({ type, logicalType, ...more });
    const types: Record<string, unknown> = {
      id: 'long',
      small: ['null', 'int'],
      money: logical('bytes', 'decimal', { precision: 18, scale: 4 }),
      huge: logical('bytes', 'decimal', { precision: 60, scale: 4 }),
      ms: logical('long', 'timestamp-millis'),
      us: ['null', logical('long', 'timestamp-micros')],
      nanos: logical('long', 'timestamp-nanos'),
      local: logical('long', 'local-timestamp-micros'),
      debezium: { type: 'long', 'connect.name': 'io.debezium.time.MicroTimestamp' },
      day: logical('int', 'date'),
      time: logical('int', 'time-millis'),
      uuid: logical('string', 'uuid'),
      hash: { type: 'fixed', name: 'H', size: 4 },
      kind: { type: 'enum', name: 'K', symbols: ['A'] },
      either: ['long', 'string'],
      nothing: 'null',
      tags: { type: 'array', items: ['null', 'string'] },
      counts: { type: 'map', values: 'long' },
      place: {
        type: 'record',
        name: 'P',
        fields: [
          { name: 'lat', type: 'double' },
          { name: 'größe', type: 'float' },
        ],
      },
      tree: { type: 'record', name: 'T', fields: [{ name: 'next', type: ['null', 'T'] }] },
    };
    const fields = Object.entries(types).map(([name, type]) => ({ name, type }));
    const schema = parseAvroSchema(JSON.stringify({ type: 'record', name: 'R', fields }));
    expect(asObject(columnsOfAvro(schema))).toEqual({
      id: 'int64',
      small: 'int32',
      money: 'decimal(18,4)',
      huge: 'string',
      ms: 'timestamp',
      us: 'timestamp_us',
      nanos: 'string',
      local: 'local_timestamp_us',
      debezium: 'local_timestamp_us',
      day: 'date',
      time: 'time_ms',
      uuid: 'uuid',
      hash: 'fixed(4)',
      kind: 'string',
      either: 'json',
      tags: 'list<string>',
      counts: 'map<string,int64>',
      place: 'struct{lat: double, "größe": float}',
      tree: 'struct{next: json}',
    });
    expect(asObject(columnsOfAvro(parseAvroSchema('"string"')))).toEqual({ value: 'string' });
  });

  it('of Protobuf keep unsigned integers, and times with their nanoseconds as text', () => {
    const file =
      parseProtoSchema(`syntax = "proto3"; import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto";
      message M {
        uint64 big = 1; fixed32 small = 2; sint64 signed = 3; bytes raw = 4; bool flag = 5; float ratio = 6;
        repeated N list = 7; map<int32, string> names = 8; google.protobuf.Timestamp at = 9; google.protobuf.Int64Value maybe = 10;
        enum E { A = 0; } E kind = 11; M self = 12; oneof o { string left = 13; N right = 14; }
        message N { int32 a = 1; repeated string b = 2; }
      }`);
    expect(asObject(columnsOfMessage(file.messageNamed('M')))).toEqual({
      big: 'uint64',
      small: 'uint32',
      signed: 'int64',
      raw: 'bytes',
      flag: 'boolean',
      ratio: 'float',
      list: 'list<struct{a: int32, b: list<string>}>',
      names: 'map<string,string>',
      at: 'string',
      maybe: 'int64',
      kind: 'string',
      self: 'json',
      left: 'string',
      right: 'struct{a: int32, b: list<string>}',
    });
  });

  it('of JSON Schema have the types of its properties', () => {
    const text = JSON.stringify({
      properties: {
        id: { type: 'integer' },
        small: { type: 'integer', 'connect.type': 'int16' },
        price: { type: ['null', 'number'] },
        name: { oneOf: [{ type: 'null' }, { type: 'string' }] },
        either: { type: ['string', 'integer'] },
        nested: { type: 'object' },
        flag: { type: 'boolean' },
      },
    });
    expect(asObject(columnsOfJsonSchema(text))).toEqual({
      id: 'int64',
      small: 'int16',
      price: 'double',
      name: 'string',
      either: 'json',
      nested: 'json',
      flag: 'boolean',
    });
  });

  it('of change events in Avro are those of the row, with what was added to it', async () => {
    const row = {
      type: 'record',
      name: 'Value',
      fields: [
        { name: 'id', type: 'long' },
        { name: 'name', type: ['null', 'string'], default: null },
      ],
    };
    const source = { type: 'record', name: 'Source', fields: [{ name: 'lsn', type: ['null', 'long'], default: null }] };
    const envelope = {
      type: 'record',
      name: 'Envelope',
      fields: [
        { name: 'before', type: ['null', row], default: null },
        { name: 'after', type: ['null', 'Value'], default: null },
        { name: 'source', type: source },
        { name: 'op', type: 'string' },
      ],
    };
    const answer = async (): Promise<Response> => new Response(JSON.stringify({ schema: JSON.stringify(envelope) }));
    const endpoint = { urls: ['http://a'], authorization: null, timeoutMs: 1000 };
    const format: ValueFormat = {
      type: 'debezium',
      values: 'avro',
      registry: endpoint,
      deletes: 'row',
      tombstones: 'drop',
      add: ['op', 'source.lsn'],
    };
    const registry = new RegistryClient(endpoint, { fetch: answer as typeof fetch });
    const decoder = openValueDecoder(format, { clock: new ManualClock(), registry });
    // before: a row of id -1 without a name; after: null; source.lsn: 7; op: "d"
    const value = Buffer.from([0, 0, 0, 0, 1, 2, 1, 0, 0, 2, 14, 2, 0x64]);
    await decoder.prepare([value], signal);
    expect(asObject(decoder.columns)).toEqual({
      id: 'int64',
      name: 'string',
      __op: 'string',
      __source_lsn: 'int64',
      __deleted: 'boolean',
    });
    expect(decoder.decode(value).toString()).toBe('{"id":-1,"name":null,"__op":"d","__source_lsn":7,"__deleted":true}');
  });
});
