export { copyToLocal, localPathOf } from './files/copy-to-local.ts';
export { createUnique } from './files/create-unique.ts';
export { hdfsConfigVariable } from './files/hdfs-settings.ts';
export { LocalFiles } from './files/local-files.ts';
export { type OpenWarehouseOptions, openWarehouse } from './files/open-warehouse.ts';
export { type CheckResult, runSelftest, type SelftestReport } from './files/selftest/selftest.ts';
export { isWarehouseError, WarehouseError, type WarehouseErrorCode } from './files/warehouse-error.ts';
export type { FileSource, FileStatus, PublishOutcome, WarehouseFiles } from './files/warehouse-files.ts';
export { parseWarehouseUrl } from './files/warehouse-url.ts';
export type { BatchCursor, BatchFormat, BatchSummary } from './parquet/batch-records.ts';
export { ColumnScan } from './parquet/column-scan.ts';
export {
  openParquetEngine,
  type ParquetEngineName,
  type ParquetEngineOptions,
  parquetEngineNames,
  parquetProblem,
} from './parquet/open-parquet-engine.ts';
export type {
  AppendOutcome,
  EncoderOptions,
  OffsetRange,
  ParquetCodec,
  ParquetEngine,
  RefusedRecord,
  SealedFile,
  TableEncoder,
  ValueDecoding,
  WriterOptions,
} from './parquet/parquet-engine.ts';
export { fileReader, type ParquetFooter, type RangedReader, readParquetFooter } from './parquet/parquet-footer.ts';
export { FileMerger, type MergeOptions } from './parquet/rewrite/file-merger.ts';
export type { PartitionFacts } from './parquet/rewrite/row-facts.ts';
export { addContentHashes } from './parquet/row-hash.ts';
export {
  querySandboxed,
  type SandboxLimits,
  type SandboxResult,
  type SandboxView,
} from './parquet/sandboxed-query.ts';
export {
  epochMsExpression,
  parquetSource,
  type QueryColumn,
  rowJson,
  sqlIdentifier,
  sqlLiteral,
  TableQuery,
} from './parquet/table-query.ts';
export { parseColumnsFile, readColumnsFile } from './table/columns-file.ts';
export { type ContractFile, type ContractWriter, contractOf, type TableContract } from './table/contract.ts';
export { type ContractSurroundings, parseContractFile, readContractFile } from './table/contract-file.ts';
export {
  type ColumnType,
  canonicalType,
  type DataType,
  formatType,
  isNested,
  parseType,
  TypeTextError,
} from './table/data-type.ts';
export { type ColumnChange, type ColumnDifference, diffSchemas } from './table/diff-schemas.ts';
export { withFieldIds } from './table/field-ids.ts';
export { inferBatchSchema, inferSchema, type SampleRecord } from './table/infer-schema.ts';
export { contractToKeep, restoreContract } from './table/kept-contract.ts';
export { holdsSchema, mergeSchemas, SchemaConflictError } from './table/merge-schemas.ts';
export { checkPartitionBy, nullFolderValue, splitPartitionColumns } from './table/partition-columns.ts';
export { defaultPathFormat, PathFormat } from './table/path-format.ts';
export type { ColumnRule, PersonalRule, RecordRules } from './table/record-rules.ts';
export { parseSchema, parseTableSchema, serializeSchema } from './table/schema-codec.ts';
export {
  defaultLayout,
  hourFolder,
  type LayoutOptions,
  type PartFileName,
  parseHourFolder,
  parsePartFileName,
  parseTableFolder,
  partFileName,
  type TableLayout,
  TablePaths,
  tableFolder,
} from './table/table-layout.ts';
export type { Column, TableSchema } from './table/table-schema.ts';
export { TimeFolders, type TimePeriod, type TimeSegment } from './table/time-folders.ts';
export { TimeZone } from './table/time-zone.ts';
export { typeOrJson, withTypedColumns } from './table/typed-columns.ts';
