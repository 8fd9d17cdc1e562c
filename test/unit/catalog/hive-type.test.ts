import { describe, expect, it } from 'vitest';
import { hiveColumn, isSameHiveType } from '../../../src/catalog/hive-type.ts';
import type { ColumnType } from '../../../src/warehouse/index.ts';
import { readerTypes } from '../../support/reader-types.ts';

describe('the type of a column', () => {
  it('is in Spark what Spark reads the files as, of every type', () => {
    const made = readerTypes.map(([name, type]) => [
      name,
      hiveColumn(name, type as ColumnType, 'spark').type?.replaceAll('`', ''),
    ]);
    expect(made).toEqual(readerTypes.map(([name, , spark]) => [name, spark]));
  });

  it('is the same in Hive, which has one type for instants and readings of a clock', () => {
    for (const [name, type, spark] of readerTypes) {
      expect(hiveColumn(name, type as ColumnType, 'hive').type?.replaceAll('`', '')).toBe(
        spark.replaceAll('timestamp_ntz', 'timestamp'),
      );
    }
  });

  it('is what stands in the file where neither has a type for it', () => {
    const types = (['uuid', 'time_ms', 'time_us', 'map<string,uuid>'] as const).map(
      (type) => hiveColumn('a', type, 'hive').type,
    );
    expect(types).toEqual(['binary', 'int', 'bigint', 'map<string,binary>']);
  });

  it('is none when its name, or that of a field at any depth, cannot be had', () => {
    expect(hiveColumn('a.b', 'int64', 'hive')).toEqual({ type: null, problem: '"." in "a.b"' });
    expect(hiveColumn('a', 'list<map<string,struct{"x-y": int64}>>', 'hive')).toEqual({
      type: null,
      problem: '"-" in "x-y"',
    });
  });
});

describe('a type as DESCRIBE shows it', () => {
  it('is the same in lower case, without backticks and blanks', () => {
    expect(isSameHiveType('struct<`userId`:bigint,`b`:decimal(5,1)>', 'struct<userid:bigint, b:decimal(5,1)>')).toBe(
      true,
    );
    expect(isSameHiveType('bigint', 'int')).toBe(false);
    expect(isSameHiveType('struct<`a`:int>', 'struct<a:int,b:int>')).toBe(false);
  });

  it('is compared as far as Spark shows it', () => {
    const wide = `struct<${Array.from({ length: 30 }, (_, i) => `\`f${i}\`:int`).join(',')}>`;
    const shown = `struct<${Array.from({ length: 25 }, (_, i) => `f${i}:int`).join(',')},... 5 more fields>`;
    expect(isSameHiveType(wide, shown)).toBe(true);
    expect(isSameHiveType(wide, shown.replace('f3:int', 'f3:bigint'))).toBe(false);
  });
});
