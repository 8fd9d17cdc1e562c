import { mkdir } from 'node:fs/promises';
import type { DuckDBInstance } from '@duckdb/node-api';
import { SluiceError } from '../../shared/index.ts';

/**
 * An in-memory DuckDB with one thread a query, rows in their order, and no extension from anywhere: the library is loaded
 * at the first call only, so that a platform without it can do everything else.
 *
 * @throws SluiceError `engine-unavailable` where the native library cannot be loaded.
 */
export async function openDuckdb(temporaryDirectory: string, memoryLimit: string): Promise<DuckDBInstance> {
  const { DuckDBInstance: Instance } = await import('@duckdb/node-api').catch((cause: unknown) => {
    throw new SluiceError(
      'engine-unavailable',
      `the native library of DuckDB cannot be loaded on ${process.platform}-${process.arch}: choose the engine parquetjs`,
      { cause },
    );
  });
  await mkdir(temporaryDirectory, { recursive: true });
  return Instance.create(':memory:', {
    threads: '1',
    memory_limit: memoryLimit,
    temp_directory: temporaryDirectory,
    preserve_insertion_order: 'true',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
}

export function sqlIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function sqlLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
