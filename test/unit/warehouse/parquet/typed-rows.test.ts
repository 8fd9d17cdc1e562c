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
    const options = { engine: 'duckdb', types, seed, rowCount: 1600, rowsPerFile: 800 } as const;
    expect(await compareTypedRows(options)).toEqual([]);
  });

  it('come back bit for bit from DuckDB and hyparquet, written by parquetjs', async () => {
    const types = [...flatTypes, 'fixed(7)'];
    const options = { engine: 'parquetjs', types, seed, rowCount: 1000, rowsPerFile: 500 } as const;
    expect(await compareTypedRows(options)).toEqual([]);
  });

  it('survive being copied from file to file by DuckDB, as merges of files do', async () => {
    const rewrite = async (path: string, schema: TableSchema): Promise<string> => {
      const system = { _partition: 'int32', _offset: 'int64', _timestamp: 'timestamp', _key: 'bytes' };
      const columns = [...schema.columns.map(({ name, type }) => [name, type]), ...Object.entries(system)];
      const list = columns.map(([name, type]) => `${storedForm(name!, type!)} AS ${name}`);
      const copy = `${path}.copy`;
      const options = 'FORMAT parquet, COMPRESSION snappy, DICTIONARY_SIZE_LIMIT 0';
      await duckdbRun(`COPY (SELECT ${list.join(', ')} FROM read_parquet('${path}')) TO '${copy}' (${options})`);
      await annotateFile(copy, tableNodes(schema));
      return copy;
    };
    const types = [...flatTypes, ...nestedTypes];
    const options = { engine: 'duckdb', types, seed, rowCount: 600, rowsPerFile: 600, rewrite } as const;
    expect(await compareTypedRows(options)).toEqual([]);
  });
});
