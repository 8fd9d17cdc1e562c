import { describe, expect, it } from 'vitest';
import { avroPayload } from '../../../src/values/avro/avro-decoder.ts';
import { parseAvroSchema } from '../../../src/values/avro/parse-avro-schema.ts';
import { parseExactJson } from '../../../src/values/core/exact-json.ts';
import { parseProtoSchema } from '../../../src/values/protobuf/parse-proto-schema.ts';
import { PlainProtobufDecoder } from '../../../src/values/protobuf/protobuf-decoder.ts';
import { readGolden } from '../../support/golden.ts';

interface AvroCase {
  name: string;
  schema: string;
  reader: string | null;
  hex: string;
  json: string;
}

interface ProtobufCase {
  name: string;
  schema: string;
  references: { name: string; text: string }[];
  message: string;
  hex: string;
  json: string;
}

describe('values encoded by other people', () => {
  it('every Avro value of fastavro becomes the JSON that its Python value says, to the last digit', () => {
    const cases = readGolden<AvroCase>('avro-values');
    expect(cases.length).toBeGreaterThan(200);
    for (const { name, schema, reader, hex, json } of cases) {
      const writer = parseAvroSchema(schema);
      const payload = avroPayload(writer, reader === null ? writer : parseAvroSchema(reader));
      const text = payload.decode(Buffer.from(hex, 'hex'), 0).toString();
      expect(parseExactJson(text), name).toEqual(parseExactJson(json));
    }
  });

  it('every Protobuf message of the Python library becomes the JSON that its fields say, to the last digit', () => {
    const cases = readGolden<ProtobufCase>('protobuf-values');
    expect(cases.length).toBeGreaterThan(50);
    const files = new Map(cases.map(({ schema, references }) => [schema, references]));
    const parsed = new Map([...files].map(([schema, references]) => [schema, parseProtoSchema(schema, references)]));
    for (const { name, schema, message, hex, json } of cases) {
      const decoder = new PlainProtobufDecoder(parsed.get(schema)!.messageNamed(message));
      const text = decoder.decode(Buffer.from(hex, 'hex'));
      expect(Buffer.isBuffer(text), `${name}: ${JSON.stringify(text)}`).toBe(true);
      expect(parseExactJson(text.toString()), name).toEqual(parseExactJson(json));
    }
  });
});

describe('values that were damaged', () => {
  it('every cut and every flipped byte of a value is decoded or refused with a code, and never throws', () => {
    for (const { schema, hex } of readGolden<AvroCase>('avro-values').slice(0, 25)) {
      const type = parseAvroSchema(schema);
      const payload = avroPayload(type, type);
      for (const damaged of damages(Buffer.from(hex, 'hex'))) {
        try {
          expect(Buffer.isBuffer(payload.decode(damaged, 0))).toBe(true);
        } catch (error) {
          expect(error).toHaveProperty('name', 'ValueError');
        }
      }
    }
    for (const { schema, references, message, hex } of readGolden<ProtobufCase>('protobuf-values').slice(0, 8)) {
      const decoder = new PlainProtobufDecoder(parseProtoSchema(schema, references).messageNamed(message));
      for (const damaged of damages(Buffer.from(hex, 'hex').subarray(0, 300))) {
        const text = decoder.decode(damaged);
        if (!Buffer.isBuffer(text)) expect(text.code).toMatch(/^[a-z0-9-]+$/);
      }
    }
  });
});

function* damages(value: Buffer): Generator<Buffer> {
  for (let at = 0; at < value.length; at++) {
    yield value.subarray(0, at);
    const flipped = Buffer.from(value);
    flipped[at] = flipped[at]! ^ 0xff;
    yield flipped;
  }
}
