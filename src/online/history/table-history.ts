import { join } from 'node:path';
import { type LiveFile, liveFiles } from '../../offsets/index.ts';
import { BadInputError } from '../../shared/index.ts';
import {
  epochMsExpression,
  localPathOf,
  parquetSource,
  type QueryColumn,
  TablePaths,
  TableQuery,
  type WarehouseFiles,
} from '../../warehouse/index.ts';

export interface TableHistoryOptions {
  files: WarehouseFiles;
  /** Name of the table. */
  table: string;
  /** Only files with rows of that time or later, by the time that the table's folders go by (epoch ms); null: all files. */
  fromMs?: number | null;
  /** The same towards the end, exclusive. */
  toMs?: number | null;
  signal: AbortSignal;
}

/** One partition of a table's history, and how far it goes. */
export interface HistoryPartition {
  topic: string;
  topicId: string;
  partition: number;
  first: bigint;
  /** Exclusive: behind the last row, whatever `fromMs` leaves out. */
  next: bigint;
}

interface LocalFile {
  file: LiveFile;
  localPath: string;
}

/**
 * The rows of a table, each partition in the order of its offsets, as the log had them. Files of the warehouse that lie elsewhere
 * are copied to the scratch folder first.
 */
export class TableHistory {
  readonly partitions: readonly HistoryPartition[];
  /** Of all files together. */
  readonly columns: readonly QueryColumn[];
  readonly #query: TableQuery;
  readonly #files: readonly LocalFile[];
  readonly #signal: AbortSignal;

  private constructor(
    query: TableQuery,
    places: readonly HistoryPartition[],
    files: readonly LocalFile[],
    columns: readonly QueryColumn[],
    signal: AbortSignal,
  ) {
    this.#query = query;
    this.#files = files;
    this.#signal = signal;
    this.partitions = places;
    this.columns = columns;
  }

  static async open(options: TableHistoryOptions): Promise<TableHistory> {
    const { signal } = options;
    const query = new TableQuery();
    try {
      const { places, files } = await gatherFiles(options, query.scratch);
      const paths = files.map(({ localPath }) => localPath);
      const columns = paths.length === 0 ? [] : await query.columns(paths, signal);
      return new TableHistory(query, places, files, columns, signal);
    } catch (error) {
      await query.close();
      throw error;
    }
  }

  /** The Parquet files, on the local disk. */
  get paths(): string[] {
    return this.#files.map(({ localPath }) => localPath);
  }

  close(): Promise<void> {
    return this.#query.close();
  }

  requireRows(table: string): void {
    if (this.partitions.length === 0) throw new BadInputError(`expected rows in table ${table}, found none`);
  }

  /** Throws BadInputError, which names the table's columns, unless it has all of these. Nothing to say without any file. */
  requireColumns(table: string, names: readonly string[]): void {
    if (this.#files.length === 0) return;
    for (const name of names) {
      if (this.columns.some((column) => column.name === name)) continue;
      const found = this.columns.map((column) => column.name).join(', ');
      throw new BadInputError(`expected a column ${name} in table ${table}, found ${found}`);
    }
  }

  /** SQL for epoch milliseconds (NULL: none) of a column with times, instants or RFC 3339 text. */
  timeExpression(name: string): string {
    return epochMsExpression(this.columns.find((column) => column.name === name) ?? { name, type: '' });
  }

  /**
   * Whether the time by which files are chosen is that of this column: each file's rows reach from its smallest time to its greatest.
   * False where no file is there to tell.
   */
  async hasTimesOf(name: string): Promise<boolean> {
    if (!this.columns.some((column) => column.name === name)) return false;
    const time = this.timeExpression(name);
    for (const { file, localPath } of this.#files) {
      const own = await this.#query.columns([localPath], this.#signal);
      if (!own.some((column) => column.name === name)) return false;
      const statement = `SELECT min(${time}), max(${time}) FROM ${parquetSource([localPath])}`;
      for await (const rows of this.#query.rows(statement, this.#signal)) {
        const [smallest, greatest] = rows[0] ?? [];
        if (Number(smallest) !== Number(file.minTimeMs) || Number(greatest) !== Number(file.maxTimeMs)) return false;
      }
    }
    return this.#files.length > 0;
  }

  /** Rows of one partition from an offset on, by offset, in pieces; `list` is what stands behind SELECT. */
  async *rows(
    place: HistoryPartition,
    from: bigint,
    list: readonly string[],
    condition = 'true',
  ): AsyncGenerator<unknown[][]> {
    const { topicId, partition } = place;
    const paths = this.#files
      .filter(({ file }) => file.ranges.some((range) => range.topicId === topicId && range.partition === partition))
      .map(({ localPath }) => localPath);
    if (paths.length === 0) return;
    const where = `_partition = ${partition} AND _offset >= ${from} AND ${condition}`;
    const statement = `SELECT ${list.join(', ')} FROM ${parquetSource(paths)} WHERE ${where} ORDER BY _offset`;
    yield* this.#query.rows(statement, this.#signal);
  }

  /** SQL for the JSON text of a row, without the columns that tell where it was in the log. */
  rowJson(): Promise<string> {
    return this.#query.rowJson(this.paths, ['_partition', '_offset', '_timestamp', '_key']);
  }

  /** Rows of any statement over all files; `source` in it is what stands behind FROM. */
  async *select(statement: (source: string) => string): AsyncGenerator<unknown[][]> {
    if (this.#files.length === 0) return;
    yield* this.#query.rows(statement(parquetSource(this.paths)), this.#signal);
  }
}

/** All partitions of the table, and the files to be read, brought to the local disk. */
async function gatherFiles(
  { files, table, fromMs = null, toMs = null, signal }: TableHistoryOptions,
  scratch: string,
): Promise<{ places: HistoryPartition[]; files: LocalFile[] }> {
  const all: LiveFile[] = [];
  const local: LocalFile[] = [];
  for await (const file of liveFiles(files, table, { signal })) {
    all.push(file);
    if (fromMs !== null && Number(file.maxTimeMs) < fromMs) continue;
    if (toMs !== null && Number(file.minTimeMs) >= toMs) continue;
    const { root } = new TablePaths(table);
    // Whether its move was made is not always known: the visible name is the likelier place.
    const places = [file.path, ...(file.staged === null ? [] : [file.staged])].map((path) => `${root}/${path}`);
    const copyPath = join(scratch, 'files', `${local.length}.parquet`);
    local.push({ file, localPath: await localPathOf(files, places, copyPath, file.size, signal) });
  }
  return { places: partitionsOf(all), files: local };
}

function partitionsOf(files: readonly LiveFile[]): HistoryPartition[] {
  const found = new Map<string, HistoryPartition>();
  for (const { topic, ranges } of files) {
    for (const { topicId, partition, first, next } of ranges) {
      const known = found.get(`${topicId}-${partition}`);
      if (!known) found.set(`${topicId}-${partition}`, { topic, topicId, partition, first, next });
      if (known && first < known.first) known.first = first;
      if (known && next > known.next) known.next = next;
    }
  }
  const ids = new Set([...found.values()].map(({ topicId }) => topicId));
  if (ids.size > 1)
    throw new BadInputError(`expected the rows of one topic, found those of ${ids.size}: it was created anew`);
  return [...found.values()].sort((a, b) => a.partition - b.partition);
}
