import type { CatalogListing } from './catalog-listing.ts';
import { isSameHiveType } from './hive-type.ts';
import { type CatalogPartition, partitionKeyOf } from './partition-name.ts';
import type { CatalogColumn, CatalogTable } from './project-table.ts';

export interface ColumnDrift {
  name: string;
  /** Null: the table has no such column. */
  expected: string | null;
  /** Null: the catalog has no such column. */
  found: string | null;
}

/** In what a catalog differs from the ledger. */
export interface CatalogDrift {
  /** Folders with live files that the catalog does not know. */
  missing: readonly CatalogPartition[];
  /** Partitions of the catalog without live files, or of hours that are not to be shown. */
  extra: readonly CatalogPartition[];
  columns: readonly ColumnDrift[];
  partitionColumns: readonly ColumnDrift[];
  /** Something that makes it another table: where it lies, whose its files are. */
  foreign: readonly { what: 'location' | 'kind'; expected: string; found: string }[];
}

export function compareCatalog(table: CatalogTable, listing: CatalogListing): CatalogDrift {
  const expected = new Set(table.partitions.map(partitionKeyOf));
  const found = new Set(listing.partitions.map(partitionKeyOf));
  return {
    missing: table.partitions.filter((one) => !found.has(partitionKeyOf(one))),
    extra: listing.partitions.filter((one) => !expected.has(partitionKeyOf(one))),
    columns: listing.columns === null ? [] : compareColumns(table.columns, listing.columns),
    partitionColumns: comparePartitionColumns(table, listing),
    foreign: compareTable(table, listing),
  };
}

export function hasDrift({ missing, extra, columns, partitionColumns, foreign }: CatalogDrift): boolean {
  return [missing, extra, columns, partitionColumns, foreign].some(({ length }) => length > 0);
}

/** By name: the order counts for nobody, because Parquet is read by names. */
function compareColumns(expected: readonly CatalogColumn[], found: readonly CatalogColumn[]): ColumnDrift[] {
  const foundTypes = new Map(found.map(({ name, type }) => [name.toLowerCase(), type]));
  const names = new Set(expected.map(({ name }) => name.toLowerCase()));
  const drifts = expected.map(({ name, type }) => ({
    ...{ name, expected: type, found: foundTypes.get(name.toLowerCase()) ?? null },
  }));
  return [
    ...drifts.filter((drift) => drift.found === null || !isSameHiveType(drift.expected, drift.found)),
    ...found
      .filter(({ name }) => !names.has(name.toLowerCase()))
      .map(({ name, type }) => ({ name, expected: null, found: type })),
  ];
}

function comparePartitionColumns({ folders }: CatalogTable, listing: CatalogListing): ColumnDrift[] {
  if (listing.columns === null) return [];
  return compareColumns(
    folders.map((name) => ({ name, type: 'string' })),
    listing.partitionColumns,
  );
}

function compareTable({ location }: CatalogTable, listing: CatalogListing): CatalogDrift['foreign'] {
  const { location: found, isExternal, hasPurge } = listing;
  const kind = { what: 'kind', expected: 'an external table that keeps its files' } as const;
  return [
    ...(found === null || samePlace(found, location) ? [] : [{ what: 'location', expected: location, found } as const]),
    ...(isExternal === false ? [{ ...kind, found: 'a managed table' }] : []),
    ...(hasPurge ? [{ ...kind, found: 'external.table.purge=true' }] : []),
  ];
}

/** Hadoop writes `file:/x` for `file:///x`. */
function samePlace(one: string, other: string): boolean {
  const plain = (url: string): string => url.replace(/^file:\/*/, 'file:/').replace(/\/+$/, '');
  return plain(one) === plain(other);
}
