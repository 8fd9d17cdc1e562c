import { DuckDBInstance } from '@duckdb/node-api';

/** SQL over files, as an analyst has it: the independent reader of the tests. */
export interface Lake {
  rows(sql: string): Promise<unknown[][]>;
  /** Rows that only one of the two queries has, counted as multisets. */
  differences(left: string, right: string): Promise<bigint>;
  close(): Promise<void>;
}

export async function openLake(): Promise<Lake> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '4GB' });
  const connection = await instance.connect();
  const rows = async (sql: string): Promise<unknown[][]> =>
    (await connection.runAndReadAll(sql)).getRowsJson() as unknown[][];
  return {
    rows,
    differences: async (left, right) => {
      const [[count]] = (await rows(
        `SELECT (SELECT count(*) FROM ((${left}) EXCEPT ALL (${right}))) + (SELECT count(*) FROM ((${right}) EXCEPT ALL (${left})))`,
      )) as [[string]];
      return BigInt(count);
    },
    close: async () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}
