import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PlainAvroDecoder } from '../../../src/values/avro/avro-decoder.ts';
import { parseAvroSchema } from '../../../src/values/avro/parse-avro-schema.ts';
import { parseProtoSchema } from '../../../src/values/protobuf/parse-proto-schema.ts';
import { PlainProtobufDecoder } from '../../../src/values/protobuf/protobuf-decoder.ts';

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));

describe('hostile Avro', () => {
  it.each([
    ['a list of 2^62 items', { type: 'array', items: 'long' }, 'feffffffffffffff7f', 'truncated'],
    ['2^40 items that take no bytes', { type: 'array', items: 'null' }, '808080808080', 'truncated'],
    ['a million million nulls', { type: 'array', items: 'null' }, '8080a0aea3d10300', 'too-large'],
    ['a text of 2^60 bytes', 'string', '80808080808080802000', 'truncated'],
    ['a text of a negative length', 'string', '01', 'truncated'],
    ['a varint without end', 'long', 'ffffffffffffffffffffff', 'bad-varint'],
    ['a long of more than 64 bits', 'long', 'ffffffffffffffffff7f', 'bad-varint'],
    ['an int of more than 32 bits', 'int', '80808080808001', 'out-of-range'],
    ['a boolean of 2', 'boolean', '02', 'bad-avro'],
    ['a branch that is not there', ['null', 'long'], '06', 'bad-avro'],
    ['bytes after the end', 'int', '0200', 'bad-avro'],
    ['text that is not UTF-8', 'string', '04c328', 'not-utf8'],
    [
      'a decimal beyond its precision',
      { type: 'bytes', logicalType: 'decimal', precision: 2, scale: 0 },
      '0264',
      'out-of-range',
    ],
    ['a date of the year 100000', { type: 'int', logicalType: 'date' }, '80a8d6b903', 'bad-date'],
  ])('refuses %s', (_, schema, hex, code) => {
    const decoder = new PlainAvroDecoder(parseAvroSchema(JSON.stringify(schema)), null);
    expect(decoder.decode(Buffer.from(hex, 'hex'))).toMatchObject({ code });
  });

  it('refuses values nested in each other ten thousand times', () => {
    const schema = { type: 'record', name: 'Node', fields: [{ name: 'next', type: ['null', 'Node'] }] };
    const decoder = new PlainAvroDecoder(parseAvroSchema(JSON.stringify(schema)), null);
    expect(decoder.decode(Buffer.alloc(10_000, 2))).toMatchObject({ code: 'too-deep' });
    expect(decoder.decode(Buffer.from('02020200', 'hex')).toString()).toBe('{"next":{"next":{"next":{"next":null}}}}');
  });

  it('ends a record that doubles itself forty times over without a byte of data', () => {
    let schema: unknown = { type: 'record', name: 'R0', fields: [] };
    for (let level = 1; level <= 40; level++) {
      const fields = [
        { name: 'a', type: schema },
        { name: 'b', type: `R${level - 1}` },
      ];
      schema = { type: 'record', name: `R${level}`, fields };
    }
    const decoder = new PlainAvroDecoder(parseAvroSchema(JSON.stringify(schema)), null);
    expect(decoder.decode(Buffer.alloc(0))).toMatchObject({ code: 'too-large' });
  });

  it.each([
    ['no JSON', '{'],
    ['a name that nobody defines', '"Nobody"'],
    ['a record without fields', '{"type":"record","name":"R"}'],
    ['a union in a union', '[["null"],"long"]'],
    ['a field twice', '{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}'],
    ['a type nested two hundred times', `${'{"type":"array","items":'.repeat(150)}"int"${'}'.repeat(150)}`],
  ])('refuses a schema with %s', (_, text) => {
    expect(() => parseAvroSchema(text)).toThrow(expect.objectContaining({ code: 'bad-schema' }));
  });
});

describe('hostile Protobuf', () => {
  const file = parseProtoSchema(`
    syntax = "proto2";
    message Node { optional Node next = 1; repeated int64 n = 2; optional group G = 3 { optional int32 a = 1; } optional string s = 4; }
    message Strict { required int32 id = 1; }`);
  const node = new PlainProtobufDecoder(file.messageNamed('Node'));

  it.each([
    ['a text of 2^31 bytes', '2280808080080a', 'truncated'],
    ['field number 0', '0000', 'bad-protobuf'],
    ['wire type 7', '0f', 'bad-protobuf'],
    ['the end of a group that never began', '1c', 'bad-protobuf'],
    ['a group that never ends', '1b0805', 'truncated'],
    ['a group that another one ends', '1b08051c24', 'decoded'],
    ['a varint of eleven bytes', '10ffffffffffffffffffff01', 'bad-varint'],
    ['a packed list that ends in the middle', '1201ff', 'truncated'],
    ['text that is not UTF-8', '2202c328', 'not-utf8'],
  ])('refuses %s', (_, hex, code) => {
    const text = node.decode(Buffer.from(hex, 'hex'));
    if (code === 'decoded') expect(text).toMatchObject({ code: 'bad-protobuf' });
    else expect(text).toMatchObject({ code });
  });

  it('refuses messages and unknown groups nested in each other without end', () => {
    let nested = Buffer.alloc(0);
    for (let level = 0; level < 300; level++)
      nested = Buffer.concat([Buffer.from([0x0a]), varint(nested.length), nested]);
    expect(node.decode(nested)).toMatchObject({ code: 'too-deep' });
    expect(node.decode(Buffer.alloc(1000, 0x7b))).toMatchObject({ code: 'too-deep' });
  });

  it('refuses a message that lacks a required field', () => {
    const strict = new PlainProtobufDecoder(file.messageNamed('Strict'));
    expect(strict.decode(Buffer.alloc(0))).toMatchObject({ code: 'missing-field' });
  });
});

describe('any bytes at all', () => {
  it(`are decoded to JSON or refused with a code (seed ${seed})`, () => {
    const avro = new PlainAvroDecoder(
      parseAvroSchema(
        '{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"array","items":["null","long",{"type":"map","values":"string"}]}},{"name":"r","type":["null","R"]},{"name":"t","type":{"type":"long","logicalType":"timestamp-micros"}}]}',
      ),
      null,
    );
    const protobuf = new PlainProtobufDecoder(
      parseProtoSchema(`syntax = "proto3"; import "google/protobuf/timestamp.proto";
        message M { M m = 1; map<string, M> t = 2; repeated sint64 n = 3; google.protobuf.Timestamp at = 4; oneof o { string s = 5; bytes b = 6; } }`).messageNamed(
        'M',
      ),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        for (const decoder of [avro, protobuf]) {
          const text = decoder.decode(Buffer.from(bytes));
          if (Buffer.isBuffer(text)) JSON.parse(text.toString());
          else expect(text.code).toMatch(/^[a-z0-9-]+$/);
        }
      }),
      { seed, numRuns: 3000 },
    );
  });
});

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.from([...bytes, rest]);
}
