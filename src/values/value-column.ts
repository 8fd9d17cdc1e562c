/**
 * A column that a schema calls for. `type` is the text of a column type of a table (`decimal(18,2)`, `list<int64>`, ...). None is
 * required: a later version of the schema may drop the field, and its values must land all the same.
 */
export interface ValueColumn {
  name: string;
  type: string;
}

/** The text of a struct's or column's name within a type. */
export function nameInType(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_-]*$/.test(name) ? name : JSON.stringify(name);
}

/** Types within types that a table's columns may have; what is deeper is kept as JSON. */
export const maxTypeDepth = 16;

/** `struct{...}` of fields with types; names that a table cannot tell apart (or none at all) make it JSON. */
export function structType(fields: readonly ValueColumn[]): string {
  const folded = new Set(fields.map(({ name }) => name.toLowerCase()));
  if (fields.length === 0 || folded.size < fields.length) return 'json';
  return `struct{${fields.map(({ name, type }) => `${nameInType(name)}: ${type}`).join(', ')}}`;
}
