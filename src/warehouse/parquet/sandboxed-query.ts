import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance, DuckDBPreparedStatement } from '@duckdb/node-api';
import { BadInputError, describeError, SluiceError } from '../../shared/index.ts';
import { openDuckdb, sqlIdentifier, sqlLiteral } from './duckdb-instance.ts';
import { parquetSource, type QueryColumn } from './table-query.ts';

/** What the statement may see: a table by its name, as the Parquet files it has on the local disk. */
export interface SandboxView {
  name: string;
  /** At least one. */
  paths: readonly string[];
}

export interface SandboxLimits {
  /** Of DuckDB, as in `256MB`; beyond that it spills to a scratch folder of its own. */
  memoryLimit: string;
  spillLimit: string;
  timeMs: number;
  /** What is given back at most. */
  rowCount: number;
  resultBytes: number;
}

export interface SandboxResult {
  columns: QueryColumn[];
  /** As JSON values; int64, decimals and times are text. */
  rows: unknown[][];
  /** There was more than the limits let through. */
  isCut: boolean;
  tookMs: number;
}

/**
 * One SELECT of somebody whom we do not trust, in an instance of its own that can open the files of the views and nothing
 * else: no other file, no network, no extension, no setting. Throws BadInputError with DuckDB's own words when the
 * statement is wrong or is none that only reads, SluiceError `query-timeout` when it takes too long.
 */
export async function querySandboxed(
  sql: string,
  views: readonly SandboxView[],
  limits: SandboxLimits,
  signal: AbortSignal,
): Promise<SandboxResult> {
  const scratch = join(tmpdir(), `sluice-ask-${randomUUID()}`);
  const instance = await openDuckdb(join(scratch, 'spill'), limits.memoryLimit);
  try {
    return await answerWithin(instance, sql, views, limits, signal);
  } finally {
    instance.closeSync();
    await rm(scratch, { recursive: true, force: true });
  }
}

async function answerWithin(
  instance: DuckDBInstance,
  sql: string,
  views: readonly SandboxView[],
  limits: SandboxLimits,
  signal: AbortSignal,
): Promise<SandboxResult> {
  const deadline = AbortSignal.timeout(limits.timeMs);
  const connection = await instance.connect();
  const interrupt = (): void => connection.interrupt();
  deadline.addEventListener('abort', interrupt);
  signal.addEventListener('abort', interrupt);
  try {
    signal.throwIfAborted();
    await closeTheBox(connection, views, limits);
    return await run(connection, sql, limits);
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.aborted) {
      throw new SluiceError('query-timeout', `expected an answer within ${limits.timeMs / 1000} s: ask for less`);
    }
    throw error instanceof SluiceError ? error : new BadInputError(describeError(error), { cause: error });
  } finally {
    deadline.removeEventListener('abort', interrupt);
    signal.removeEventListener('abort', interrupt);
    connection.closeSync();
  }
}

/** Views first, while files can be named; then nothing can be opened any more but these, and nothing can change that. */
async function closeTheBox(
  connection: DuckDBConnection,
  views: readonly SandboxView[],
  { spillLimit }: SandboxLimits,
): Promise<void> {
  await connection.run(`SET max_temp_directory_size = ${sqlLiteral(spillLimit)}`);
  for (const { name, paths } of views) {
    await connection.run(`CREATE VIEW ${sqlIdentifier(name)} AS SELECT * FROM ${parquetSource(paths)}`);
  }
  const allowed = views.flatMap(({ paths }) => paths).map(sqlLiteral);
  if (allowed.length > 0) await connection.run(`SET allowed_paths = [${allowed.join(', ')}]`);
  await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');
}

async function run(connection: DuckDBConnection, sql: string, limits: SandboxLimits): Promise<SandboxResult> {
  const startedMs = performance.now();
  const { JsonDuckDBValueConverter } = await import('@duckdb/node-api');
  const statement = await onlySelect(connection, sql);
  const result = await statement.stream();
  const names = result.columnNames();
  const columns = result.columnTypes().map((type, i) => ({ name: names[i]!, type: type.toString() }));
  const rows: unknown[][] = [];
  let bytes = 0;
  let isCut = false;
  while (!isCut) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) break;
    for (const row of chunk.convertRows(JsonDuckDBValueConverter)) {
      bytes += JSON.stringify(row).length;
      isCut = rows.length >= limits.rowCount || bytes > limits.resultBytes;
      if (isCut) break;
      rows.push(row);
    }
  }
  return { columns, rows, isCut, tookMs: Math.round(performance.now() - startedMs) };
}

/** COPY, ATTACH, SET and their like are no SELECT, whatever stands around them: DuckDB's own parser says what a text is. */
async function onlySelect(connection: DuckDBConnection, sql: string): Promise<DuckDBPreparedStatement> {
  const { StatementType } = await import('@duckdb/node-api');
  const statements = await connection.extractStatements(sql);
  if (statements.count !== 1) {
    throw new BadInputError(`expected one SELECT statement, got ${statements.count} statements`);
  }
  const statement = await statements.prepare(0);
  if (statement.statementType !== StatementType.SELECT) {
    throw new BadInputError(
      `expected a statement that only reads (SELECT, FROM, DESCRIBE, SUMMARIZE), got ${StatementType[statement.statementType]}`,
    );
  }
  if (statement.parameterCount > 0) throw new BadInputError('expected a statement without parameters');
  return statement;
}
