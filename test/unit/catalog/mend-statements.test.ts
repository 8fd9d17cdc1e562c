import { describe, expect, it } from 'vitest';
import type { CatalogListing } from '../../../src/catalog/catalog-listing.ts';
import { scriptOf } from '../../../src/catalog/catalog-statements.ts';
import { compareCatalog, hasDrift } from '../../../src/catalog/compare-catalog.ts';
import { allStatements, mendStatements } from '../../../src/catalog/mend-statements.ts';
import { parsePartition } from '../../../src/catalog/partition-name.ts';
import type { CatalogTable } from '../../../src/catalog/project-table.ts';

const folders = ['dt', 'country'];
const partition = (folder: string) => parsePartition(folder, folders)!;
const table: CatalogTable = {
  ...{ database: 'lake', name: 'visits', location: 'hdfs://nn/warehouse/visits', folders },
  columns: [
    { name: 'userId', type: 'bigint' },
    { name: 'score', type: 'double' },
  ],
  leftOut: [],
  partitions: [
    'dt=2026-11-20/country=DE',
    'dt=2026-11-20/country=a%20b',
    'dt=2026-11-20/country=__HIVE_DEFAULT_PARTITION__',
  ].map(partition),
  expired: [parsePartition('dt=2026-01-01', ['dt'])!],
};
/** A catalog that has all of it. */
const right: CatalogListing = {
  partitions: [
    'dt=2026-11-20/country=DE',
    'dt=2026-11-20/country=a b',
    'dt=2026-11-20/country=__HIVE_DEFAULT_PARTITION__',
  ].map(partition),
  columns: [
    { name: 'userid', type: 'bigint' },
    { name: 'score', type: 'double' },
  ],
  partitionColumns: folders.map((name) => ({ name, type: 'string' })),
  ...{ location: 'hdfs://nn/warehouse/visits', isExternal: true, hasPurge: false },
};
const verbs = (statements: readonly string[]): string[] =>
  statements.map((text) => /^(?:ALTER TABLE \S+ )?(\w+)/.exec(text)![1]!);

describe('statements for a catalog that may know nothing', () => {
  it('make the table, add what is live and drop what has expired', () => {
    const script = scriptOf(allStatements(table, 'hive'));
    expect(script).toBe(`CREATE EXTERNAL TABLE IF NOT EXISTS \`lake\`.\`visits\` (
  \`userId\` bigint,
  \`score\` double
)
PARTITIONED BY (\`dt\` string, \`country\` string)
STORED AS PARQUET
LOCATION 'hdfs://nn/warehouse/visits'
TBLPROPERTIES ('external.table.purge'='false', 'discover.partitions'='false');
ALTER TABLE \`lake\`.\`visits\` ADD IF NOT EXISTS
  PARTITION (\`dt\`='2026-11-20', \`country\`='DE') LOCATION 'hdfs://nn/warehouse/visits/dt=2026-11-20/country=DE'
  PARTITION (\`dt\`='2026-11-20', \`country\`='a b') LOCATION 'hdfs://nn/warehouse/visits/dt=2026-11-20/country=a%20b';
SET hive.exec.default.partition.name=__SLUICE_NO_PARTITION__;
ALTER TABLE \`lake\`.\`visits\` ADD IF NOT EXISTS
  PARTITION (\`dt\`='2026-11-20', \`country\`='__HIVE_DEFAULT_PARTITION__') LOCATION 'hdfs://nn/warehouse/visits/dt=2026-11-20/country=__HIVE_DEFAULT_PARTITION__';
SET hive.exec.default.partition.name=__HIVE_DEFAULT_PARTITION__;
ALTER TABLE \`lake\`.\`visits\` DROP IF EXISTS
  PARTITION (\`dt\`='2026-01-01');
`);
  });

  it('are cut into pieces of a hundred partitions', () => {
    const many = Array.from({ length: 250 }, (_, i) => partition(`dt=2026-11-20/country=c${i}`));
    expect(verbs(allStatements({ ...table, partitions: many, expired: [] }, 'spark'))).toEqual([
      'CREATE',
      'ADD',
      'ADD',
      'ADD',
    ]);
  });

  it('are refused for a name that a metastore cannot have', () => {
    expect(() => allStatements({ ...table, name: 'a.b' }, 'hive')).toThrow(/letters, digits and _ .*--name.*"a\.b"/);
  });
});

describe('a catalog that is right', () => {
  it('needs nothing, however it writes names and places', () => {
    expect(hasDrift(compareCatalog(table, right))).toBe(false);
    expect(mendStatements(table, right, 'hive')).toEqual([]);
    const local = { ...table, location: 'file:///data/visits' };
    expect(hasDrift(compareCatalog(local, { ...right, location: 'file:/data/visits' }))).toBe(false);
  });
});

describe('a catalog that differs', () => {
  const without = (name: string): CatalogListing => ({
    ...right,
    columns: right.columns!.filter((column) => column.name !== name),
  });
  const retyped: CatalogListing = { ...right, columns: right.columns!.map((one) => ({ ...one, type: 'int' })) };

  it('gets what it lacks and loses what it has too much', () => {
    const stray = partition('dt=2026-11-21/country=DE');
    const broken = { ...without('score'), partitions: [...right.partitions.slice(1), stray] };
    const drift = compareCatalog(table, broken);
    expect(drift).toMatchObject({
      missing: [{ folder: 'dt=2026-11-20/country=DE' }],
      extra: [stray],
      columns: [{ name: 'score', expected: 'double', found: null }],
    });
    expect(mendStatements(table, broken, 'hive')).toEqual([
      'ALTER TABLE `lake`.`visits` ADD COLUMNS (`score` double) CASCADE',
      "ALTER TABLE `lake`.`visits` ADD IF NOT EXISTS\n  PARTITION (`dt`='2026-11-20', `country`='DE') LOCATION 'hdfs://nn/warehouse/visits/dt=2026-11-20/country=DE'",
      "ALTER TABLE `lake`.`visits` DROP IF EXISTS\n  PARTITION (`dt`='2026-11-21', `country`='DE')",
    ]);
    expect(mendStatements(table, broken, 'spark')[0]).toBe('ALTER TABLE `lake`.`visits` ADD COLUMNS (`score` double)');
  });

  it('gets another type by Hive, and in Spark, which cannot do that, the whole table anew', () => {
    expect(mendStatements(table, retyped, 'hive')).toEqual([
      'ALTER TABLE `lake`.`visits` CHANGE COLUMN `userId` `userId` bigint CASCADE',
      'ALTER TABLE `lake`.`visits` CHANGE COLUMN `score` `score` double CASCADE',
    ]);
    expect(verbs(mendStatements(table, retyped, 'spark'))).toEqual(['DROP', 'CREATE', 'ADD']);
  });

  it('is made anew when it has a column too many, or other folders', () => {
    const wider = { ...right, columns: [...right.columns!, { name: 'old', type: 'int' }] };
    expect(verbs(mendStatements(table, wider, 'hive'))).toEqual(['DROP', 'CREATE', 'ADD', 'SET', 'ADD', 'SET']);
    const other = { ...right, partitionColumns: [{ name: 'dt', type: 'date' }] };
    expect(compareCatalog(table, other).partitionColumns).toEqual([
      { name: 'dt', expected: 'string', found: 'date' },
      { name: 'country', expected: 'string', found: null },
    ]);
    expect(verbs(mendStatements(table, other, 'hive'))[0]).toBe('DROP');
  });

  it.each([
    [
      'lies elsewhere',
      { location: 'hdfs://nn/elsewhere' },
      /expected hdfs:\/\/nn\/warehouse\/visits, got hdfs:\/\/nn\/elsewhere; nothing was changed/,
    ],
    ['is managed', { isExternal: false }, /got a managed table; nothing was changed/],
    ['takes its files along', { hasPurge: true }, /got external\.table\.purge=true; nothing was changed/],
    ['says nothing of that', { location: null }, /expected the output of DESCRIBE FORMATTED as well/],
  ])('is left alone when it %s', (_what, change, message) => {
    expect(() => mendStatements(table, { ...right, ...change }, 'hive')).toThrow(message);
  });
});
