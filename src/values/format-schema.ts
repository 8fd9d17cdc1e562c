import { z } from 'zod';
import { timeLayouts } from './text/log-time.ts';

// What a user may write under `format:`. Files are named relative to the file that holds the section.

const oneChar = z.string().regex(/^[^\r\n]$/u, 'expected one character');
const name = z.string().min(1);
const typeNames = z.record(name, z.string());

const registrySettings = z.strictObject({
  urls: z.array(z.string()).min(1),
  user: z.string().optional(),
  passwordFile: z.string().optional(),
  tokenFile: z.string().optional(),
  timeoutMs: z.int().min(100).max(120_000).default(10_000),
});

/** A URL, several, or an object with `urls` and how to log in. */
const registry = z
  .union([z.string(), z.array(z.string()).min(1), registrySettings])
  .transform((value) =>
    typeof value === 'string' || Array.isArray(value) ? { urls: [value].flat(), timeoutMs: 10_000 } : value,
  );

const avro = z.strictObject({
  type: z.literal('avro'),
  registry: registry.optional(),
  /** Of values without a frame: the schema they were written with. */
  schemaFile: z.string().optional(),
  /** The schema that all values are read as. */
  readerSchemaFile: z.string().optional(),
});

const protobuf = z.strictObject({
  type: z.literal('protobuf'),
  registry: registry.optional(),
  /** Of values without a frame: the .proto file, the folder its imports are found in, and the message. */
  schemaFile: z.string().optional(),
  importFolder: z.string().optional(),
  message: z.string().optional(),
});

const json = z.strictObject({ type: z.literal('json') });
const jsonSchema = z.strictObject({ type: z.literal('json-schema'), registry });

export const csvSection = z.strictObject({
  type: z.literal('csv'),
  header: z.array(name).min(1).max(1000),
  delimiter: oneChar.default(','),
  quote: oneChar.nullable().default('"'),
  nullText: z.string().nullable().default(null),
  types: typeNames.default({}),
});

export const lineSection = z.strictObject({
  type: z.literal('line'),
  /** `combined`, `common`, or a regular expression with named groups. */
  pattern: z.string().min(1).max(10_000),
  nullText: z.string().nullable().optional(),
  times: z.record(name, z.enum(timeLayouts)).optional(),
  types: typeNames.default({}),
});

const debezium = z.strictObject({
  type: z.literal('debezium'),
  values: z.enum(['json', 'avro']).default('json'),
  registry: registry.optional(),
  deletes: z.enum(['row', 'drop', 'dead']).default('row'),
  tombstones: z.enum(['drop', 'dead']).default('drop'),
  add: z
    .array(z.string().regex(/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/, 'expected a field of the envelope'))
    .max(50)
    .default([]),
});

/** The `format:` section as it is written. */
export const formatSection = z.discriminatedUnion('type', [
  avro,
  protobuf,
  json,
  jsonSchema,
  csvSection,
  lineSection,
  debezium,
]);

export type FormatSection = z.infer<typeof formatSection>;
export type RegistrySettings = NonNullable<Extract<FormatSection, { type: 'avro' }>['registry']>;
