import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openParquetEngine, type SealedFile, type TableEncoder } from '../../../../src/warehouse/index.ts';
import { seededRandom } from '../../../support/seeded-random.ts';
import { batchOf, everything, inferred, sqlRows, TestTable, wireBatches } from './support.ts';

describe('an inferred table whose values change their kind', () => {
  let table: TestTable;
  beforeAll(async () => {
    table = await TestTable.open('duckdb');
  });
  afterAll(() => table.close());

  /** Appends batches as a load does: seals where the encoder stops, and goes on. */
  async function loadAll(encoder: TableEncoder, batches: readonly string[][]): Promise<SealedFile[]> {
    const files: SealedFile[] = [];
    let offset = 0n;
    for (const values of batches) {
      const batch = batchOf(values, { baseOffset: offset });
      const end = offset + BigInt(values.length);
      while (offset < end) {
        const { refused, landedCount, stoppedAt } = await encoder.append(batch, offset, end);
        expect(refused).toEqual([]);
        expect(BigInt(landedCount)).toBe((stoppedAt ?? end) - offset);
        if (stoppedAt !== undefined) files.push(...(await encoder.seal()));
        offset = stoppedAt ?? end;
      }
    }
    files.push(...(await encoder.seal()));
    return files;
  }

  const typesOf = (encoder: TableEncoder) =>
    Object.fromEntries(encoder.schema.columns.map(({ name, type }) => [name, type]));

  it('refuses no record because of the order in which integers and fractions arrive', async () => {
    const encoder = await table.encoder(inferred, { widens: true });
    const files = await loadAll(encoder, [['{"a":1}', '{"a":2}'], ['{"a":3}', '{"a":2.5}', '{"a":4}'], ['{"a":5}']]);
    expect(files).toHaveLength(2);
    expect(files.map(({ rowCount }) => rowCount)).toEqual([3, 3]);
    expect((await sqlRows(files)).map((row) => row['a'])).toEqual([1, 2, 3, 2.5, 4, 5]);
    expect(typesOf(encoder)).toEqual({ a: 'double' });
    await encoder.close();
  });

  it('widens without another file while nothing is open', async () => {
    const encoder = await table.encoder(inferred, { widens: true });
    await loadAll(encoder, [['{"a":1}']]);
    const files = await loadAll(encoder, [['{"a":1.5}', '{"a":2}']]);
    expect(files).toHaveLength(1);
    await encoder.close();
  });

  it('keeps all 64 bits: an integer column with values beyond 2^53 becomes a string column beside a fraction', async () => {
    const encoder = await table.encoder(inferred, { widens: true });
    const files = await loadAll(encoder, [['{"a":9007199254740993}', '{"a":1}'], ['{"a":1.50}']]);
    expect((await sqlRows(files)).map((row) => row['a'])).toEqual(['9007199254740993', '1', '1.50']);
    expect(typesOf(encoder)).toEqual({ a: 'string' });
    await encoder.close();
  });

  it('remembers in its schema that a column had values beyond 2^53, for whoever comes later', async () => {
    const encoder = await table.encoder(inferred, { widens: true });
    await loadAll(encoder, [['{"a":1}']]);
    encoder.adoptSchema({ ...encoder.schema, id: 1 });
    await encoder.append(batchOf(['{"a":-9007199254740993}'], { baseOffset: 5n }), ...everything);
    expect(encoder.schema).toMatchObject({ id: 0, columns: [{ name: 'a', type: 'int64', isWide: true }] });
    await encoder.close();
  });

  it('takes every other kind in a string column as its JSON text, and everything in a json column', async () => {
    const encoder = await table.encoder(inferred, { widens: true });
    const files = await loadAll(encoder, [
      ['{"s":"x","j":{}}'],
      ['{"s":[1],"j":"x"}', '{"s":{"b":null},"j":7}', '{"s":1e2,"j":true}'],
    ]);
    expect(files).toHaveLength(1);
    expect((await sqlRows(files)).map(({ s, j }) => [s, j])).toEqual([
      ['x', '{}'],
      ['[1]', '"x"'],
      ['{"b":null}', '7'],
      ['1e2', 'true'],
    ]);
    await encoder.close();
  });

  it('writes no more files for two versions of a record in turn than for one of them', async () => {
    const encoder = await table.encoder(inferred, { widens: true });
    const values = Array.from({ length: 2000 }, (_, index) =>
      index % 2 === 0 ? `{"id":${index},"price":${index}}` : `{"id":${index},"price":${index}.5,"tags":["new"],"v":2}`,
    );
    const files = await loadAll(encoder, [values.slice(0, 1), values.slice(1, 1000), values.slice(1000)]);
    expect(files).toHaveLength(2);
    expect(files[1]!.rowCount).toBe(1999);
    await encoder.close();
  });

  it('refuses broken records as before, and never because of their kind, whatever comes in whatever order', async () => {
    const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e6));
    const random = seededRandom(seed);
    const kinds = [
      '1',
      '-7',
      '9007199254740993',
      '1.5',
      '1e300',
      '12345678901234567890',
      'true',
      '"x"',
      '{"b":[1]}',
      '[]',
      'null',
    ];
    const pick = () => kinds[Math.floor(random() * kinds.length)]!;
    const encoder = await table.encoder(inferred, { widens: true });
    const batches = Array.from({ length: 30 }, () =>
      Array.from({ length: 1 + Math.floor(random() * 20) }, () => `{"a":${pick()},"b":${pick()},"c":${pick()}}`),
    );
    const files = await loadAll(encoder, batches);
    const rows = files.reduce((sum, { rowCount }) => sum + rowCount, 0);
    expect({ seed, rows }).toEqual({ seed, rows: batches.flat().length });
    // Three columns, each with at most two steps to go.
    expect(files.length).toBeLessThanOrEqual(7);
    const { refused, stoppedAt } = await encoder.append(batchOf(['{"a":1.5']), ...everything);
    expect([refused.map(({ code }) => code), stoppedAt]).toEqual([['not-json'], undefined]);
    await encoder.close();
  });

  it('holds with the other engine too', async () => {
    const engine = openParquetEngine('parquetjs', { batches: wireBatches });
    expect(engine.problemOf(inferred, { codec: 'snappy' })).toBeNull();
    await engine.close();
    const other = await TestTable.open('parquetjs');
    const encoder = await other.encoder(inferred, { widens: true });
    const files = await loadAll(encoder, [['{"a":1}', '{"a":2.5}', '{"a":9007199254740993}']]);
    expect((await sqlRows(files)).map((row) => row['a'])).toEqual(['1', '2.5', '9007199254740993']);
    await encoder.close();
    await other.close();
  });
});
