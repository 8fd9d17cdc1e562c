import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coverRanges } from '../../../src/imports/range-cover.ts';

const range = (first: number, next: number) => ({ first: BigInt(first), next: BigInt(next) });

describe('ranges of files', () => {
  it('that follow each other leave no hole and no overlap, in whatever order they come', () => {
    const cover = coverRanges([range(20, 30), range(5, 20), range(30, 31)]);
    expect(cover).toEqual({ first: 5n, next: 31n, holes: [], overlaps: [] });
  });

  it('tell where nothing is and where something is twice', () => {
    const cover = coverRanges([range(0, 10), range(5, 8), range(7, 12), range(20, 25), range(20, 25), range(24, 30)]);
    expect(cover.holes).toEqual([range(12, 20)]);
    expect(cover.overlaps).toEqual([range(5, 10), range(20, 25)]);
    expect([cover.first, cover.next]).toEqual([0n, 30n]);
  });

  it('always say of every single offset whether it is held never, once or more often', () => {
    const ranges = fc.array(fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 12 })), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(ranges, (drawn) => {
        const list = drawn.map(([first, length]) => range(first, first + length));
        const { first, next, holes, overlaps } = coverRanges(list);
        for (let offset = first; offset < next; offset++) {
          const within = (found: { first: bigint; next: bigint }) => found.first <= offset && offset < found.next;
          const count = list.filter(within).length;
          expect(holes.some(within)).toBe(count === 0);
          expect(overlaps.some(within)).toBe(count > 1);
        }
      }),
    );
  });
});
