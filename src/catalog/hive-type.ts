import { type ColumnType, type DataType, parseType } from '../warehouse/index.ts';
import { hiveFieldProblem, hiveName, hiveNameProblem } from './hive-text.ts';

/**
 * Whose SQL the statements are in. `hive`: Hive's own, which makes tables that all who share the metastore can read. `spark`: tables
 * of Spark's own Parquet source.
 */
export type CatalogDialect = 'hive' | 'spark';

/**
 * The type of Hive and Spark that reads a column of ours as it is in the files (docs/formats.md, section Tables). Unsigned integers
 * have the next wider type; what has no type there is what stands in the file: a UUID is 16 bytes, a time of day an integer. Hive
 * has one type for instants and for clocks' readings.
 */
export function hiveType(type: DataType, dialect: CatalogDialect): string {
  switch (type.kind) {
    case 'decimal':
      return `decimal(${type.precision},${type.scale})`;
    case 'list':
      return `array<${hiveType(type.element, dialect)}>`;
    case 'map':
      return `map<string,${hiveType(type.value, dialect)}>`;
    case 'struct':
      return `struct<${type.fields.map(({ name, type: part }) => `${hiveName(name)}:${hiveType(part, dialect)}`).join(',')}>`;
    case 'fixed':
      return 'binary';
    case 'enum':
      return 'string';
    case 'local_timestamp':
    case 'local_timestamp_us':
      return dialect === 'spark' ? 'timestamp_ntz' : 'timestamp';
    default:
      return plainTypes[type.kind];
  }
}

/** What the catalog makes of a column: its type, or why it cannot have it. */
export function hiveColumn(
  name: string,
  type: ColumnType,
  dialect: CatalogDialect,
): { type: string; problem: null } | { type: null; problem: string } {
  const parsed = parseType(type);
  const problem = hiveNameProblem(name) ?? fieldProblem(parsed);
  return problem === null ? { type: hiveType(parsed, dialect), problem } : { type: null, problem };
}

function fieldProblem(type: DataType): string | null {
  if (type.kind === 'list') return fieldProblem(type.element);
  if (type.kind === 'map') return fieldProblem(type.value);
  if (type.kind !== 'struct') return null;
  for (const field of type.fields) {
    const problem = hiveFieldProblem(field.name) ?? fieldProblem(field.type);
    if (problem !== null) return problem;
  }
  return null;
}

const plainTypes = {
  boolean: 'boolean',
  int8: 'tinyint',
  int16: 'smallint',
  int32: 'int',
  int64: 'bigint',
  uint8: 'smallint',
  uint16: 'int',
  uint32: 'bigint',
  uint64: 'decimal(20,0)',
  float: 'float',
  double: 'double',
  string: 'string',
  json: 'string',
  bytes: 'binary',
  uuid: 'binary',
  date: 'date',
  time_ms: 'int',
  time_us: 'bigint',
  timestamp: 'timestamp',
  timestamp_us: 'timestamp',
} as const;

/**
 * Whether a type, as DESCRIBE shows it, is the one that we want. Hive keeps the names of fields in lower case; Spark leaves out the
 * fields of a struct behind the 25th ("... 3 more fields"), so those are taken for right.
 */
export function isSameHiveType(expected: string, shown: string): boolean {
  const [wanted, found] = [bare(expected), bare(shown)];
  const cut = found.indexOf('...');
  return cut === -1
    ? wanted === found
    : /^\.\.\.\d+morefields/.test(found.slice(cut)) && wanted.startsWith(found.slice(0, cut));
}

function bare(type: string): string {
  return type.toLowerCase().replace(/[\s`]/g, '');
}
