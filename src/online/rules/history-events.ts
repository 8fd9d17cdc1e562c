import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type LiveFile, liveFiles } from '../../offsets/index.ts';
import { BadInputError } from '../../shared/index.ts';
import {
  copyToLocal,
  parquetSource,
  type QueryColumn,
  sqlIdentifier,
  TablePaths,
  TableQuery,
  type WarehouseFiles,
} from '../../warehouse/index.ts';
import { EventBatch } from './event-batch.ts';
import type { EventColumns } from './event-columns.ts';
import type { JsonEventOptions } from './json-events.ts';
import type { Literal } from './rule-ast.ts';

export interface HistoryOptions {
  files: WarehouseFiles;
  /** Name of the table. */
  table: string;
  events: JsonEventOptions;
  signal: AbortSignal;
}

/** One partition of a table's history, and how far it goes. */
export interface HistoryPartition {
  topic: string;
  topicId: string;
  partition: number;
  first: bigint;
  /** Exclusive: behind the last row. */
  next: bigint;
}

interface LocalFile {
  file: LiveFile;
  localPath: string;
}

/**
 * The rows of a table as events, each partition in the order of its offsets, as the log had them. Files of the warehouse that lie elsewhere are
 * copied to the scratch folder first. Columns that have no value in a row are fields that the event does not have: a JSON null is not told
 * from a missing field.
 */
export class HistoryEvents {
  readonly partitions: readonly HistoryPartition[];
  readonly #options: HistoryOptions;
  readonly #query: TableQuery;
  readonly #files: readonly LocalFile[];
  readonly #columns: readonly QueryColumn[];

  private constructor(
    options: HistoryOptions,
    query: TableQuery,
    files: readonly LocalFile[],
    columns: readonly QueryColumn[],
  ) {
    this.#options = options;
    this.#query = query;
    this.#files = files;
    this.#columns = columns;
    this.partitions = partitionsOf(files.map(({ file }) => file));
  }

  /** Throws BadInputError when the table has no rows, or not the column that was named for the time. */
  static async open(options: HistoryOptions): Promise<HistoryEvents> {
    const query = new TableQuery();
    try {
      const files = await localFiles(options, query.scratch);
      if (files.length === 0) throw new BadInputError(`expected rows in table ${options.table}, found none`);
      const columns = await query.columns(
        files.map(({ localPath }) => localPath),
        options.signal,
      );
      const { timeField, typeField } = options.events;
      for (const name of timeField === null ? [typeField] : [typeField, timeField]) {
        if (!columns.some((column) => column.name === name)) {
          throw new BadInputError(
            `expected a column ${name} in table ${options.table}, found ${columns.map((column) => column.name).join(', ')}`,
          );
        }
      }
      return new HistoryEvents(options, query, files, columns);
    } catch (error) {
      await query.close();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#query.close();
  }

  /** Events from offset `from` on, in pieces. */
  async *read(place: HistoryPartition, from: bigint): AsyncGenerator<EventColumns> {
    const { events, signal } = this.#options;
    const keys = [...events.fieldKeys];
    const batch = new EventBatch(keys);
    for await (const rows of this.#query.rows(this.#statement(place, from, keys), signal)) {
      for (const [offset, timeMs, type, ...values] of rows) {
        if (timeMs === null) continue;
        const fields = values.map((value) => (value === null ? undefined : literalOf(value)));
        batch.add(offset as bigint, Number(timeMs), typeof type === 'string' ? type : undefined, fields);
      }
      yield batch.take(place.topic, place.partition);
    }
  }

  #statement({ topicId, partition }: HistoryPartition, from: bigint, keys: readonly string[]): string {
    const { typeField, timeField } = this.#options.events;
    const paths = this.#files
      .filter(({ file }) => file.ranges.some((range) => range.topicId === topicId && range.partition === partition))
      .map(({ localPath }) => localPath);
    const fields = keys.map((key) => this.#fieldExpression(key.split('\u0000')));
    const list = ['_offset', this.#timeExpression(timeField ?? '_timestamp'), sqlIdentifier(typeField), ...fields];
    return `SELECT ${list.join(', ')} FROM ${parquetSource(paths)} WHERE _partition = ${partition} AND _offset >= ${from} ORDER BY _offset`;
  }

  #timeExpression(name: string): string {
    const type = this.#columns.find((column) => column.name === name)?.type ?? '';
    const column = sqlIdentifier(name);
    if (/^TIMESTAMP/.test(type)) return `epoch_ms(${column})`;
    return /INT/.test(type) ? column : `epoch_ms(TRY_CAST(${column} AS TIMESTAMP WITH TIME ZONE))`;
  }

  /** A column, or a field inside a JSON column or a struct; NULL where the table has no such column. */
  #fieldExpression([name, ...rest]: string[]): string {
    const column = this.#columns.find((candidate) => candidate.name === name);
    if (!column) return 'NULL';
    if (rest.length === 0) return sqlIdentifier(name!);
    if (column.type.startsWith('STRUCT')) return [name!, ...rest].map(sqlIdentifier).join('.');
    const path = `$.${rest.map((part) => `"${part.replaceAll('"', '\\"')}"`).join('.')}`;
    return `json_extract_string(${sqlIdentifier(name!)}, '${path.replaceAll("'", "''")}')`;
  }
}

async function localFiles({ files, table, signal }: HistoryOptions, scratch: string): Promise<LocalFile[]> {
  const found: LocalFile[] = [];
  for await (const file of liveFiles(files, table, { signal })) {
    const path = `${new TablePaths(table).root}/${file.staged ?? file.path}`;
    if (files.url.startsWith('file:')) {
      found.push({ file, localPath: join(fileURLToPath(files.url), path) });
      continue;
    }
    const localPath = join(scratch, 'files', `${found.length}.parquet`);
    await copyToLocal(files, path, localPath, file.size, signal);
    found.push({ file, localPath });
  }
  return found;
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

/** int64 within the range of numbers as a number, so that it equals what JSON gives. */
function literalOf(value: unknown): Literal | undefined {
  if (typeof value === 'bigint')
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return String(value);
}
