import { z } from 'zod';
import { BadInputError, SluiceError } from '../../shared/index.ts';
import { columnNameProblem } from './column-name.ts';
import { canonicalType } from './data-type.ts';
import { withFieldIds } from './field-ids.ts';
import type { TableSchema } from './table-schema.ts';

/**
 * JSON form of `_sluice/schema/<id>.json`: `{formatVersion, id, mode, keyType, columns: [{name, type, required, wide?, fieldIds}]}`, one object,
 * two-space indent, a newline at the end. The file is written once and never changed. Version 1 had no field ids: its columns get
 * them by their order, as every later schema of such a table does.
 */
export const schemaFormatVersion = 2;

/** A type in text, made canonical. */
export const columnType = z.string().transform((text, context) => {
  try {
    return canonicalType(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
    return z.NEVER;
  }
});

const schemaFile = z.strictObject({
  formatVersion: z.int().min(1).max(schemaFormatVersion),
  id: z.int().min(1),
  mode: z.enum(['declared', 'inferred']),
  keyType: z.enum(['bytes', 'string']),
  columns: z.array(
    z.strictObject({
      name: z.string(),
      type: columnType,
      required: z.boolean(),
      wide: z.literal(true).optional(),
      fieldIds: z.record(z.string(), z.int().min(1)).optional(),
    }),
  ),
});

export function serializeSchema(schema: TableSchema): Buffer {
  const columns = withFieldIds(schema.columns).map(({ name, type, isRequired, isWide, fieldIds }) => ({
    name,
    type,
    required: isRequired,
    ...(isWide ? { wide: true } : {}),
    fieldIds,
  }));
  const { id, mode, keyType } = schema;
  return Buffer.from(
    `${JSON.stringify({ formatVersion: schemaFormatVersion, id, mode, keyType, columns }, null, 2)}\n`,
  );
}

/** @throws SluiceError `bad-schema-file` naming `path` when the bytes are not a schema of a version that we know. */
export function parseSchema(bytes: Buffer, path: string): TableSchema {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new SluiceError('bad-schema-file', `${path}: expected a schema as JSON`, { cause });
  }
  const parsed = schemaFile.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new SluiceError('bad-schema-file', `${path}: ${issue.path.join('.') || 'the file'}: ${issue.message}`);
  }
  const { id, mode, keyType, columns } = parsed.data;
  const problem = columns.map((column) => columnNameProblem(column.name)).find((text) => text !== null);
  if (problem !== undefined) throw new SluiceError('bad-schema-file', `${path}: ${problem}`);
  return {
    id,
    mode,
    keyType,
    columns: withFieldIds(
      columns.map(({ name, type, required, wide, fieldIds }) => ({
        name,
        type,
        isRequired: required,
        ...(wide ? { isWide: true } : {}),
        ...(fieldIds ? { fieldIds } : {}),
      })),
    ),
  };
}

const schemaObject = z.strictObject({
  id: z.int().min(0),
  mode: z.enum(['declared', 'inferred']),
  keyType: z.enum(['bytes', 'string']),
  columns: z.array(
    z.strictObject({
      name: z.string(),
      type: columnType,
      isRequired: z.boolean(),
      isWide: z.literal(true).exactOptional(),
      fieldIds: z.record(z.string(), z.int().min(1)).exactOptional(),
    }),
  ),
});

/** Checks that a value from outside (the input of a job) is a TableSchema. @throws BadInputError saying what is wrong. */
export function parseTableSchema(value: unknown): TableSchema {
  const parsed = schemaObject.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new BadInputError(`the schema: ${issue.path.join('.') || 'the value'}: ${issue.message}`);
  }
  const problem = parsed.data.columns.map((column) => columnNameProblem(column.name)).find((text) => text !== null);
  if (problem !== undefined) throw new BadInputError(`the schema: ${problem}`);
  return parsed.data;
}
