import type { Column } from '../table/table-schema.ts';
import type { TimeFolders } from '../table/time-folders.ts';
import type { BufferPool } from './buffer-pool.ts';
import { FolderBuffer } from './folder-buffer.ts';
import { PlainSpool } from './plain-spool.ts';

/** Pages of one folder that are worth a write of their own. */
const spillFolderBytes = 8 * 1024 * 1024;

export interface OpenFoldersOptions {
  times: TimeFolders;
  /** Columns of the field catalog, asked for whenever a folder is opened. */
  columns: () => readonly Column[];
  keyType: 'bytes' | 'string';
  /** Spools are called `<scratchPrefix><number>.spool`. */
  scratchPrefix: string;
  maxMemoryBytes: number;
  pool: BufferPool;
}

/** The open time folders of one partition: rows in memory, and behind them a spool file each. */
export class OpenFolders {
  /** By path. */
  readonly #folders = new Map<string, FolderBuffer>();
  readonly #spools = new Map<FolderBuffer, PlainSpool>();
  readonly #times: TimeFolders;
  readonly #columns: () => readonly Column[];
  readonly #keyType: 'bytes' | 'string';
  readonly #scratchPrefix: string;
  readonly #maxMemoryBytes: number;
  readonly #pool: BufferPool;
  #spoolCount = 0;

  constructor(options: OpenFoldersOptions) {
    this.#times = options.times;
    this.#columns = options.columns;
    this.#keyType = options.keyType;
    this.#scratchPrefix = options.scratchPrefix;
    this.#maxMemoryBytes = options.maxMemoryBytes;
    this.#pool = options.pool;
  }

  /** The folder of an event time (and, below it, of a field's values: `country=DE`), opened if need be. */
  at(timeMs: number, fields = ''): FolderBuffer {
    const segment = this.#times.at(timeMs);
    const path = fields === '' ? segment.folder : `${segment.folder}/${fields}`;
    let folder = this.#folders.get(path);
    if (folder === undefined) {
      folder = new FolderBuffer(path, segment, this.#columns(), this.#keyType, this.#pool);
      this.#folders.set(path, folder);
    }
    folder.startMs = segment.startMs;
    folder.endMs = segment.endMs;
    return folder;
  }

  addColumns(columns: readonly Column[]): void {
    for (const folder of this.#folders.values()) {
      for (const column of columns) folder.addColumn(column);
    }
  }

  /** Folders with rows, in the order of time. */
  get filled(): FolderBuffer[] {
    return [...this.#folders.values()]
      .filter(({ totalRows }) => totalRows > 0)
      .sort((left, right) => left.minTimeMs - right.minTimeMs || (left.folder < right.folder ? -1 : 1));
  }

  get memoryBytes(): number {
    let sum = 0;
    for (const folder of this.#folders.values()) sum += folder.memoryBytes;
    return sum;
  }

  /** Bytes that the folder's rows have, or will have, in the spool. */
  spoolBytes(folder: FolderBuffer): number {
    return folder.pageBytes + (this.#spools.get(folder)?.size ?? 0);
  }

  /** Writes rows to the spools where a folder has a page's worth, and the largest ones while memory is short. */
  async spillIfDue(): Promise<void> {
    for (const folder of this.#folders.values()) {
      if (folder.rowCount > 0 && folder.pageBytes >= spillFolderBytes) await this.spill(folder, false);
    }
    if (this.memoryBytes <= this.#maxMemoryBytes) return;
    const bySize = [...this.#folders.values()].sort((left, right) => right.memoryBytes - left.memoryBytes);
    for (const folder of bySize) {
      await this.spill(folder, true);
      if (this.memoryBytes <= this.#maxMemoryBytes / 2) return;
    }
  }

  /** Moves the folder's rows from memory to its spool. */
  async spill(folder: FolderBuffer, isTight: boolean): Promise<PlainSpool> {
    let spool = this.#spools.get(folder);
    if (spool === undefined) {
      spool = this.newSpool();
      this.#spools.set(folder, spool);
    }
    if (folder.rowCount > 0) await spool.write(folder.allColumns, folder.rowCount);
    folder.markSpooled(isTight);
    return spool;
  }

  newSpool(): PlainSpool {
    return new PlainSpool(`${this.#scratchPrefix}${this.#spoolCount++}.spool`);
  }

  /** Forgets all rows, gives the memory back, and deletes the spools. */
  async clear(): Promise<void> {
    const spools = [...this.#spools.values()];
    for (const folder of this.#folders.values()) folder.release();
    this.#folders.clear();
    this.#spools.clear();
    for (const spool of spools) await spool.remove();
  }
}
