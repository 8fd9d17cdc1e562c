import { systemColumnNames } from '../table/column-name.ts';
import { type DataType, isNested, parseType, type ScalarType } from '../table/data-type.ts';
import { systemFieldIds } from '../table/field-ids.ts';
import type { TableSchema } from '../table/table-schema.ts';
import { sqlIdentifier, sqlLiteral } from './duckdb-instance.ts';
import { type SchemaNode, schemaNode } from './schema-nodes.ts';

/**
 * For those who copy finished files with DuckDB: how a column that it has read from such files has to be selected so that COPY writes it with
 * the physical types and groups of ours, and the schema that `annotateFile` is to be given afterwards.
 */

/** SQL for the column's value, read from files of the table, as COPY is to write it. `value` may be NULL. */
export function storedForm(value: string, type: string): string {
  const parsed = parseType(type);
  if (value === 'NULL') return `NULL::${storedSqlType(parsed)}`;
  return `CAST(${convert(value, parsed)} AS ${storedSqlType(parsed)})`;
}

/** The schema of a file with all columns of the table and the system columns, in that order. */
export function tableNodes(schema: TableSchema): SchemaNode[] {
  const types = { _partition: 'int32', _offset: 'int64', _timestamp: 'timestamp', _key: schema.keyType } as const;
  return [
    ...schema.columns.map(({ name, type, fieldIds }) => schemaNode(name, parseType(type), fieldIds)),
    ...systemColumnNames.map((name) => schemaNode(name, parseType(types[name]), { '': systemFieldIds[name]! })),
  ];
}

const sqlTypes: Partial<Record<ScalarType['kind'], string>> = {
  boolean: 'BOOLEAN',
  int8: 'TINYINT',
  int16: 'SMALLINT',
  int32: 'INTEGER',
  int64: 'BIGINT',
  uint8: 'UTINYINT',
  uint16: 'USMALLINT',
  uint32: 'UINTEGER',
  uint64: 'UBIGINT',
  float: 'FLOAT',
  double: 'DOUBLE',
  bytes: 'BLOB',
  uuid: 'UUID',
  fixed: 'UUID',
  date: 'DATE',
  time_ms: 'INTEGER',
  time_us: 'BIGINT',
  timestamp: 'BIGINT',
  timestamp_us: 'BIGINT',
  local_timestamp: 'BIGINT',
  local_timestamp_us: 'BIGINT',
};

function storedSqlType(type: DataType): string {
  switch (type.kind) {
    case 'list':
      return `${storedSqlType(type.element)}[]`;
    case 'map':
      return `MAP(VARCHAR, ${storedSqlType(type.value)})`;
    case 'struct':
      return `STRUCT(${type.fields.map((field) => `${sqlIdentifier(field.name)} ${storedSqlType(field.type)}`).join(', ')})`;
    case 'decimal':
      return `DECIMAL(${type.precision},${type.scale})`;
    default:
      return sqlTypes[type.kind] ?? 'VARCHAR';
  }
}

/** Times as numbers, in nested values too; what DuckDB would write as it is stays. */
function convert(value: string, type: DataType, depth = 0): string {
  if (!isNested(type)) return convertScalar(value, type);
  if (!needsConversion(type)) return value;
  const part = `x${depth}`;
  if (type.kind === 'list')
    return `list_transform(${value}, lambda ${part}: ${convert(part, type.element, depth + 1)})`;
  if (type.kind === 'map') {
    const entry = `{'key': ${part}.key, 'value': ${convert(`${part}.value`, type.value, depth + 1)}}`;
    return `map_from_entries(list_transform(map_entries(${value}), lambda ${part}: ${entry}))`;
  }
  const fields = type.fields.map(
    (field) => `${sqlLiteral(field.name)}: ${convert(`${value}.${sqlIdentifier(field.name)}`, field.type, depth)}`,
  );
  return `CASE WHEN ${value} IS NULL THEN NULL ELSE {${fields.join(', ')}} END`;
}

function convertScalar(value: string, type: ScalarType): string {
  switch (type.kind) {
    case 'timestamp':
    case 'local_timestamp':
      return `epoch_ms(${value})`;
    case 'timestamp_us':
    case 'local_timestamp_us':
      return `epoch_us(${value})`;
    case 'time_ms':
      return `(epoch_us(${value}) // 1000)`;
    case 'time_us':
      return `epoch_us(${value})`;
    case 'fixed':
      return `hex(${value})`;
    default:
      return value;
  }
}

function needsConversion(type: DataType): boolean {
  switch (type.kind) {
    case 'list':
      return needsConversion(type.element);
    case 'map':
      return needsConversion(type.value);
    case 'struct':
      return type.fields.some((field) => needsConversion(field.type));
    default:
      return convertScalar('x', type) !== 'x';
  }
}
