import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  hourFolder,
  parseHourFolder,
  parsePartFileName,
  parseTableFolder,
  partFileName,
  TablePaths,
  tableFolder,
} from '../../../../src/warehouse/index.ts';

describe('hourFolder', () => {
  it.each([
    [0n, 'dt=1970-01-01/hr=00'],
    [-1n, 'dt=1969-12-31/hr=23'],
    [3_599_999n, 'dt=1970-01-01/hr=00'],
    [3_600_000n, 'dt=1970-01-01/hr=01'],
    [1_795_246_200_000n, 'dt=2026-11-21/hr=07'],
    [-62_135_596_800_000n, 'dt=0001-01-01/hr=00'],
    [253_402_300_799_999n, 'dt=9999-12-31/hr=23'],
  ])('puts %s into %s', (timeMs, folder) => {
    expect(hourFolder(timeMs)).toBe(folder);
  });

  it('names the hour that parseHourFolder reads back', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -62_135_596_800_000n, max: 253_402_300_799_999n }), (timeMs) => {
        const start = parseHourFolder(hourFolder(timeMs));
        expect(start).not.toBeNull();
        expect(timeMs - start! >= 0n && timeMs - start! < 3_600_000n).toBe(true);
      }),
    );
  });

  it.each(['dt=2026-02-30/hr=00', 'dt=2026-11-21/hr=24', 'dt=2026-11-21/hr=7', '_sluice', 'dt=2026-11-21'])(
    'does not take %s for one',
    (folder) => {
      expect(parseHourFolder(folder)).toBeNull();
    },
  );
});

describe('part file names', () => {
  it('are padded so that the order of names is the order of offsets', () => {
    expect(partFileName('events', 3, 0n, 9_223_372_036_854_775_807n, 12)).toBe(
      'part+events+3+00000000000000000000+09223372036854775807+00000000000000000012.parquet',
    );
  });

  it('can be read back for any topic, and never begin with _ or .', () => {
    const topic = fc.oneof(
      fc.stringMatching(/^[a-zA-Z0-9._-]{1,249}$/),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
    );
    const offset = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
    fc.assert(
      fc.property(topic, fc.nat(), offset, offset, fc.nat(), (name, partition, firstOffset, lastOffset, sequence) => {
        const file = partFileName(name, partition, firstOffset, lastOffset, sequence);
        expect(file).toMatch(/^part\+[A-Za-z0-9._%+-]+\.parquet$/);
        expect(parsePartFileName(file)).toEqual({
          topic: name,
          partition,
          firstOffset,
          lastOffset,
          sequence: BigInt(sequence),
        });
      }),
    );
  });

  it.each([
    'part+a+0+1+2+3.parquet',
    `part+a+01+${'0'.repeat(20)}+${'0'.repeat(20)}+${'0'.repeat(20)}.parquet`,
    `part+%61+0+${'0'.repeat(20)}+${'0'.repeat(20)}+${'0'.repeat(20)}.parquet`,
    `part+%6+0+${'0'.repeat(20)}+${'0'.repeat(20)}+${'0'.repeat(20)}.parquet`,
    '_manifest-1.json',
  ])('other than those are not taken for one: %s', (name) => {
    expect(parsePartFileName(name)).toBeNull();
  });

  it('refuse negative offsets', () => {
    expect(() => partFileName('a', 0, -1n, 0n, 0)).toThrow(RangeError);
  });
});

describe('table folders', () => {
  it.each([
    ['events', 'events'],
    ['_a', '%5Fa'],
    ['.b', '%2Eb'],
    ['__c', '%5F_c'],
    ['a_b.c-d', 'a_b.c-d'],
    ['%5Fa', '%255Fa'],
    ['a/../b', 'a%2F..%2Fb'],
    ['..', '%2E.'],
    ['\u00e9', '%C3%A9'],
  ])('of %s is %s, which Spark and Hive do not skip', (name, folder) => {
    expect(tableFolder(name)).toBe(folder);
    expect(parseTableFolder(folder)).toBe(name);
  });

  it('never collide and never leave the warehouse', () => {
    const name = fc.string({
      unit: fc.constantFrom('_', '.', '%', '5', 'F', 'a', '/', '\u00e9', ' '),
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(name, name, (left, right) => {
        expect(tableFolder(left) === tableFolder(right)).toBe(left === right);
        expect(tableFolder(left)).toMatch(/^[A-Za-z0-9%-][A-Za-z0-9._%-]*$/);
        expect(parseTableFolder(tableFolder(left))).toBe(left);
      }),
    );
  });

  it.each(['', '_a', '.b', '%5fa', '%5', 'a b', '%61'])('are not recognised by other names: %j', (folder) => {
    expect(parseTableFolder(folder)).toBeNull();
  });
});

describe('TablePaths', () => {
  it('has the places of the design', () => {
    const paths = new TablePaths('_a');
    const topicId = '0'.repeat(32);
    expect(paths.chain(topicId, 7)).toBe(`/%5Fa/_sluice/ledger/${topicId}/7`);
    expect(paths.staging(topicId, 7, 3)).toBe(`/%5Fa/_sluice/staging/${topicId}/7/00000000000000000003`);
    expect(paths.schemas).toBe('/%5Fa/_sluice/schema');
    expect(paths.deadLetters(topicId, 7, 1n, 2n, 3)).toBe(
      `/%5Fa/_sluice/dead/${topicId}/7/dead+00000000000000000001+00000000000000000002+00000000000000000003.jsonl`,
    );
  });
});
