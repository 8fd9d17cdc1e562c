import { describe, expect, it } from 'vitest';
import type { TableSchema } from '../../../../src/warehouse/index.ts';
import { annotateFile } from '../../../../src/warehouse/parquet/annotate-file.ts';
import { storedForm, tableNodes } from '../../../../src/warehouse/parquet/stored-form.ts';
import { compareTypedRows } from '../../../support/typed-oracle.ts';
import { duckdbRun } from '../../../support/typed-readers.ts';
import { flatTypes, nestedTypes } from '../../../support/typed-rows.ts';

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e6));

describe('typed rows against a lossless oracle', () => {
  it('come back bit for bit from DuckDB and hyparquet, nested ones too, written by DuckDB', async () => {
    const types = [...flatTypes, ...nestedTypes];
    const options = { engine: 'duckdb', types, seed, rowCount: 800, rowsPerFile: 400 } as const;
    expect(await compareTypedRows(options)).toEqual([]);
  });

  it('come back bit for bit from DuckDB and hyparquet, written by parquetjs', async () => {
    const types = [...flatTypes, 'fixed(7)'];
    const options = { engine: 'parquetjs', types, seed, rowCount: 600, rowsPerFile: 300 } as const;
    expect(await compareTypedRows(options)).toEqual([]);
  });

  /** Copies a file as merges do; `spoil`: SQL that stands in for one column. */
  const copying =
    (spoil: Record<string, string> = {}) =>
    async (path: string, schema: TableSchema): Promise<string> => {
      const system = { _partition: 'int32', _offset: 'int64', _timestamp: 'timestamp', _key: 'bytes' };
      const columns = [...schema.columns.map(({ name, type }) => [name, type]), ...Object.entries(system)];
      const list = columns.map(([name, type]) => `${storedForm(spoil[name!] ?? name!, type!)} AS ${name}`);
      const copy = `${path}.copy`;
      const options = 'FORMAT parquet, COMPRESSION snappy, DICTIONARY_SIZE_LIMIT 0';
      await duckdbRun(`COPY (SELECT ${list.join(', ')} FROM read_parquet('${path}')) TO '${copy}' (${options})`);
      await annotateFile(copy, tableNodes(schema));
      return copy;
    };

  it('survive being copied from file to file by DuckDB, as merges of files do', async () => {
    const types = [...flatTypes, ...nestedTypes];
    const options = { engine: 'duckdb', types, seed, rowCount: 600, rowsPerFile: 600, rewrite: copying() } as const;
    expect(await compareTypedRows(options)).toEqual([]);
  });

  it('are found to differ when one value of one row is another', async () => {
    const rewrite = copying({ c1: 'CASE WHEN _offset = 17 THEN 77 ELSE c1 END' });
    const options = {
      engine: 'duckdb',
      types: ['uuid', 'decimal(18,6)'],
      seed,
      rowCount: 50,
      rowsPerFile: 50,
      rewrite,
    } as const;
    expect(await compareTypedRows(options)).toEqual([
      expect.stringMatching(/duckdb: row 17, c1 decimal\(18,6\): expected .*, found "77.000000"$/),
      expect.stringMatching(/hyparquet: row 17, c1 decimal\(18,6\): expected .*, found "77.000000"$/),
    ]);
  });
});
