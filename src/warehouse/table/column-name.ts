/**
 * Which names a column may have. System columns are in every table and their names are taken; beyond them any non-empty
 * text is allowed that readers can cope with. Names that differ only in case are one name to Spark, Hive and DuckDB, so a
 * table never has both.
 */
export const systemColumnNames = ['_partition', '_offset', '_timestamp', '_key'] as const;

/** Bytes of UTF-8 a column name may have. */
export const maxColumnNameBytes = 255;

/** Columns a table may have besides the system columns: a topic whose field names are data must not grow without end. */
export const maxColumnCount = 1000;

const taken = new Set<string>(systemColumnNames);

/** Null when the name can be a column's name (or that of a field within one), else why not. */
export function columnNameProblem(name: string, what: 'column' | 'field' = 'column'): string | null {
  if (name === '') return `a ${what} needs a name`;
  if (what === 'column' && taken.has(name.toLowerCase())) return `"${name}" is the name of a system column`;
  if (name === '__proto__') return `"__proto__" cannot be a ${what} name`;
  if (/\p{Cc}/u.test(name)) return `a ${what} name cannot hold control characters`;
  if (Buffer.byteLength(name) > maxColumnNameBytes) return `a ${what} name has at most ${maxColumnNameBytes} bytes`;
  return null;
}
