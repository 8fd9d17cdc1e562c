import { describe, expect, it } from 'vitest';
import { compareTypedRows } from '../../../support/typed-oracle.ts';
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
});
