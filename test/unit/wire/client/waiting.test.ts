import { describe, expect, it } from 'vitest';
import { ManualClock, SluiceError } from '../../../../src/shared/index.ts';
import { BackOff, untilAborted, withRetries } from '../../../../src/wire/client/back-off.ts';
import { ByteBudget } from '../../../../src/wire/client/byte-budget.ts';
import { Slots } from '../../../../src/wire/client/slots.ts';
import { Waker } from '../../../../src/wire/client/waker.ts';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const full = (): Error => new Error('full');

describe('Slots', () => {
  it('grants in the order of asking, and never to a newcomer before a waiter', async () => {
    const slots = new Slots(1, 10);
    const order: string[] = [];
    expect(slots.tryTake()).toBe(true);
    const first = slots.take(undefined, full).then(() => order.push('first'));
    const second = slots.take(undefined, full).then(() => order.push('second'));
    slots.release(); // granted to "first" in this very moment, though its continuation has not run
    expect(slots.tryTake()).toBe(false);
    await first;
    slots.release();
    await second;
    expect(order).toEqual(['first', 'second']);
    expect(slots.taken).toBe(1);
  });

  it('refuses when the queue is full', async () => {
    const slots = new Slots(1, 1);
    slots.tryTake();
    void slots.take(undefined, full);
    await expect(slots.take(undefined, full)).rejects.toThrow('full');
  });

  it('forgets a waiter that gave up', async () => {
    const slots = new Slots(1, 10);
    slots.tryTake();
    const giveUp = new AbortController();
    const waiting = slots.take(giveUp.signal, full);
    giveUp.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    slots.release();
    expect(slots.tryTake()).toBe(true);
  });
});

describe('ByteBudget', () => {
  it('holds no more than its limit, except for one item that is larger than all of it', async () => {
    const budget = new ByteBudget(100);
    expect(budget.tryTake(80)).toBe(true);
    expect(budget.tryTake(30)).toBe(false);
    const large = budget.take(500);
    budget.release(80);
    await large;
    expect(budget.takenBytes).toBe(500);
    expect(budget.tryTake(1)).toBe(false);
  });

  it('lets nobody small overtake somebody large', async () => {
    const budget = new ByteBudget(100);
    budget.tryTake(90);
    const order: string[] = [];
    const large = budget.take(60).then(() => order.push('large'));
    const small = budget.take(5).then(() => order.push('small'));
    await settle();
    expect(order).toEqual([]);
    budget.release(90);
    await Promise.all([large, small]);
    expect(order).toEqual(['large', 'small']);
  });

  it('goes on with the next when the first in the queue gives up', async () => {
    const budget = new ByteBudget(100);
    budget.tryTake(90);
    const giveUp = new AbortController();
    const large = budget.take(60, giveUp.signal);
    const small = budget.take(5);
    giveUp.abort(new Error('enough'));
    await expect(large).rejects.toThrow('enough');
    await small;
    expect(budget.takenBytes).toBe(95);
  });
});

describe('BackOff', () => {
  it('doubles from the first step to the largest, jittered between half and all of it', () => {
    const least = new BackOff({ firstMs: 100, maxMs: 500, random: () => 0 });
    const most = new BackOff({ firstMs: 100, maxMs: 500, random: () => 1 });
    expect([1, 2, 3, 4, 5].map(() => least.nextMs())).toEqual([50, 100, 200, 250, 250]);
    expect([1, 2, 3, 4, 5].map(() => most.nextMs())).toEqual([100, 200, 400, 500, 500]);
    most.reset();
    expect(most.nextMs()).toBe(100);
  });
});

describe('withRetries', () => {
  const retriable = new SluiceError('busy', 'busy', { isRetriable: true });

  it('tries again until it works', async () => {
    const clock = new ManualClock();
    let attempts = 0;
    const result = withRetries({ clock, timeoutMs: 60_000 }, async () => {
      if (++attempts < 4) throw retriable;
      return 'done';
    });
    await settle();
    await clock.advance(10_000);
    expect(await result).toBe('done');
    expect(attempts).toBe(4);
  });

  it('throws the last error when the time is over', async () => {
    const clock = new ManualClock();
    const result = withRetries({ clock, timeoutMs: 3_000 }, async () => {
      throw retriable;
    });
    const failed = expect(result).rejects.toBe(retriable);
    await settle();
    await clock.advance(20_000);
    await failed;
    expect(clock.nowMs()).toBe(20_000);
  });

  it('does not repeat what cannot succeed', async () => {
    let attempts = 0;
    const attempt = async (): Promise<void> => {
      attempts++;
      throw new SluiceError('wrong', 'wrong');
    };
    await expect(withRetries({ clock: new ManualClock(), timeoutMs: 60_000 }, attempt)).rejects.toThrow('wrong');
    expect(attempts).toBe(1);
  });
});

describe('untilAborted', () => {
  it('ends the waiting, not the work, and swallows what the work throws later', async () => {
    const abort = new AbortController();
    let fail: (error: Error) => void = () => {};
    const work = new Promise<void>((_, reject) => (fail = reject));
    const waiting = untilAborted(work, abort.signal);
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    fail(new Error('too late'));
    await settle(); // an unhandled rejection would end the test run
  });
});

describe('Waker', () => {
  it('ends a sleep early, and the next one when nobody slept', async () => {
    const waker = new Waker(new ManualClock());
    const sleeping = waker.sleep(1000);
    waker.wake();
    await sleeping;
    waker.wake();
    await waker.sleep(1000);
  });

  it('sleeps its time out otherwise', async () => {
    const clock = new ManualClock();
    const waker = new Waker(clock);
    let isAwake = false;
    const sleeping = waker.sleep(1000).then(() => (isAwake = true));
    await clock.advance(999);
    expect(isAwake).toBe(false);
    await clock.advance(1);
    await sleeping;
  });

  it('throws the reason when it is told to stop', async () => {
    const abort = new AbortController();
    const sleeping = new Waker(new ManualClock()).sleep(1000, abort.signal);
    abort.abort(new Error('enough'));
    await expect(sleeping).rejects.toThrow('enough');
  });
});
