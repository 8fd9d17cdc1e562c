import type { LiveFile } from '../offsets/index.ts';
import { ColumnScan, TablePaths, type WarehouseFiles } from '../warehouse/index.ts';

/**
 * The number of the row (from 0) that has the offset; null when the file does not. Reads the `_offset` column only, and
 * `_partition` beside it in a file that a rewrite merged from several partitions.
 */
export async function findRow(
  files: WarehouseFiles,
  table: string,
  file: LiveFile,
  wanted: { partition: number; offset: bigint },
  signal: AbortSignal,
): Promise<number | null> {
  const path = await placeOf(files, table, file, signal);
  const columns = new ColumnScan();
  const scan = (column: string): AsyncGenerator<BigInt64Array> =>
    columns.integers((offset, length) => files.read(path, { offset, length, signal }), file.size, column, signal);
  try {
    const rows = await rowsWith(scan('_offset'), wanted.offset);
    if (file.partition !== null) return rows[0] ?? null;
    const ofPartition = new Set(await rowsWith(scan('_partition'), BigInt(wanted.partition)));
    return rows.find((row) => ofPartition.has(row)) ?? null;
  } finally {
    await columns.close();
  }
}

/** The ledger knows only with a later record that a move was made: the visible name counts when it is there. */
async function placeOf(files: WarehouseFiles, table: string, file: LiveFile, signal: AbortSignal): Promise<string> {
  const { root } = new TablePaths(table);
  const isVisible = file.staged === null || (await files.stat(`${root}/${file.path}`, { signal })) !== null;
  return `${root}/${isVisible ? file.path : file.staged}`;
}

async function rowsWith(pieces: AsyncGenerator<BigInt64Array>, wanted: bigint): Promise<number[]> {
  const rows: number[] = [];
  let at = 0;
  for await (const values of pieces) {
    for (let i = values.indexOf(wanted); i >= 0; i = values.indexOf(wanted, i + 1)) rows.push(at + i);
    at += values.length;
  }
  return rows;
}
