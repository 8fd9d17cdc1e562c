// The door of the catalog: what metastores should say of a table, as a projection of its ledger.

export { parseClientCommand } from './catalog-client.ts';
export { type CatalogListing, readListing } from './catalog-listing.ts';
export { qualifiedName, scriptOf } from './catalog-statements.ts';
export { type CatalogDrift, type ColumnDrift, compareCatalog, hasDrift } from './compare-catalog.ts';
export { duckdbView } from './duckdb-view.ts';
export type { CatalogDialect } from './hive-type.ts';
export { allStatements, mendStatements } from './mend-statements.ts';
export { type CatalogPlace, type CatalogTable, catalogPlace, projectTable } from './project-table.ts';
export { type SyncReport, syncCatalog } from './sync-catalog.ts';
