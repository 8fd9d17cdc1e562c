// Pins: our codec and Kafka's own classes agree on every byte of every message at every version.
import { describe, expect, it } from 'vitest';
import type { FieldTable, MessageSchema } from '../../../src/wire/index.ts';
import {
  decodeMessage,
  encodeMessage,
  encodeMessageChunks,
  requestHeaderVersion,
  responseHeaderVersion,
} from '../../../src/wire/index.ts';
import { readGolden } from '../../support/golden.ts';
import { allSchemas, allVersions } from './all-schemas.ts';

interface MessageVector {
  name: string;
  version: number;
  variant: 'default' | 'filled' | 'extreme';
  json: Record<string, unknown>;
  hex: string;
}

interface HeaderVector {
  headersOf: number;
  version: number;
  request: number;
  response: number;
}

const lines = readGolden<MessageVector | HeaderVector>('messages');
const messages = lines.filter((line): line is MessageVector => 'hex' in line);
const headers = lines.filter((line): line is HeaderVector => 'headersOf' in line);

describe('messages encoded by Kafka', () => {
  it('cover every message, version and variant that we have', () => {
    const ours = allVersions.map(({ schema, version }) => `${schema.name} ${version}`);
    for (const variant of ['default', 'filled', 'extreme']) {
      const theirs = messages
        .filter((vector) => vector.variant === variant)
        .map((vector) => `${vector.name} ${vector.version}`);
      expect(theirs.sort()).toEqual([...ours].sort());
    }
    expect(messages.length).toBeGreaterThan(1900);
  });

  for (const variant of ['default', 'filled', 'extreme']) {
    it(`decode to the values that Kafka put in and encode back to the byte (${variant})`, () => {
      for (const vector of messages.filter((candidate) => candidate.variant === variant)) check(vector);
    });
  }

  it('carry the header versions that Kafka says', () => {
    expect(headers.length).toBeGreaterThan(300);
    for (const { headersOf, version, request, response } of headers) {
      expect([
        headersOf,
        version,
        requestHeaderVersion(headersOf, version),
        responseHeaderVersion(headersOf, version),
      ]).toEqual([headersOf, version, request, response]);
    }
  });
});

function check({ name, version, json, hex }: MessageVector): void {
  const schema = allSchemas.get(name)!;
  const bytes = Buffer.from(hex, 'hex');
  const message = decodeMessage(schema, version, bytes) as object;
  const context = `${name} v${version}`;
  expect(encodeMessage(schema, version, message).toString('hex'), context).toBe(hex);
  expect(Buffer.concat(encodeMessageChunks(schema, version, message)).toString('hex'), context).toBe(hex);
  expect(onlyKeysOf(json, asKafkaJson(schema, message)), context).toEqual(json);
}

/** The message as Kafka's JSON converters write it: int64 as text here, bytes as base64, uuids as URL-safe base64. */
function asKafkaJson(schema: MessageSchema<unknown>, message: object): unknown {
  const structs = new Map(Object.entries(schema.structs ?? {}));
  const structJson = (fields: readonly FieldTable[], struct: Record<string, unknown>): unknown =>
    Object.fromEntries(fields.map((field) => [field[0], valueJson(field, struct[field[0]])]));
  const valueJson = (field: FieldTable, value: unknown): unknown => {
    const type = field[1].replace('[]', '');
    if (Array.isArray(value)) return value.map((element) => valueJson(field, element));
    if (typeof value === 'bigint') return value.toString();
    if (Buffer.isBuffer(value)) return value.toString('base64');
    if (value === null) return null;
    if (type === 'uuid') return Buffer.from(value as string, 'hex').toString('base64url');
    if (typeof value !== 'object') return value;
    return structJson(field[3]?.fields ?? structs.get(type)!, value as Record<string, unknown>);
  };
  return structJson(schema.fields, message as Record<string, unknown>);
}

/** Kafka leaves out fields of other versions and tagged defaults; what it does write must be there and equal. */
function onlyKeysOf(expected: unknown, actual: unknown): unknown {
  if (Array.isArray(expected) && Array.isArray(actual))
    return actual.map((element, i) => onlyKeysOf(expected[i], element));
  if (typeof expected !== 'object' || expected === null || typeof actual !== 'object' || actual === null) return actual;
  return Object.fromEntries(
    Object.keys(expected).map((key) => [
      key,
      onlyKeysOf((expected as Record<string, unknown>)[key], (actual as Record<string, unknown>)[key]),
    ]),
  );
}
