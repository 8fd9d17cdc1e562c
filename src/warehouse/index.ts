export { createUnique } from './files/create-unique.ts';
export { LocalFiles } from './files/local-files.ts';
export { type OpenWarehouseOptions, openWarehouse } from './files/open-warehouse.ts';
export { isWarehouseError, WarehouseError, type WarehouseErrorCode } from './files/warehouse-error.ts';
export type { FileSource, FileStatus, PublishOutcome, WarehouseFiles } from './files/warehouse-files.ts';
export { parseSchema, serializeSchema } from './table/schema-codec.ts';
export { parseTableFolder, TablePaths, tableFolder } from './table/table-layout.ts';
export { type Column, type ColumnType, columnTypes, type TableSchema } from './table/table-schema.ts';
