import { describe, expect, it } from 'vitest';
import { ManualClock, WakeUp } from '../../../src/shared/index.ts';

const never = new AbortController().signal;

async function isDone(promise: Promise<void>): Promise<boolean> {
  let done = false;
  void promise.then(() => (done = true));
  await new Promise((resolve) => setImmediate(resolve));
  return done;
}

describe('WakeUp', () => {
  it('sleeps until the time is up', async () => {
    const clock = new ManualClock();
    const sleeping = new WakeUp().sleep(clock, 100, never);
    await clock.advance(99);
    expect(await isDone(sleeping)).toBe(false);
    await clock.advance(1);
    expect(await isDone(sleeping)).toBe(true);
  });

  it('is woken by a call, also by one that came before it slept', async () => {
    const clock = new ManualClock();
    const wake = new WakeUp();
    const sleeping = wake.sleep(clock, Number.POSITIVE_INFINITY, never);
    expect(await isDone(sleeping)).toBe(false);
    wake.call();
    expect(await isDone(sleeping)).toBe(true);
    wake.call();
    expect(await isDone(wake.sleep(clock, 100, never))).toBe(true);
    expect(await isDone(wake.sleep(clock, 100, never))).toBe(false);
  });

  it('ends quietly when the signal is aborted', async () => {
    const stop = new AbortController();
    const sleeping = new WakeUp().sleep(new ManualClock(), 100, stop.signal);
    stop.abort(new Error('stop'));
    expect(await isDone(sleeping)).toBe(true);
  });
});
