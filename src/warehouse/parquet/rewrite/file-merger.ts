import { randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { SluiceError } from '../../../shared/index.ts';
import type { TableSchema } from '../../table/table-schema.ts';
import { annotateFile } from '../annotate-file.ts';
import { openDuckdb, sqlIdentifier, sqlLiteral } from '../duckdb-instance.ts';
import type { ParquetCodec } from '../parquet-engine.ts';
import { storedForm, tableNodes } from '../stored-form.ts';
import { type PartitionFacts, rowFacts, systemColumns } from './row-facts.ts';

export interface MergeOptions {
  codec: ParquetCodec;
  rowGroupRows: number;
  /** Columns to sort the rows by; empty: in the order of the files. */
  sortBy: readonly string[];
  /** Rows of these offsets only or not at all: a condition on `_partition` and `_offset`, as SQL. Null: all. */
  condition: string | null;
  /** Of the rows that agree in all these columns only one stays: the first, or the last, by `_timestamp` and offset. */
  unique: { columns: readonly string[]; keep: 'first' | 'last' } | null;
  /** Key-value pairs for the footer. */
  metadata: Record<string, string>;
  signal?: AbortSignal | undefined;
}

/**
 * Merges Parquet files of one table with DuckDB, and counts and hashes rows. Memory is bounded: rows stream from file to file,
 * a sort spills to the scratch folder.
 */
export class FileMerger {
  readonly scratch: string;
  readonly #memoryLimit: string;
  #instance: Promise<DuckDBInstance> | null = null;

  /** `scratchDirectory`: a subfolder of its own is made; the system's when left out. `memoryLimit` as in `512MB`. */
  constructor(options: { scratchDirectory?: string | undefined; memoryLimit?: string | undefined } = {}) {
    this.scratch = join(options.scratchDirectory ?? tmpdir(), `sluice-merge-${randomUUID()}`);
    this.#memoryLimit = options.memoryLimit ?? '512MB';
  }

  /** A path in the scratch folder that nobody has used. */
  newPath(ending: string): string {
    return join(this.scratch, `${randomUUID()}${ending}`);
  }

  /** Creates the scratch folder. */
  async open(): Promise<void> {
    await this.#connect((connection) => connection.run('SELECT 1'));
  }

  /** What the rows of these files come to, those that meet the condition only. The types are those of `schema`. */
  async facts(
    paths: readonly string[],
    schema: TableSchema,
    options: { condition?: string | null; signal?: AbortSignal | undefined } = {},
  ): Promise<PartitionFacts[]> {
    return await this.#connect(async (connection) => {
      const present = await columnsOf(connection, paths);
      return await rowFacts(connection, sourceOf(paths, options.condition ?? null), schema, present, options.signal);
    });
  }

  /** Offsets of rows that a merge with `unique` leaves out, by partition, rising. */
  async doubles(
    paths: readonly string[],
    unique: NonNullable<MergeOptions['unique']>,
    signal?: AbortSignal,
  ): Promise<Map<number, bigint[]>> {
    return await this.#connect(async (connection) => {
      const sql = `SELECT _partition::INTEGER, _offset::BIGINT FROM ${sourceOf(paths, null)} QUALIFY ${rankOf(unique)} > 1 ORDER BY 1, 2`;
      const found = new Map<number, bigint[]>();
      const result = await connection.stream(sql);
      for (;;) {
        signal?.throwIfAborted();
        const chunk = await result.fetchChunk();
        if (chunk === null || chunk.rowCount === 0) return found;
        for (const [partition, offset] of chunk.getRows() as [number, bigint][]) {
          const offsets = found.get(partition);
          if (offsets) offsets.push(offset);
          else found.set(partition, [offset]);
        }
      }
    });
  }

  /** Writes the rows of all files into one new file in the scratch folder, synced. After a failure there is none. */
  async merge(
    paths: readonly string[],
    schema: TableSchema,
    options: MergeOptions,
  ): Promise<{ path: string; size: number }> {
    const path = this.newPath('.parquet');
    try {
      await this.#connect((connection) => copyFiles(connection, paths, path, schema, options), options.signal);
      await annotateFile(path, tableNodes(schema));
      return { path, size: await syncFile(path) };
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }

  /** Deletes files of the scratch folder. */
  async remove(paths: readonly string[]): Promise<void> {
    for (const path of paths) await rm(path, { force: true });
  }

  async close(): Promise<void> {
    const instance = this.#instance;
    this.#instance = null;
    (await instance)?.closeSync();
    await rm(this.scratch, { recursive: true, force: true });
  }

  async #connect<T>(work: (connection: DuckDBConnection) => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    this.#instance ??= openDuckdb(this.scratch, this.#memoryLimit);
    const connection = await (await this.#instance).connect();
    const interrupt = (): void => connection.interrupt();
    signal?.addEventListener('abort', interrupt);
    try {
      return await work(connection);
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof SluiceError) throw cause;
      throw new SluiceError('merge-failed', 'DuckDB could not read or write the files', { cause });
    } finally {
      signal?.removeEventListener('abort', interrupt);
      connection.closeSync();
    }
  }
}

async function copyFiles(
  connection: DuckDBConnection,
  paths: readonly string[],
  target: string,
  schema: TableSchema,
  options: MergeOptions,
): Promise<void> {
  const present = await columnsOf(connection, paths);
  const columns = [...schema.columns, ...systemColumns(schema)].map(({ name, type }) => {
    const value = present.has(name) ? sqlIdentifier(name) : 'NULL';
    return `${storedForm(value, type)} AS ${sqlIdentifier(name)}`;
  });
  const { sortBy, unique } = options;
  const qualify = unique ? ` QUALIFY ${rankOf(unique)} = 1` : '';
  const order =
    sortBy.length > 0
      ? ` ORDER BY ${sortBy.map((name) => `${sqlIdentifier(name)} NULLS LAST`).join(', ')}, _partition, _offset`
      : '';
  const select = `SELECT * FROM ${sourceOf(paths, options.condition)}${qualify}${order}`;
  const metadata = Object.entries(options.metadata).map(
    ([key, value]) => `${sqlIdentifier(key)}: ${sqlLiteral(value)}`,
  );
  const settings = [
    'FORMAT parquet',
    ...codecOptions[options.codec],
    `ROW_GROUP_SIZE ${options.rowGroupRows}`,
    // DuckDB's dictionaries take -0 and 0 for one value: where there may be doubles, there are none.
    ...(hasDoubles(schema) ? ['DICTIONARY_SIZE_LIMIT 0'] : []),
    ...(metadata.length > 0 ? [`KV_METADATA {${metadata.join(', ')}}`] : []),
  ];
  await connection.run(
    `COPY (SELECT ${columns.join(', ')} FROM (${select})) TO ${sqlLiteral(target)} (${settings.join(', ')})`,
  );
}

const codecOptions: Record<ParquetCodec, string[]> = {
  zstd: ['COMPRESSION zstd', 'COMPRESSION_LEVEL 1'],
  snappy: ['COMPRESSION snappy'],
  gzip: ['COMPRESSION gzip'],
  none: ['COMPRESSION uncompressed'],
};

function hasDoubles(schema: TableSchema): boolean {
  return schema.columns.some(({ type }) => /float|double/.test(type));
}

function rankOf({ columns, keep }: NonNullable<MergeOptions['unique']>): string {
  const keys = columns.map(sqlIdentifier);
  const direction = keep === 'first' ? 'ASC' : 'DESC';
  // A row without a key is nobody's double.
  const isKeyed = keys.map((key) => `${key} IS NOT NULL`).join(' AND ');
  const window = `PARTITION BY ${keys.join(', ')} ORDER BY _timestamp ${direction}, _partition ${direction}, _offset ${direction}`;
  return `CASE WHEN ${isKeyed} THEN row_number() OVER (${window}) ELSE 1 END`;
}

function sourceOf(paths: readonly string[], condition: string | null): string {
  const files = `read_parquet([${paths.map(sqlLiteral).join(', ')}], union_by_name = true, hive_partitioning = false)`;
  return condition === null ? files : `(SELECT * FROM ${files} WHERE ${condition})`;
}

async function columnsOf(connection: DuckDBConnection, paths: readonly string[]): Promise<Set<string>> {
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${sourceOf(paths, null)}`);
  return new Set(described.getRows().map(([name]) => String(name)));
}

/** Puts a file on stable storage; its size. */
async function syncFile(path: string): Promise<number> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}
