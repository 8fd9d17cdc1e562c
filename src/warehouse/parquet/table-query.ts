import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBInstance } from '@duckdb/node-api';
import { openDuckdb, sqlIdentifier, sqlLiteral } from './duckdb-instance.ts';
import type { ParquetColumn } from './row-json.ts';

/** A column as DuckDB sees it. */
export interface QueryColumn {
  name: string;
  /** DuckDB's name of the type, such as `BIGINT` or `TIMESTAMP WITH TIME ZONE`. */
  type: string;
}

/** SQL over Parquet files on the local disk, with DuckDB, in bounded memory: what does not fit goes to the scratch folder. */
export class TableQuery {
  /** A folder of its own, removed by `close`: files to be read may be copied there. */
  readonly scratch: string;
  readonly #memoryLimit: string;
  #instance: Promise<DuckDBInstance> | null = null;

  /** `scratchDirectory`: the system's when left out. `memoryLimit` as in `512MB`. */
  constructor(options: { scratchDirectory?: string | undefined; memoryLimit?: string | undefined } = {}) {
    this.scratch = join(options.scratchDirectory ?? tmpdir(), `sluice-query-${randomUUID()}`);
    this.#memoryLimit = options.memoryLimit ?? '512MB';
  }

  /** The rows of a statement in pieces of some thousands, values in the order of its columns, as DuckDB's JavaScript values; int64 as bigint. */
  async *rows(sql: string, signal?: AbortSignal): AsyncGenerator<unknown[][]> {
    signal?.throwIfAborted();
    await mkdir(this.scratch, { recursive: true });
    this.#instance ??= openDuckdb(join(this.scratch, 'spill'), this.#memoryLimit);
    const connection = await (await this.#instance).connect();
    const interrupt = (): void => connection.interrupt();
    signal?.addEventListener('abort', interrupt);
    try {
      const result = await connection.stream(sql);
      for (;;) {
        signal?.throwIfAborted();
        const chunk = await result.fetchChunk();
        if (chunk === null || chunk.rowCount === 0) return;
        yield chunk.getRows();
      }
    } finally {
      signal?.removeEventListener('abort', interrupt);
      connection.closeSync();
    }
  }

  /** The columns of all files together. */
  async columns(paths: readonly string[], signal?: AbortSignal): Promise<QueryColumn[]> {
    const columns: QueryColumn[] = [];
    for await (const rows of this.rows(`DESCRIBE SELECT * FROM ${parquetSource(paths)}`, signal)) {
      columns.push(...rows.map(([name, type]) => ({ name: String(name), type: String(type) })));
    }
    return columns;
  }

  /** SQL for the JSON object of a row with all columns of these files but `except`; see `rowJson`. */
  async rowJson(paths: readonly string[], except: readonly string[]): Promise<string> {
    await mkdir(this.scratch, { recursive: true });
    this.#instance ??= openDuckdb(join(this.scratch, 'spill'), this.#memoryLimit);
    const connection = await (await this.#instance).connect();
    try {
      const described = await connection.run(`SELECT * FROM ${parquetSource(paths)} LIMIT 0`);
      const columns = described.columnNames().map((name, i) => ({ name, type: described.columnType(i) }));
      return await rowJson(columns.filter(({ name }) => !except.includes(name)));
    } finally {
      connection.closeSync();
    }
  }

  async close(): Promise<void> {
    const instance = this.#instance;
    this.#instance = null;
    (await instance)?.closeSync();
    await rm(this.scratch, { recursive: true, force: true });
  }
}

/** SQL for the JSON text of a row with these columns: see row-json.ts, which needs the native library and is loaded here only. */
export async function rowJson(columns: readonly ParquetColumn[]): Promise<string> {
  const { jsonExpression } = await import('./row-json.ts');
  return jsonExpression(columns);
}

/** What stands behind FROM: the files as one table, columns by name, folders not taken for columns. */
export function parquetSource(paths: readonly string[]): string {
  return `read_parquet([${paths.map(sqlLiteral).join(', ')}], union_by_name = true, hive_partitioning = false)`;
}

/** Epoch milliseconds of a column that holds points in time: a timestamp, RFC 3339 text, or epoch milliseconds already. */
export function epochMsExpression({ name, type }: QueryColumn): string {
  const column = sqlIdentifier(name);
  if (/^TIMESTAMP/.test(type)) return `epoch_ms(${column})`;
  return /INT/.test(type) ? column : `epoch_ms(TRY_CAST(${column} AS TIMESTAMP WITH TIME ZONE))`;
}

export { sqlIdentifier, sqlLiteral };
