import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import {
  type ColumnType,
  openParquetEngine,
  type ParquetEngineName,
  parseType,
  type TableSchema,
} from '../../src/warehouse/index.ts';
import { encodeBatch, RecordCursor, readBatchHeader } from '../../src/wire/index.ts';
import { duckdbRows, hyparquetRawRows } from './typed-readers.ts';
import { oracleValue, type TypedRow, TypedRows } from './typed-rows.ts';

export interface OracleOptions {
  engine: ParquetEngineName;
  types: readonly string[];
  seed: number;
  rowCount: number;
  /** Rows of a file; all of them are compared before the next file is written. */
  rowsPerFile: number;
  /** Changes a finished file before it is read; gives the path of the file to read. */
  rewrite?: (path: string, schema: TableSchema) => Promise<string>;
  onFile?: (rowsDone: number) => void;
}

const batchRows = 500;
const timestampMs = 1_795_246_200_000n;

/**
 * Loads generated rows through the encoder of a real load and reads them back with DuckDB and with hyparquet. Returns the
 * differences (at most 20), each naming its seed, row and column.
 */
export async function compareTypedRows(options: OracleOptions): Promise<string[]> {
  const scratchDirectory = await mkdtemp(join(tmpdir(), 'sluice-typed-'));
  const engine = openParquetEngine(options.engine, {
    batches: { readHeader: readBatchHeader, openCursor: (batch) => new RecordCursor(batch) },
    scratchDirectory,
    maxEncoderBytes: 1024 * 1024,
  });
  const rows = new TypedRows(options.types.map(parseType), options.seed);
  const differences: string[] = [];
  try {
    const schema: TableSchema = {
      id: 1,
      mode: 'declared',
      keyType: 'bytes',
      columns: options.types.map((type, index) => ({ name: `c${index}`, type: type as ColumnType, isRequired: false })),
    };
    const encoder = await engine.openEncoder({
      topic: 'typed',
      topicId: 'f'.repeat(32),
      partition: 0,
      schema,
      scratchDirectory,
      codec: options.engine === 'duckdb' ? 'zstd' : 'snappy',
      rowGroupRows: 5000,
      timeField: null,
      maxFutureMs: 0,
      footerMetadata: {},
    });
    for (let done = 0; done < options.rowCount && differences.length === 0; done += options.rowsPerFile) {
      const expected: TypedRow[] = [];
      while (expected.length < options.rowsPerFile) {
        const made = Array.from({ length: Math.min(batchRows, options.rowsPerFile - expected.length) }, () =>
          rows.next(),
        );
        const baseOffset = BigInt(done + expected.length);
        const batch = encodeBatch(
          made.map(({ json }) => ({ value: Buffer.from(json), timestamp: timestampMs })),
          { timestampMs, baseOffset },
        );
        const { refused } = await encoder.append(Buffer.from(batch), 0n, 2n ** 62n);
        for (const { offset, reason } of refused) differences.push(`row ${offset}: refused: ${reason}`);
        expected.push(...made);
      }
      for (const { localPath } of await encoder.seal()) {
        const path = options.rewrite ? await options.rewrite(localPath, schema) : localPath;
        for (const [reader, read] of [
          ['duckdb', duckdbRows],
          ['hyparquet', hyparquetRawRows],
        ] as const) {
          differences.push(...compare(reader, await read(path), expected, options, done));
        }
        await rm(localPath);
        await rm(path, { force: true });
      }
      options.onFile?.(done + expected.length);
    }
    await encoder.close();
    return differences.slice(0, 20).map((difference) => `seed ${options.seed}, ${difference}`);
  } finally {
    await engine.close();
    await rm(scratchDirectory, { recursive: true, force: true });
  }
}

function compare(
  reader: string,
  rows: readonly Record<string, unknown>[],
  expected: readonly TypedRow[],
  { types }: OracleOptions,
  firstRow: number,
): string[] {
  if (rows.length !== expected.length) return [`${reader}: expected ${expected.length} rows, found ${rows.length}`];
  const parsed = types.map(parseType);
  const differences: string[] = [];
  for (const [index, row] of rows.entries()) {
    for (const [column, type] of parsed.entries()) {
      const name = `c${column}`;
      const found = oracleValue(type, row[name]);
      const wanted = expected[index]!.values[name]!;
      // Of a float, -0 and 0 differ too: both compare as Object.is does.
      if (Object.is(found, wanted) || (typeof wanted === 'object' && isDeepStrictEqual(found, wanted))) continue;
      differences.push(
        `${reader}: row ${firstRow + index}, ${name} ${types[column]}: expected ${show(wanted)}, found ${show(found)}`,
      );
      if (differences.length === 20) return differences;
    }
  }
  return differences;
}

function show(value: unknown): string {
  const text = JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part)) ?? 'undefined';
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}
