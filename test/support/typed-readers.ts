import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { decompress } from '../../src/wire/index.ts';

/** Rows of a file in the order of their offsets, as DuckDB's own values. */
export async function duckdbRows(path: string): Promise<Record<string, unknown>[]> {
  const reader = await (await duckdb()).runAndReadAll(`SELECT * FROM read_parquet('${path}') ORDER BY _offset`);
  return reader.getRowObjects();
}

/** Rows of a file through hyparquet with nothing lost: decimals as unscaled integers, times as integers of their unit. */
export async function hyparquetRawRows(path: string): Promise<Record<string, unknown>[]> {
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  for (const element of metadata.schema) {
    if (element.converted_type !== 'DECIMAL') continue;
    delete element.converted_type;
    delete element.logical_type;
  }
  const whole = (value: bigint | number) => value as never;
  return await parquetReadObjects({
    file,
    metadata,
    utf8: false,
    compressors: {
      ZSTD: (bytes: Uint8Array, size: number) => decompress('zstd', Buffer.from(bytes), size),
    },
    parsers: {
      timestampFromMilliseconds: whole,
      timestampFromMicroseconds: whole,
      timestampFromNanoseconds: whole,
      dateFromDays: whole,
    },
  });
}

/** Runs SQL of the test's own. */
export async function duckdbRun(sql: string): Promise<void> {
  await (await duckdb()).run(sql);
}

let connection: Promise<DuckDBConnection> | null = null;

function duckdb(): Promise<DuckDBConnection> {
  connection ??= DuckDBInstance.create(':memory:', { threads: '1' }).then((instance) => instance.connect());
  return connection;
}
