// SQL that turns a row into JSON text without losing anything: whole numbers of any width as plain digits, decimals with
// all their digits, timestamps as RFC 3339 in UTC, binary as base64, NaN and infinities (which JSON lacks) as null.
// DuckDB's own to_json is used for text only: it makes doubles of decimals and writes timestamps with a blank.
import {
  type DuckDBArrayType,
  type DuckDBListType,
  type DuckDBMapType,
  type DuckDBStructType,
  type DuckDBType,
  DuckDBTypeId,
} from '@duckdb/node-api';
import { sqlIdentifier as identifier, sqlLiteral as literal } from './duckdb-instance.ts';

export interface ParquetColumn {
  name: string;
  type: DuckDBType;
}

/** An expression whose value is the JSON object of a row with these columns. */
export function jsonExpression(columns: readonly ParquetColumn[]): string {
  return objectOf(columns.map(({ name, type }) => ({ name, json: jsonOf(identifier(name), type, 0) })));
}

function objectOf(fields: readonly { name: string; json: string }[]): string {
  if (fields.length === 0) return "'{}'";
  const parts = fields.map(
    ({ name, json }, i) => `${literal(`${i === 0 ? '{' : ','}${JSON.stringify(name)}:`)} || ${json}`,
  );
  return `(${parts.join(' || ')} || '}')`;
}

/** JSON text of the SQL expression `value`; `null` as text for a null. `depth` keeps the names of nested lambdas apart. */
function jsonOf(value: string, type: DuckDBType, depth: number): string {
  return `coalesce(${jsonOfNonNull(value, type, depth)}, 'null')`;
}

function jsonOfNonNull(value: string, type: DuckDBType, depth: number): string {
  const text = `CAST(${value} AS VARCHAR)`;
  if (type.alias === 'JSON') return text; // it holds JSON already
  switch (type.typeId) {
    case DuckDBTypeId.BOOLEAN:
    case DuckDBTypeId.TINYINT:
    case DuckDBTypeId.SMALLINT:
    case DuckDBTypeId.INTEGER:
    case DuckDBTypeId.BIGINT:
    case DuckDBTypeId.UTINYINT:
    case DuckDBTypeId.USMALLINT:
    case DuckDBTypeId.UINTEGER:
    case DuckDBTypeId.UBIGINT:
    case DuckDBTypeId.HUGEINT:
    case DuckDBTypeId.UHUGEINT:
    case DuckDBTypeId.DECIMAL:
      return text;
    case DuckDBTypeId.FLOAT:
    case DuckDBTypeId.DOUBLE:
      return `CASE WHEN isfinite(${value}) THEN ${text} END`;
    case DuckDBTypeId.TIMESTAMP:
    case DuckDBTypeId.TIMESTAMP_S:
    case DuckDBTypeId.TIMESTAMP_MS:
    case DuckDBTypeId.TIMESTAMP_NS:
      return `'"' || replace(${text}, ' ', 'T') || 'Z"'`;
    case DuckDBTypeId.TIMESTAMP_TZ:
      return `'"' || replace(CAST(timezone('UTC', ${value}) AS VARCHAR), ' ', 'T') || 'Z"'`;
    case DuckDBTypeId.BLOB:
      return `'"' || to_base64(${value}) || '"'`;
    case DuckDBTypeId.LIST:
      return listOf(value, (type as DuckDBListType).valueType, depth);
    case DuckDBTypeId.ARRAY:
      return listOf(value, (type as DuckDBArrayType).valueType, depth);
    case DuckDBTypeId.STRUCT:
      return structOf(value, type as DuckDBStructType, depth);
    case DuckDBTypeId.MAP:
      return mapOf(value, type as DuckDBMapType, depth);
    default:
      return `CAST(to_json(${text}) AS VARCHAR)`; // text, dates, times, UUIDs, enums, intervals
  }
}

function listOf(value: string, itemType: DuckDBType, depth: number): string {
  const item = `item${depth}`;
  return `'[' || array_to_string(list_transform(${value}, lambda ${item}: ${jsonOf(item, itemType, depth + 1)}), ',') || ']'`;
}

function structOf(value: string, type: DuckDBStructType, depth: number): string {
  const fields = type.entryNames.map((name, i) => ({
    name,
    json: jsonOf(`struct_extract(${value}, ${literal(name)})`, type.entryTypes[i]!, depth),
  }));
  return `CASE WHEN ${value} IS NOT NULL THEN ${objectOf(fields)} END`;
}

/** An object; keys that are no text are written as text. */
function mapOf(value: string, type: DuckDBMapType, depth: number): string {
  const entry = `entry${depth}`;
  const json = `CAST(to_json(CAST(${entry}.key AS VARCHAR)) AS VARCHAR) || ':' || ${jsonOf(`${entry}.value`, type.valueType, depth + 1)}`;
  return `'{' || array_to_string(list_transform(map_entries(${value}), lambda ${entry}: ${json}), ',') || '}'`;
}
