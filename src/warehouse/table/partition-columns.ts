import { BadInputError } from '../../shared/index.ts';
import { systemColumnNames } from './column-name.ts';
import { PathFormat } from './path-format.ts';
import type { TableLayout } from './table-layout.ts';
import type { Column, TableSchema } from './table-schema.ts';

/** Types whose values have one text each, which a folder's name can carry. */
const folderTypes: readonly string[] = [
  ...['string', 'boolean', 'date'],
  ...['int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64'],
];

/** How Hive writes a value that is not there. */
export const nullFolderValue = '__HIVE_DEFAULT_PARTITION__';

/** @throws BadInputError when these fields cannot be folders of a table. */
export function checkPartitionBy({ partitionBy, pathFormat }: Pick<TableLayout, 'partitionBy' | 'pathFormat'>): void {
  const taken = new Set<string>([...new PathFormat(pathFormat).names, ...systemColumnNames]);
  for (const name of partitionBy) {
    if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(name)) {
      throw new BadInputError(`expected a field to partition by of letters, digits and _, got "${name}"`);
    }
    if (taken.has(name.toLowerCase())) {
      throw new BadInputError(`cannot partition by "${name}": the table has a folder or column of that name already`);
    }
    taken.add(name.toLowerCase());
  }
}

/**
 * Takes the columns that are folders out of a schema: readers get them from the folders' names, and a file that has them too is
 * refused by some. @throws BadInputError for a type whose values cannot be a folder's name.
 */
export function splitPartitionColumns(
  schema: TableSchema,
  partitionBy: readonly string[],
): { schema: TableSchema; columns: Column[] } {
  const isFolder = (column: Column): boolean => partitionBy.includes(column.name);
  const columns = schema.columns.filter(isFolder);
  const wrong = columns.find(({ type }) => !folderTypes.includes(type));
  if (wrong) {
    throw new BadInputError(
      `cannot partition by "${wrong.name}" of type ${wrong.type}: expected one of ${folderTypes.join(', ')}`,
    );
  }
  if (columns.length === 0) return { schema, columns };
  return { schema: { ...schema, columns: schema.columns.filter((column) => !isFolder(column)) }, columns };
}

/**
 * A value as the name of a folder. ASCII beyond letters, digits, `.`, `_` and `-` is percent-encoded, which Hive, Spark, pyarrow and
 * DuckDB all undo; other characters stay as they are, because Hive and Spark decode byte by byte.
 */
export function folderValue(text: string): string {
  // DuckDB takes the plain word null, in any case, for a null.
  const special = /^null$/i.test(text) ? /^./ : /[^A-Za-z0-9._\-\u0080-\uffff]/g;
  return text.replace(special, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}
