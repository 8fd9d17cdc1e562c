import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type ParquetEngineName, parquetEngineNames, type SealedFile } from '../../../../src/warehouse/index.ts';
import { rowGroupRowsFor } from '../../../../src/warehouse/parquet/file-plan.ts';
import { batchOf, declared, everything, inferred, recordTimeMs, sql, sqlRows, TestTable } from './support.ts';

const tables: TestTable[] = [];

async function openTable(
  name: ParquetEngineName,
  maxEncoderBytes: number,
  nativeMemoryLimit = '512MB',
): Promise<TestTable> {
  const table = await TestTable.open(name, { maxEncoderBytes, nativeMemoryLimit });
  tables.push(table);
  return table;
}

afterEach(async () => {
  for (const table of tables.splice(0)) await table.close();
});

/** Events spread over `hours` time folders in turn, values that compress about as well as real ones. */
function events(first: number, count: number, hours: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const n = first + index;
    const time = new Date(Number(recordTimeMs) + (n % hours) * 3_600_000).toISOString();
    return `{"ts":"${time}","n":${n},"user":"user-${(n * 7919) % 1000}","url":"https://example.com/item/${(n * 104_729) % 99_991}?ref=${n}"}`;
  });
}

describe('open files', () => {
  it('stay within the memory they were given, and lose and reorder nothing', async () => {
    const limit = 512 * 1024;
    const table = await openTable('duckdb', limit);
    const encoder = await table.encoder(inferred, { timeField: 'ts', maxFutureMs: 1e12 });
    const rowCount = 30_000;
    let peak = 0;
    for (let first = 0; first < rowCount; first += 1000) {
      const batch = batchOf(events(first, 1000, 5), { baseOffset: BigInt(first) });
      expect(await encoder.append(batch, ...everything)).toEqual({ landedCount: 1000, refused: [] });
      peak = Math.max(peak, encoder.memoryBytes);
    }
    expect(encoder.rowCount).toBe(rowCount);
    expect(encoder.folderCount).toBe(5);
    expect(peak).toBeLessThanOrEqual(limit);
    const files = await encoder.seal();
    expect(files.map(({ rowCount: rows }) => rows)).toEqual([6000, 6000, 6000, 6000, 6000]);
    const [total] = await sql(
      `SELECT count(*) AS rows, count(DISTINCT _offset) AS offsets, count(*) FILTER (n = _offset AND url LIKE '%ref=' || n) AS good FROM read_parquet(${listOf(files)})`,
    );
    expect(total).toEqual({ rows: BigInt(rowCount), offsets: BigInt(rowCount), good: BigInt(rowCount) });
    for (const { localPath } of files) {
      const offsets = (await sql(`SELECT _offset FROM '${localPath}'`)).map((row) => row['_offset'] as bigint);
      expect(offsets).toEqual([...offsets].sort((left, right) => (left < right ? -1 : 1)));
    }
    await encoder.close();
  });

  it('tell their encoded size within a third once there is something to measure', async () => {
    for (const codec of ['zstd', 'snappy', 'none'] as const) {
      const table = await openTable('duckdb', 32 * 1024 * 1024);
      const encoder = await table.encoder(inferred, { codec });
      for (let first = 0; first < 30_000; first += 1000) {
        await encoder.append(batchOf(events(first, 1000, 1), { baseOffset: BigInt(first) }), ...everything);
      }
      const estimate = encoder.encodedBytes;
      const [file] = await encoder.seal();
      expect((await stat(file!.localPath)).size).toBe(file!.size);
      expect(estimate / file!.size).toBeGreaterThan(0.67);
      expect(estimate / file!.size).toBeLessThan(1.5);
      expect(encoder.encodedBytes).toBe(0);
      await encoder.close();
    }
  });

  it.each(parquetEngineNames)('of several partitions can be filled and sealed at the same time by %s', async (name) => {
    const table = await openTable(name, 64 * 1024);
    const sealed = await Promise.all(
      [0, 1, 2].map(async (partition) => {
        const encoder = await table.encoder(declared({ n: 'int64', user: 'string' }), { partition });
        for (let first = 0; first < 600; first += 200) {
          await encoder.append(batchOf(events(first, 200, 1), { baseOffset: BigInt(first) }), ...everything);
        }
        const files = await encoder.seal();
        return { files, rows: await sqlRows(files), encoder };
      }),
    );
    for (const [partition, { rows, encoder }] of sealed.entries()) {
      expect(rows.map(({ n, _partition }) => [n, _partition])).toEqual(
        Array.from({ length: 600 }, (_, n) => [BigInt(n), partition]),
      );
      await encoder.close();
    }
  });

  it.each(parquetEngineNames)(
    'that cannot be written are told as an error of %s, and can be discarded',
    async (name) => {
      const table = await openTable(name, 1024 * 1024);
      const encoder = await table.encoder(inferred);
      await encoder.append(batchOf(['{"a":1}']), ...everything);
      const probe = await table.encoder(inferred);
      await probe.append(batchOf(['{"a":1}']), ...everything);
      const scratch = dirname((await probe.seal())[0]!.localPath).replace(/encoder-\d+$/, 'encoder-0');
      await rm(scratch, { recursive: true });
      await expect(encoder.seal()).rejects.toThrow(/ENOENT|encoder-0/);
      await mkdir(scratch);
      await encoder.discard();
      expect(encoder.rowCount).toBe(0);
      await encoder.append(batchOf(['{"a":2}'], { baseOffset: 1n }), ...everything);
      expect((await sqlRows(await encoder.seal())).map(({ a }) => a)).toEqual([2n]);
      await encoder.close();
      await probe.close();
    },
  );

  it('are all deleted when the encoder is closed', async () => {
    const table = await openTable('duckdb', 1);
    const encoder = await table.encoder(inferred, { timeField: 'ts', maxFutureMs: 1e12 });
    await encoder.append(batchOf(events(0, 100, 3)), ...everything);
    const scratch = (await readdir(table.directory)).find((name) => name.startsWith('encoder-'))!;
    expect(await readdir(`${table.directory}/${scratch}`)).toHaveLength(3);
    await encoder.close();
    expect(await readdir(`${table.directory}/${scratch}`)).toEqual([]);
  });

  it('take a field of a megabyte in every row, in row groups that fit into the native memory', async () => {
    const table = await openTable('duckdb', 4 * 1024 * 1024, '64MB');
    const encoder = await table.encoder(declared({ v: 'string' }), { codec: 'zstd' });
    const text = randomText(1 << 20);
    for (let n = 0; n < 40; n++) {
      await encoder.append(batchOf([`{"v":"${n}${text}"}`], { baseOffset: BigInt(n) }), ...everything);
    }
    const files = await encoder.seal();
    const rows = await sql(`SELECT count(*) AS rows, sum(length(v)) AS chars FROM read_parquet(${listOf(files)})`);
    expect(rows).toEqual([{ rows: 40n, chars: BigInt(40 * (1 << 20) + 10 + 60) }]);
    const groups = await sql(`SELECT DISTINCT row_group_num_rows AS n FROM parquet_metadata('${files[0]!.localPath}')`);
    for (const { n } of groups) expect(n).toBeLessThanOrEqual(8n);
    await encoder.close();
  });

  it.each(parquetEngineNames)(
    'keep the sign of every zero among many of both, over several spills, in %s',
    async (name) => {
      const table = await openTable(name, 1);
      const encoder = await table.encoder(declared({ d: 'double' }));
      for (let first = 0; first < 600; first += 200) {
        const values = Array.from({ length: 200 }, (_, n) => `{"d":${first === 200 && n % 2 === 0 ? '-0.0' : '0.0'}}`);
        await encoder.append(batchOf(values, { baseOffset: BigInt(first) }), ...everything);
      }
      const rows = await sqlRows(await encoder.seal());
      const negative = rows.filter(({ d }) => Object.is(d, -0)).map(({ _offset }) => _offset);
      expect(negative).toEqual(Array.from({ length: 100 }, (_, n) => BigInt(200 + n * 2)));
      await encoder.close();
    },
  );

  it('keep large row groups when a few rows are large', () => {
    const spill = (rowCount: number, size: number) => ({ rowCount, size, chunks: [] });
    const megabyte = 1024 * 1024;
    expect(
      rowGroupRowsFor(100_000, 64 * megabyte, [
        spill(40_000, 8 * megabyte),
        spill(1, megabyte),
        spill(40_000, 8 * megabyte),
      ]),
    ).toBe(100_000);
    expect(
      rowGroupRowsFor(
        100_000,
        16 * megabyte,
        Array.from({ length: 5 }, () => spill(40_000, 8 * megabyte)),
      ),
    ).toBe(50_000);
    expect(rowGroupRowsFor(100_000, 8 * megabyte, [spill(1_000_000, megabyte), spill(8, 9 * megabyte)])).toBe(7);
    expect(rowGroupRowsFor(100, megabyte, [spill(1, 2 * megabyte)])).toBe(1);
  });
});

/** Letters that hardly compress. */
function randomText(length: number): string {
  let state = 12345;
  const bytes = Buffer.alloc(length);
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[index] = 48 + ((state >>> 16) % 74);
  }
  return bytes.toString('latin1').replaceAll('\\', 'x');
}

function listOf(files: readonly SealedFile[]): string {
  return `[${files.map(({ localPath }) => `'${localPath}'`).join(', ')}]`;
}
