export type { FileSource, FileStatus, PublishOutcome, WarehouseFiles } from './files/warehouse-files.ts';
export { type Column, type ColumnType, columnTypes, type TableSchema } from './table/table-schema.ts';
