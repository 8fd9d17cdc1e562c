import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ValueDecoding } from '../../../../src/warehouse/index.ts';
import { batchOf, declared, everything, inferred, load, recordTimeMs, sqlRows, TestTable } from './support.ts';

/** Values like `a=1;b=x`. */
function pairs(): ValueDecoding & { prepared: string[] } {
  const prepared: string[] = [];
  return {
    prepared,
    async prepare(values, signal) {
      signal.throwIfAborted();
      for (const value of values) prepared.push(value.toString());
    },
    decode(value) {
      const text = value.toString();
      if (text === 'broken') return { code: 'not-pairs', reason: 'expected pairs, came "broken"' };
      const fields = text.split(';').map((pair) => pair.split('=') as [string, string]);
      return Buffer.from(`{${fields.map(([name, json]) => `"${name}":${json}`).join(',')}}`);
    },
  };
}

describe('an encoder with a decoder', () => {
  let table: TestTable;
  beforeAll(async () => {
    table = await TestTable.open('duckdb');
  });
  afterAll(() => table.close());

  it('loads what the decoder makes of the values, keys untouched, and keeps raw bytes in its dead letters', async () => {
    const decode = pairs();
    const encoder = await table.encoder(declared({ a: 'int64' }, { keyType: 'string' }), { decode });
    const { rows, refused } = await load(encoder, [
      { value: 'a=1', key: 'first', timestamp: recordTimeMs },
      { value: 'broken', key: 'second', timestamp: recordTimeMs },
      { value: null, key: 'third', timestamp: recordTimeMs },
      { value: 'a="x"', key: 'fourth', timestamp: recordTimeMs },
      { value: 'a=5', key: 'fifth', timestamp: recordTimeMs },
    ]);
    expect(rows.map(({ a, _key, _offset }) => [a, _key, _offset])).toEqual([
      [1n, 'first', 0n],
      [5n, 'fifth', 4n],
    ]);
    expect(refused.map(({ offset, code, value, key }) => [offset, code, value?.toString(), key?.toString()])).toEqual([
      [1n, 'not-pairs', 'broken', 'second'],
      [2n, 'tombstone', undefined, 'third'],
      [3n, 'wrong-type', 'a="x"', 'fourth'],
    ]);
    expect(decode.prepared).toEqual(['a=1', 'broken', 'a="x"', 'a=5']);
    await encoder.close();
  });

  it('decodes only the records it was asked for, and infers columns from those alone', async () => {
    const decode = pairs();
    const encoder = await table.encoder(inferred, { decode });
    const batch = batchOf(['a=1', 'a=2', 'b=true', 'c=3'], { baseOffset: 0n });
    expect(await encoder.append(batch, 1n, 3n)).toEqual({ landedCount: 2, refused: [] });
    expect(decode.prepared).toEqual(['a=2', 'b=true']);
    const rows = await sqlRows(await encoder.seal());
    expect(rows.map(({ a, b, c }) => [a, b, c])).toEqual([
      [2n, null, undefined],
      [null, true, undefined],
    ]);
    await encoder.close();
  });

  it('lets the trouble of a registry through, so that the owner waits instead of refusing records', async () => {
    const decode: ValueDecoding = { ...pairs(), prepare: () => Promise.reject(new Error('registry is down')) };
    const encoder = await table.encoder(inferred, { decode });
    await expect(encoder.append(batchOf(['a=1']), ...everything)).rejects.toThrow('registry is down');
    await encoder.close();
  });
});
