import { compareTypedRows } from '../support/typed-oracle.ts';
import { flatTypes, nestedTypes } from '../support/typed-rows.ts';

export interface TypedRowsOptions {
  seed: number;
  rowCount: number;
  /** Ends early: what was compared by then counts. */
  signal: AbortSignal;
  print: (line: string) => void;
}

/**
 * Loads generated rows of every type through the encoder and compares each value with what DuckDB and hyparquet read. Returns false
 * when a value differs.
 */
export async function compareGeneratedRows({ seed, rowCount, print }: TypedRowsOptions): Promise<boolean> {
  const beganMs = performance.now();
  let shown = 0;
  const differences = await compareTypedRows({
    engine: 'duckdb',
    types: [...flatTypes, ...nestedTypes],
    seed,
    rowCount,
    rowsPerFile: Math.min(rowCount, 20_000),
    onFile: (rows) => {
      if (rows - shown < 200_000) return;
      shown = rows;
      print(`typed rows: ${rows} of ${rowCount}`);
    },
  });
  for (const difference of differences) print(`PROBLEM: ${difference}`);
  const seconds = Math.round((performance.now() - beganMs) / 1000);
  const columns = flatTypes.length + nestedTypes.length;
  print(
    `typed rows: ${rowCount} rows of ${columns} columns, ${differences.length} differences, seed ${seed}, ${seconds} s`,
  );
  return differences.length === 0;
}
