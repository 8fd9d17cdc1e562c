import { isNested, parseType } from '../table/data-type.ts';
import type { Column } from '../table/table-schema.ts';
import type { TimeSegment } from '../table/time-folders.ts';
import type { BufferPool } from './buffer-pool.ts';
import { ColumnBuilder } from './column-builder.ts';
import { NestedColumn } from './nested-column.ts';
import { ContentSum } from './row-hash.ts';

const firstCapacity = 32;

/**
 * The open rows of one time folder: a builder per column, and what the sealed file will say of itself. The rows in the
 * builders are those not yet written to the spool; counts, ranges and the hash cover the spooled ones too.
 */
export class FolderBuffer {
  /** Relative to the table: `dt=2026-11-21/hr=07`. */
  readonly folder: string;
  /** The piece of time whose rows may go on to be added: [startMs, endMs). A folder can have several (see TimeFolders). */
  startMs: number;
  endMs: number;
  /** In the order of the field catalog; columns added later come at the end. */
  readonly columns: ColumnBuilder[] = [];
  readonly partition: ColumnBuilder;
  readonly offset: ColumnBuilder;
  readonly timestamp: ColumnBuilder;
  readonly key: ColumnBuilder;
  /** Rows in the builders. */
  rowCount = 0;
  /** Rows in the spool. */
  spooledRows = 0;
  /** Offset of the first row; meaningless without rows. */
  firstOffset = 0n;
  /** The last row's offset, as base offset of its batch and difference: a bigint per batch, not per row. */
  lastBaseOffset = 0n;
  lastOffsetDelta = 0;
  minTimeMs = Number.POSITIVE_INFINITY;
  maxTimeMs = Number.NEGATIVE_INFINITY;
  readonly sum = new ContentSum();
  #capacity = firstCapacity;

  readonly #pool: BufferPool;

  constructor(
    folder: string,
    segment: TimeSegment,
    columns: readonly Column[],
    keyType: 'bytes' | 'string',
    pool: BufferPool,
  ) {
    this.#pool = pool;
    this.folder = folder;
    this.startMs = segment.startMs;
    this.endMs = segment.endMs;
    for (const column of columns) this.addColumn(column);
    this.partition = new ColumnBuilder('_partition', 'int32', firstCapacity, pool);
    this.offset = new ColumnBuilder('_offset', 'int64', firstCapacity, pool);
    this.timestamp = new ColumnBuilder('_timestamp', 'timestamp', firstCapacity, pool);
    this.key = new ColumnBuilder('_key', keyType, firstCapacity, pool);
  }

  addColumn(column: Column): void {
    const Builder = isNested(parseType(column.type)) ? NestedColumn : ColumnBuilder;
    this.columns.push(new Builder(column.name, column.type, this.#capacity, this.#pool));
  }

  /** All builders in the order of the spool: system columns first, because new columns come at the end. */
  get allColumns(): ColumnBuilder[] {
    return [this.partition, this.offset, this.timestamp, this.key, ...this.columns];
  }

  get lastOffset(): bigint {
    return this.lastBaseOffset + BigInt(this.lastOffsetDelta);
  }

  get totalRows(): number {
    return this.rowCount + this.spooledRows;
  }

  get memoryBytes(): number {
    return this.allColumns.reduce((sum, column) => sum + column.memoryBytes, 0);
  }

  /** Bytes of the pages that the rows in the builders would make. */
  get pageBytes(): number {
    return this.rowCount === 0 ? 0 : this.allColumns.reduce((sum, column) => sum + column.pageBytes, 0);
  }

  /** Makes room for one more row. */
  reserveRow(): void {
    if (this.rowCount < this.#capacity) return;
    this.#capacity *= 2;
    for (const column of this.allColumns) column.grow(this.#capacity);
  }

  /** Takes back every value of the row that was being built. */
  undoRow(): void {
    const row = this.rowCount;
    for (const column of this.columns) column.undo(row);
    this.partition.undo(row);
    this.offset.undo(row);
    this.timestamp.undo(row);
    this.key.undo(row);
  }

  /** The rows in the builders are in the spool now. `isTight`: give the memory back instead of keeping it for the next rows. */
  markSpooled(isTight: boolean): void {
    this.spooledRows += this.rowCount;
    this.rowCount = 0;
    if (!isTight) for (const column of this.allColumns) column.clear();
    else {
      this.release();
      this.#capacity = firstCapacity;
      for (const column of this.allColumns) column.grow(firstCapacity);
    }
  }

  /** Gives all memory back. */
  release(): void {
    for (const column of this.allColumns) column.release();
  }
}
