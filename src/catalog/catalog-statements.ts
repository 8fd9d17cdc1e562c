import { BadInputError } from '../shared/index.ts';
import { hiveLiteral, hiveName } from './hive-text.ts';
import type { CatalogDialect } from './hive-type.ts';
import { type CatalogPartition, isNullValue } from './partition-name.ts';
import type { CatalogColumn, CatalogTable } from './project-table.ts';

/** Partitions in one statement: few round trips, and no statement without end. */
const partitionsPerStatement = 100;

/** A dropped table or partition takes no file along, and no metastore adds folders by itself (Hive 4). */
const properties = `TBLPROPERTIES ('external.table.purge'='false', 'discover.partitions'='false')`;

/** `name`, or `database.name`, in backticks. @throws BadInputError when a metastore cannot have such a name. */
export function qualifiedName({ database, name }: Pick<CatalogTable, 'database' | 'name'>): string {
  for (const part of database === null ? [name] : [database, name]) {
    if (/^[A-Za-z0-9_]+$/.test(part)) continue;
    throw new BadInputError(`expected a name of letters, digits and _ for the catalog (--name), got "${part}"`);
  }
  return database === null ? hiveName(name) : `${hiveName(database)}.${hiveName(name)}`;
}

export function createTable(table: CatalogTable, dialect: CatalogDialect): string {
  const columns = table.columns.map(columnText);
  const folders = table.folders.map((name) => columnText({ name, type: 'string' }));
  const [first, format] =
    dialect === 'hive'
      ? [`CREATE EXTERNAL TABLE IF NOT EXISTS`, `PARTITIONED BY (${folders.join(', ')})\nSTORED AS PARQUET`]
      : ['CREATE TABLE IF NOT EXISTS', `USING PARQUET\nPARTITIONED BY (${table.folders.map(hiveName).join(', ')})`];
  const body = dialect === 'hive' ? columns : [...columns, ...folders];
  const location = `LOCATION ${hiveLiteral(table.location)}`;
  return `${first} ${qualifiedName(table)} (\n  ${body.join(',\n  ')}\n)\n${format}\n${location}\n${properties}`;
}

/** The table of the catalog goes, its files stay: it is external, and its properties say so. */
export function dropTable(table: CatalogTable): string {
  return `DROP TABLE IF EXISTS ${qualifiedName(table)}`;
}

/** Hive keeps columns with each partition as well, hence CASCADE; Spark looks at the table's only. */
export function addColumns(table: CatalogTable, columns: readonly CatalogColumn[], dialect: CatalogDialect): string[] {
  if (columns.length === 0) return [];
  const added = columns.map(columnText).join(', ');
  return [`ALTER TABLE ${qualifiedName(table)} ADD COLUMNS (${added})${dialect === 'hive' ? ' CASCADE' : ''}`];
}

/** Hive only. */
export function changeColumn(table: CatalogTable, column: CatalogColumn): string {
  return `ALTER TABLE ${qualifiedName(table)} CHANGE COLUMN ${hiveName(column.name)} ${columnText(column)} CASCADE`;
}

export function addPartitions(
  table: CatalogTable,
  partitions: readonly CatalogPartition[],
  dialect: CatalogDialect,
): string[] {
  const add = (some: readonly CatalogPartition[]): string[] =>
    inGroups(some).map((group) => {
      const lines = group.map(
        (one) => `\n  ${specOf(table, one)} LOCATION ${hiveLiteral(`${table.location}/${one.folder}`)}`,
      );
      return `ALTER TABLE ${qualifiedName(table)} ADD IF NOT EXISTS${lines.join('')}`;
    });
  if (dialect === 'spark') return add(partitions);
  const hasNull = ({ values }: CatalogPartition): boolean => values.some(isNullValue);
  return [...add(partitions.filter((one) => !hasNull(one))), ...withNulls(add(partitions.filter(hasNull)))];
}

/** Of expired folders only the time may be named: all below it goes. */
export function dropPartitions(table: CatalogTable, partitions: readonly CatalogPartition[]): string[] {
  return inGroups(partitions).map((group) => {
    const lines = group.map((one) => `\n  ${specOf(table, one)}`);
    return `ALTER TABLE ${qualifiedName(table)} DROP IF EXISTS${lines.join(',')}`;
  });
}

/** What makes a client print all that `readListing` reads. */
export function describeTable(table: CatalogTable): string[] {
  const name = qualifiedName(table);
  return [`DESCRIBE FORMATTED ${name}`, `SHOW PARTITIONS ${name}`];
}

/** Statements as the text of a file: a semicolon ends each, and stands nowhere else. */
export function scriptOf(statements: readonly string[]): string {
  return statements.map((statement) => `${statement};\n`).join('');
}

/** Hive refuses the name of its null partition in a statement, unless that name is another one at that moment. */
function withNulls(statements: readonly string[]): string[] {
  if (statements.length === 0) return [];
  const setName = (name: string): string => `SET hive.exec.default.partition.name=${name}`;
  return [setName('__SLUICE_NO_PARTITION__'), ...statements, setName('__HIVE_DEFAULT_PARTITION__')];
}

function specOf(table: CatalogTable, { values }: CatalogPartition): string {
  return `PARTITION (${values.map((value, i) => `${hiveName(table.folders[i]!)}=${hiveLiteral(value)}`).join(', ')})`;
}

function columnText({ name, type }: CatalogColumn): string {
  return `${hiveName(name)} ${type}`;
}

function inGroups<T>(items: readonly T[]): T[][] {
  const count = Math.ceil(items.length / partitionsPerStatement);
  return Array.from({ length: count }, (_, i) =>
    items.slice(i * partitionsPerStatement, (i + 1) * partitionsPerStatement),
  );
}
