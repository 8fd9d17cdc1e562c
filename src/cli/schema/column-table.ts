import { stringify } from 'yaml';
import type { ColumnDifference, TableSchema } from '../../warehouse/index.ts';
import { printTable } from '../output.ts';

/** Prints the columns of a schema as a table. */
export function printColumns(schema: TableSchema): void {
  printTable(schema.columns, [
    { header: 'COLUMN', cell: ({ name }) => name },
    { header: 'TYPE', cell: ({ type }) => type },
    { header: 'REQUIRED', cell: ({ isRequired }) => (isRequired ? 'yes' : '') },
    { header: 'FIELD ID', cell: ({ fieldIds }) => String(fieldIds?.[''] ?? ''), align: 'right' },
  ]);
}

export function printDifferences(differences: readonly ColumnDifference[]): void {
  printTable(differences, [
    { header: 'COLUMN', cell: ({ column }) => column },
    { header: 'CHANGE', cell: ({ change }) => change },
    { header: 'BEFORE', cell: ({ before }) => before ?? '' },
    { header: 'AFTER', cell: ({ after }) => after ?? '' },
    { header: 'TOGETHER', cell: ({ together }) => together ?? 'impossible' },
  ]);
}

/** The contract that declares these columns. */
export function contractText(schema: TableSchema): string {
  const columns = schema.columns.map(({ name, type, isRequired }) => ({
    name,
    type,
    ...(isRequired ? { required: true } : {}),
  }));
  return stringify({ key: schema.keyType, columns });
}
