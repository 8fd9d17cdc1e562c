import { describe, expect, it } from 'vitest';
import { RateLimit } from '../../../../src/cli/input/rate-limit.ts';
import { ManualClock } from '../../../../src/shared/index.ts';

/** How many records go in so many milliseconds. */
async function countWithin(limit: RateLimit, clock: ManualClock, ms: number): Promise<number> {
  const endMs = clock.nowMs() + ms;
  let count = 0;
  while (clock.nowMs() < endMs) {
    const wait = limit.next(new AbortController().signal);
    if (wait) {
      const before = clock.nowMs();
      await Promise.race([wait, clock.advance(100)]);
      if (clock.nowMs() === before) break;
    }
    count++;
  }
  return count;
}

describe('RateLimit', () => {
  it.each([10, 1000, 50_000])('lets %d records through per second', async (perSecond) => {
    const clock = new ManualClock();
    const count = await countWithin(new RateLimit(perSecond, clock), clock, 10_000);
    expect(count / 10).toBeGreaterThan(perSecond * 0.9);
    expect(count / 10).toBeLessThan(perSecond * 1.1 + 1);
  });

  it('catches up with at most a second after a long stop', async () => {
    const clock = new ManualClock();
    const limit = new RateLimit(1000, clock);
    await clock.advance(3_600_000);
    let count = 0;
    while (!limit.next(new AbortController().signal)) count++;
    expect(count).toBeGreaterThan(900);
    expect(count).toBeLessThan(1100);
  });
});
