import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { BadInputError } from '../../shared/index.ts';
import { rowJson } from '../../warehouse/index.ts';
import type { RecordInput } from './record-input.ts';

/**
 * The rows of a Parquet file as JSON objects, in their order. DuckDB reads the file and makes the text, outside of the
 * main thread; rows come in chunks of 2,048.
 */
export class ParquetInput implements RecordInput {
  readonly unit = 'rows';
  readonly total: number;
  readonly #connection: DuckDBConnection;
  readonly #query: string;
  #done = 0;

  static async open(path: string): Promise<ParquetInput> {
    const instance = await DuckDBInstance.create(':memory:', { memory_limit: '1GB', threads: '2' });
    const connection = await instance.connect();
    const file = `read_parquet('${path.replaceAll("'", "''")}')`;
    try {
      const described = await connection.run(`SELECT * FROM ${file} LIMIT 0`);
      const columns = described.columnNames().map((name, i) => ({ name, type: described.columnType(i) }));
      const counted = await connection.runAndReadAll(`SELECT count(*) FROM ${file}`);
      const total = Number(counted.getRows()[0]![0]);
      return new ParquetInput(connection, total, `SELECT ${await rowJson(columns)} FROM ${file}`);
    } catch (error) {
      connection.closeSync();
      throw new BadInputError(`expected a Parquet file at ${path}: ${(error as Error).message.split('\n')[0]}`, {
        cause: error,
      });
    }
  }

  private constructor(connection: DuckDBConnection, total: number, query: string) {
    this.#connection = connection;
    this.total = total;
    this.#query = query;
  }

  get done(): number {
    return this.#done;
  }

  async *chunks(signal: AbortSignal): AsyncGenerator<string[]> {
    try {
      const result = await this.#connection.stream(this.#query);
      while (!signal.aborted) {
        const chunk = await result.fetchChunk();
        if (!chunk || chunk.rowCount === 0) return;
        this.#done += chunk.rowCount;
        yield chunk.getColumnValues(0) as string[];
      }
    } finally {
      this.#connection.closeSync();
    }
  }
}
