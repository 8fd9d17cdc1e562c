import { z } from 'zod';
import type { SchemaReference, SchemaType } from '../registry/registered-schema.ts';

export const compatibilityLevels = [
  'NONE',
  'BACKWARD',
  'BACKWARD_TRANSITIVE',
  'FORWARD',
  'FORWARD_TRANSITIVE',
  'FULL',
  'FULL_TRANSITIVE',
] as const;
export type CompatibilityLevel = (typeof compatibilityLevels)[number];

export const registryModes = ['READWRITE', 'READONLY', 'READONLY_OVERRIDE', 'IMPORT'] as const;
export type RegistryMode = (typeof registryModes)[number];

/** A version of a subject, as the topic keeps it. */
export interface StoredSchema {
  subject: string;
  version: number;
  id: number;
  type: SchemaType;
  text: string;
  references: SchemaReference[];
  isDeleted: boolean;
}

/** A record of the topic; its format is Confluent's (see docs/formats.md), so that either registry can go on after the other. */
export type RegistryRecord =
  | { kind: 'schema'; subject: string; version: number; schema: StoredSchema | null }
  | { kind: 'config'; subject: string | null; level: CompatibilityLevel | null }
  | { kind: 'mode'; subject: string | null; mode: RegistryMode | null }
  /** All versions up to that one are deleted (softly). */
  | { kind: 'delete-subject'; subject: string; version: number | null };

const reference = z.object({ name: z.string(), subject: z.string(), version: z.int() });
const keySchema = z.discriminatedUnion('keytype', [
  z.object({ keytype: z.literal('SCHEMA'), subject: z.string(), version: z.int() }),
  z.object({ keytype: z.literal('CONFIG'), subject: z.string().nullish() }),
  z.object({ keytype: z.literal('MODE'), subject: z.string().nullish() }),
  z.object({ keytype: z.literal('DELETE_SUBJECT'), subject: z.string() }),
]);
const schemaValue = z.object({
  subject: z.string(),
  version: z.int(),
  id: z.int(),
  schemaType: z.enum(['AVRO', 'JSON', 'PROTOBUF']).default('AVRO'),
  references: z.array(reference).nullish(),
  schema: z.string(),
  deleted: z.boolean().default(false),
});
const configValue = z.object({ compatibilityLevel: z.enum(compatibilityLevels) });
const modeValue = z.object({ mode: z.enum(registryModes) });
const deleteValue = z.object({ subject: z.string(), version: z.int() });

/** Key and value of a record. The order of the fields counts: compaction compares keys byte by byte. */
export function encodeRecord(record: RegistryRecord): { key: string; value: string | null } {
  switch (record.kind) {
    case 'schema': {
      const { subject, version, schema } = record;
      const key = { keytype: 'SCHEMA', subject, version, magic: 1 };
      return { key: JSON.stringify(key), value: schema && encodeSchema(schema) };
    }
    case 'config': {
      const value = record.level && JSON.stringify({ compatibilityLevel: record.level });
      return { key: JSON.stringify({ keytype: 'CONFIG', subject: record.subject, magic: 0 }), value };
    }
    case 'mode': {
      const value = record.mode && JSON.stringify({ mode: record.mode });
      return { key: JSON.stringify({ keytype: 'MODE', subject: record.subject, magic: 0 }), value };
    }
    case 'delete-subject': {
      const { subject, version } = record;
      const value = version === null ? null : JSON.stringify({ subject, version });
      return { key: JSON.stringify({ keytype: 'DELETE_SUBJECT', subject, magic: 0 }), value };
    }
  }
}

function encodeSchema({ subject, version, id, type, text, references, isDeleted }: StoredSchema): string {
  return JSON.stringify({
    subject,
    version,
    id,
    ...(type === 'AVRO' ? {} : { schemaType: type }),
    ...(references.length === 0 ? {} : { references }),
    schema: text,
    deleted: isDeleted,
  });
}

/** Null for what we have no use for (NOOP, kinds of newer registries) and for what cannot be read. */
export function decodeRecord(key: Buffer | null, value: Buffer | null): RegistryRecord | null {
  const parsed = keySchema.safeParse(parseJson(key));
  if (!parsed.success) return null;
  const json = value === null ? null : parseJson(value);
  if (value !== null && json === null) return null;
  switch (parsed.data.keytype) {
    case 'SCHEMA':
      return schemaRecord(parsed.data.subject, parsed.data.version, json);
    case 'CONFIG': {
      const subject = parsed.data.subject ?? null;
      if (json === null) return { kind: 'config', subject, level: null };
      const config = configValue.safeParse(json);
      return config.success ? { kind: 'config', subject, level: config.data.compatibilityLevel } : null;
    }
    case 'MODE': {
      const subject = parsed.data.subject ?? null;
      if (json === null) return { kind: 'mode', subject, mode: null };
      const mode = modeValue.safeParse(json);
      return mode.success ? { kind: 'mode', subject, mode: mode.data.mode } : null;
    }
    case 'DELETE_SUBJECT': {
      const { subject } = parsed.data;
      if (json === null) return { kind: 'delete-subject', subject, version: null };
      const deletion = deleteValue.safeParse(json);
      return deletion.success ? { kind: 'delete-subject', subject, version: deletion.data.version } : null;
    }
  }
}

function schemaRecord(subject: string, version: number, json: unknown): RegistryRecord | null {
  if (json === null) return { kind: 'schema', subject, version, schema: null };
  const parsed = schemaValue.safeParse(json);
  if (!parsed.success) return null;
  const { id, schemaType, references, schema, deleted } = parsed.data;
  const stored: StoredSchema = {
    subject,
    version,
    id,
    type: schemaType,
    text: schema,
    references: references ?? [],
    isDeleted: deleted,
  };
  return { kind: 'schema', subject, version, schema: stored };
}

function parseJson(bytes: Buffer | null): unknown {
  if (bytes === null) return null;
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch {
    return null;
  }
}
