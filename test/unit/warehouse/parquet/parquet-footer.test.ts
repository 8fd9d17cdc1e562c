import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ColumnScan, parquetEngineNames, readParquetFooter, type SealedFile } from '../../../../src/warehouse/index.ts';
import { batchOf, declared, everything, sql, TestTable } from './support.ts';

async function rangesOf(
  path: string,
): Promise<{ read: (offset: number, length: number) => Promise<Buffer>; size: number; readBytes: () => number }> {
  const bytes = await readFile(path);
  let count = 0;
  return {
    read: async (offset, length) => {
      count += length;
      return bytes.subarray(offset, offset + length);
    },
    size: bytes.length,
    readBytes: () => count,
  };
}

describe.each(parquetEngineNames)('a file of %s', (name) => {
  let table: TestTable;
  let file: SealedFile;
  const rowCount = 30_000;

  beforeAll(async () => {
    table = await TestTable.open(name);
    const encoder = await table.encoder(declared({ s: 'string', n: 'int64' }), {
      footerMetadata: { hello: 'w\u00f6rld' },
      codec: 'gzip',
    });
    const base = 2n ** 53n;
    const values = Array.from(
      { length: 1000 },
      (_, index) => `{"s":"${'some text '.repeat(20)}${index}","n":${index}}`,
    );
    for (let batch = 0; batch < rowCount / 1000; batch++) {
      await encoder.append(batchOf(values, { baseOffset: base + BigInt(batch * 2000) }), ...everything);
    }
    [file] = (await encoder.seal()) as [SealedFile];
    await encoder.close();
  });
  afterAll(() => table.close());

  it('tells rows, columns, row groups and metadata from its end alone', async () => {
    const { read, size } = await rangesOf(file.localPath);
    const footer = await readParquetFooter(read, size);
    expect(footer.rowCount).toBe(rowCount);
    expect(footer.columns).toEqual(['s', 'n', '_partition', '_offset', '_timestamp', '_key']);
    expect(footer.metadata.get('hello')).toBe('w\u00f6rld');
    expect(footer.metadata.get('sluice.content-hash')).toBe(file.contentHash);
    const counts = await sql(
      `SELECT DISTINCT row_group_id, row_group_num_rows AS n FROM parquet_metadata('${file.localPath}') ORDER BY 1`,
    );
    expect(footer.rowGroups.map((group) => BigInt(group.rowCount))).toEqual(counts.map(({ n }) => n));
    expect(counts.length).toBeGreaterThan(1);
  });

  it('gives its offsets without the other columns being fetched', async () => {
    const { read, size, readBytes } = await rangesOf(file.localPath);
    const scan = new ColumnScan({ scratchDirectory: table.directory });
    const offsets: bigint[] = [];
    for await (const piece of scan.integers(read, size)) offsets.push(...piece);
    const expected = Array.from(
      { length: rowCount },
      (_, index) => 2n ** 53n + BigInt(Math.floor(index / 1000) * 2000 + (index % 1000)),
    );
    expect(offsets).toEqual(expected);
    const partitions = new Set<bigint>();
    for await (const piece of scan.integers(read, size, '_partition')) for (const value of piece) partitions.add(value);
    expect([...partitions]).toEqual([3n]);
    await scan.close();
    expect(readBytes()).toBeLessThan(size + 5 * 64 * 1024);
  });

  it('is refused when it is cut anywhere', async () => {
    const bytes = await readFile(file.localPath);
    const path = join(table.directory, 'cut.parquet');
    for (const size of [0, 3, 4, 11, 12, 1000, bytes.length - 1, bytes.length - 8]) {
      await writeFile(path, bytes);
      await truncate(path, size);
      const ranges = await rangesOf(path);
      await expect(readParquetFooter(ranges.read, ranges.size)).rejects.toMatchObject({ code: 'bad-parquet' });
    }
  });

  it('raises nothing but bad-parquet when bytes of its footer are damaged', async () => {
    const bytes = await readFile(file.localPath);
    const length = bytes.readUInt32LE(bytes.length - 8);
    for (let at = 1; at <= length + 8; at += Math.max(1, Math.floor(length / 200))) {
      const damaged = Buffer.from(bytes);
      damaged[damaged.length - at]! ^= 0xff;
      const outcome = await readParquetFooter(
        async (offset, count) => damaged.subarray(offset, offset + count),
        damaged.length,
      ).catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'bad-parquet' });
    }
  });

  it('complains about a column that is not there', async () => {
    const { read, size } = await rangesOf(file.localPath);
    const scan = new ColumnScan();
    await expect(scan.integers(read, size, 'missing').next()).rejects.toMatchObject({ code: 'bad-parquet' });
    await scan.close();
  });
});
