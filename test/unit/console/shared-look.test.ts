import { describe, expect, it } from 'vitest';
import { SharedLook } from '../../../src/console/live/shared-look.ts';
import { ManualClock } from '../../../src/shared/index.ts';

const { signal } = new AbortController();

describe('a look that is shared', () => {
  it('is made once for all who ask at the same time, and again when it is old', async () => {
    const clock = new ManualClock();
    let count = 0;
    const look = new SharedLook({ look: async () => ++count, clock, maxAgeMs: 1000, signal });
    expect(await Promise.all([look.get(), look.get(), look.get()])).toEqual([1, 1, 1]);
    await clock.advance(999);
    expect(await look.get()).toBe(1);
    await clock.advance(1);
    expect(await look.get()).toBe(2);
  });

  it('rests for a multiple of what it took, so that it never takes all the time', async () => {
    const clock = new ManualClock();
    let count = 0;
    const look = new SharedLook({
      look: async () => {
        await clock.sleep(5000);
        return ++count;
      },
      clock,
      maxAgeMs: 1000,
      signal,
    });
    const first = look.get();
    await clock.advance(5000);
    expect(await first).toBe(1);
    await clock.advance(14_000);
    expect(await look.get()).toBe(1);
    await clock.advance(1000);
    const second = look.get();
    await clock.advance(5000);
    expect(await second).toBe(2);
  });

  it('is made again after a failure, and when something was changed', async () => {
    const clock = new ManualClock();
    let count = 0;
    const look = new SharedLook({
      look: async () => {
        if (++count === 1) throw new Error('not yet');
        return count;
      },
      clock,
      maxAgeMs: 1000,
      signal,
    });
    await expect(look.get()).rejects.toThrow('not yet');
    expect(await look.get()).toBe(2);
    look.forget();
    expect(await look.get()).toBe(3);
  });
});
