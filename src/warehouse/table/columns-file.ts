import { readFile } from 'node:fs/promises';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { BadInputError } from '../../shared/index.ts';
import { columnNameProblem, maxColumnCount } from './column-name.ts';
import { columnType } from './schema-codec.ts';
import type { Column, TableSchema } from './table-schema.ts';

/**
 * The file behind `--columns F.yaml` (YAML 1.2, hence JSON too):
 *
 *   key: string                 # or bytes (the default)
 *   columns:
 *     - { name: user_id, type: int64, required: true }
 *     - { name: amount, type: double }
 *
 * A list of columns without the object around it does as well. Fields that are not named here are ignored by the load.
 */
const columnEntry = z.strictObject({
  name: z.string(),
  type: columnType,
  required: z.boolean().default(false),
});
const columnList = z.array(columnEntry).min(1).max(maxColumnCount);
const columnsFile = z.strictObject({ key: z.enum(['bytes', 'string']).default('bytes'), columns: columnList });

/** @throws BadInputError when the file cannot be read or is no columns file. */
export async function readColumnsFile(path: string): Promise<TableSchema> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new BadInputError(`${path}: expected a file with the columns of the table`, { cause });
  });
  return parseColumnsFile(text, path);
}

/**
 * Reads the text of a columns file; `source` is its name, for the message.
 *
 * @throws BadInputError with one line: where, what was expected, what came.
 */
export function parseColumnsFile(text: string, source: string): TableSchema {
  const value = parseText(text, source);
  const parsed = columnsFile.safeParse(Array.isArray(value) ? { columns: value } : value);
  if (!parsed.success) throw new BadInputError(`${source}: ${describeIssue(parsed.error.issues[0]!, value)}`);
  const { key, columns } = parsed.data;
  checkNames(columns, source);
  return {
    id: 0,
    mode: 'declared',
    keyType: key,
    columns: columns.map(({ name, type, required }): Column => ({ name, type, isRequired: required })),
  };
}

function parseText(text: string, source: string): unknown {
  try {
    return parseYaml(text, { maxAliasCount: 100, prettyErrors: true });
  } catch (error) {
    const message = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new BadInputError(`${source}: expected YAML or JSON with a list "columns": ${message}`);
  }
}

function checkNames(columns: readonly { name: string }[], source: string): void {
  const seen = new Map<string, string>();
  for (const { name } of columns) {
    const problem = columnNameProblem(name);
    if (problem !== null) throw new BadInputError(`${source}: ${problem}`);
    const twin = seen.get(name.toLowerCase());
    if (twin !== undefined) {
      throw new BadInputError(
        twin === name
          ? `${source}: the column "${name}" is there twice`
          : `${source}: the columns "${twin}" and "${name}" differ only in upper and lower case, which query engines cannot tell apart`,
      );
    }
    seen.set(name.toLowerCase(), name);
  }
}

function describeIssue(issue: z.core.$ZodIssue, value: unknown): string {
  const where = issue.path.length === 0 ? 'the file' : issue.path.join('.');
  let came: unknown = Array.isArray(value) ? { columns: value } : value;
  for (const key of issue.path) came = (came as Record<PropertyKey, unknown> | undefined)?.[key];
  const text = came === undefined ? 'nothing' : (JSON.stringify(came) ?? String(came));
  const expected = issue.code === 'invalid_value' ? `expected one of ${issue.values.join(', ')}` : issue.message;
  return `${where}: ${expected}, came ${text.length > 80 ? `${text.slice(0, 80)}...` : text}`;
}
