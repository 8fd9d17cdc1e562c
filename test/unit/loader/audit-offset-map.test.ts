import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OffsetMap } from '../../../src/loader/audit-offset-map.ts';

const seed = Number(process.env['SLUICE_SEED'] ?? 424_242);

/** Starts around every place where 32-bit halves carry, and at the end of int64. */
const starts = [0n, 1n, 2n ** 31n - 3n, 2n ** 32n - 5n, 2n ** 53n - 2n, 7n * 2n ** 40n - 1n, 2n ** 63n - 200n];

describe('OffsetMap', () => {
  it('names what is missing and what is double, as a plain count per offset does', () => {
    const offsetsIn = (size: number) => fc.array(fc.integer({ min: -5, max: size + 5 }), { maxLength: 300 });
    const input = fc.integer({ min: 1, max: 150 }).chain((size) =>
      fc.record({
        first: fc.constantFrom(...starts),
        size: fc.constant(size),
        seen: offsetsIn(size),
        excused: offsetsIn(size),
      }),
    );
    fc.assert(
      fc.property(input, ({ first, size, seen, excused }) => {
        const map = new OffsetMap(first, size);
        const counts = new Array<number>(size).fill(0);
        const absent = new Set<number>();
        for (const position of excused) {
          map.excuse(first + BigInt(position), first + BigInt(position) + 2n);
          for (const p of [position, position + 1]) if (p >= 0 && p < size) absent.add(p);
        }
        const inside = map.see(BigInt64Array.from(seen.map((position) => first + BigInt(position))));
        for (const position of seen) if (position >= 0 && position < size) counts[position]!++;

        expect(inside).toBe(counts.reduce((sum, count) => sum + count, 0));
        const named = (test: (count: number, position: number) => boolean): bigint[] =>
          counts.flatMap((count, position) => (test(count, position) ? [first + BigInt(position)] : []));
        expect([...map.missing()]).toEqual(named((count, position) => count === 0 && !absent.has(position)));
        expect([...map.double()]).toEqual(named((count, position) => count > 1 || (count > 0 && absent.has(position))));
      }),
      { seed, numRuns: 500 },
    );
  });
});
