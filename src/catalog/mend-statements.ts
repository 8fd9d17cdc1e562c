import { BadInputError } from '../shared/index.ts';
import type { CatalogListing } from './catalog-listing.ts';
import {
  addColumns,
  addPartitions,
  changeColumn,
  createTable,
  dropPartitions,
  dropTable,
} from './catalog-statements.ts';
import { type CatalogDrift, compareCatalog } from './compare-catalog.ts';
import type { CatalogDialect } from './hive-type.ts';
import type { CatalogColumn, CatalogTable } from './project-table.ts';

/** Everything that a catalog should know, for one that may know nothing yet. Safe to repeat; columns of a table that is there stay. */
export function allStatements(table: CatalogTable, dialect: CatalogDialect): string[] {
  return [
    createTable(table, dialect),
    ...addPartitions(table, table.partitions, dialect),
    ...dropPartitions(table, table.expired),
  ];
}

/**
 * Only what makes a catalog, as it is, right again; nothing when it is. What cannot be altered there is made anew: the table of the
 * catalog goes and comes again with all its partitions, its files stay where they are.
 *
 * @throws BadInputError when the table of that name is not ours to alter, or the listing does not say so
 */
export function mendStatements(table: CatalogTable, listing: CatalogListing, dialect: CatalogDialect): string[] {
  if (listing.isExternal === null || listing.location === null) {
    throw new BadInputError(
      'expected the output of DESCRIBE FORMATTED as well: it says where the table lies and that its files are safe',
    );
  }
  const drift = compareCatalog(table, listing);
  const [foreign] = drift.foreign;
  if (foreign) {
    const { expected, found } = foreign;
    throw new BadInputError(
      `the catalog has another table of that name: expected ${expected}, got ${found}; nothing was changed`,
    );
  }
  if (needsNewTable(drift, dialect)) {
    return [dropTable(table), createTable(table, dialect), ...addPartitions(table, table.partitions, dialect)];
  }
  const added = drift.columns.filter(({ found }) => found === null).map(columnOf);
  const changed = drift.columns.filter(({ found }) => found !== null).map(columnOf);
  return [
    ...addColumns(table, added, dialect),
    ...changed.map((column) => changeColumn(table, column)),
    ...addPartitions(table, drift.missing, dialect),
    ...dropPartitions(table, drift.extra),
  ];
}

/** Columns cannot be taken away one by one, and Spark cannot change their types. */
function needsNewTable({ columns, partitionColumns }: CatalogDrift, dialect: CatalogDialect): boolean {
  if (partitionColumns.length > 0) return true;
  return columns.some(({ expected, found }) => expected === null || (found !== null && dialect === 'spark'));
}

function columnOf({ name, expected }: CatalogDrift['columns'][number]): CatalogColumn {
  return { name, type: expected! };
}
