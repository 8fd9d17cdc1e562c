import { columnNameProblem, maxColumnCount } from './column-name.ts';
import { canonicalType, TypeTextError } from './data-type.ts';
import type { Column, TableSchema } from './table-schema.ts';

/**
 * An inferred schema whose columns have the types that a schema of the values gives them, in its order; columns that only the
 * values showed follow. A name that cannot be a column's gets none, a type that a column cannot have becomes `json`.
 */
export function withTypedColumns(inferred: TableSchema, typed: readonly { name: string; type: string }[]): TableSchema {
  const columns: Column[] = [];
  const folded = new Set<string>();
  for (const { name, type } of typed) {
    if (columnNameProblem(name) !== null || folded.has(name.toLowerCase())) continue;
    folded.add(name.toLowerCase());
    columns.push({ name, type: typeOrJson(type), isRequired: false });
  }
  const others = inferred.columns.filter(({ name }) => !folded.has(name.toLowerCase()));
  return { ...inferred, columns: [...columns, ...others].slice(0, maxColumnCount) };
}

/** The type that a text describes; `json` when it describes none that a column can have. */
export function typeOrJson(type: string): Column['type'] {
  try {
    return canonicalType(type);
  } catch (error) {
    if (error instanceof TypeTextError) return 'json';
    throw error;
  }
}
