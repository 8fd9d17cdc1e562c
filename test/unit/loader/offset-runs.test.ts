import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OffsetRuns } from '../../../src/loader/offset-runs.ts';

describe('OffsetRuns', () => {
  it('covers exactly the offsets that were added, neighbours in one run', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(5), fc.nat(5)), { maxLength: 30 }), (steps) => {
        const runs = new OffsetRuns();
        const added: bigint[] = [];
        let at = 0n;
        for (const [gap, length] of steps) {
          const first = at + BigInt(gap);
          at = first + BigInt(length);
          runs.add(first, at);
          for (let offset = first; offset < at; offset++) added.push(offset);
        }
        expect(runs.count).toBe(BigInt(added.length));
        const taken = runs.take();
        const covered = taken.flatMap(({ first, next }) =>
          Array.from({ length: Number(next - first) }, (_, i) => first + BigInt(i)),
        );
        expect(covered).toEqual(added);
        for (let i = 1; i < taken.length; i++) expect(taken[i]!.first).toBeGreaterThan(taken[i - 1]!.next);
        expect(runs.count).toBe(0n);
      }),
    );
  });

  it('refuses a run that goes back', () => {
    const runs = new OffsetRuns();
    runs.add(5n, 8n);
    expect(() => runs.add(7n, 9n)).toThrow('expected a run at or after 8, got [7, 9)');
  });
});
