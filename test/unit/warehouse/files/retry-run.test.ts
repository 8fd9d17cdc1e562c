import { describe, expect, it } from 'vitest';
import { type Clock, silentLogger } from '../../../../src/shared/index.ts';
import { defaultRetryPolicy, RetryRun } from '../../../../src/warehouse/files/retry-run.ts';
import { WarehouseError } from '../../../../src/warehouse/index.ts';

/** Time passes by sleeping only; the pauses are kept. */
function sleepingClock(): Clock & { sleeps: number[] } {
  let nowMs = 0;
  const sleeps: number[] = [];
  return {
    sleeps,
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      sleeps.push(ms);
      nowMs += ms;
    },
  };
}

const error = new WarehouseError('unavailable', 'GETFILESTATUS /a: nobody there', { isRetriable: true });

function newRun(clock: Clock, random: () => number, logged: string[] = []): RetryRun {
  const at = (level: string) => (_fields: object, event: string) => void logged.push(`${level} ${event}`);
  const logger = { ...silentLogger, warn: at('warn'), error: at('error') };
  return new RetryRun({ policy: defaultRetryPolicy, clock, random, logger }, 'GETFILESTATUS /a');
}

describe('RetryRun', () => {
  it('doubles the bound of its pauses up to the limit, and pauses a random share of it', async () => {
    const clock = sleepingClock();
    const run = newRun(clock, () => 0.5);
    for (let i = 0; i < 9; i++) await run.pause({ error }, undefined);
    expect(clock.sleeps).toEqual([150, 300, 600, 1_200, 2_400, 4_800, 7_500, 7_500, 7_500]);
  });

  it('asks the other servers at once, and pauses after a round of all', async () => {
    const clock = sleepingClock();
    const run = newRun(clock, () => 1);
    await run.pause({ error, isOtherServerUntried: true }, undefined);
    await run.pause({ error, isOtherServerUntried: true }, undefined);
    await run.pause({ error }, undefined);
    expect(clock.sleeps).toEqual([300]);
  });

  it('gives up after ten minutes with the last failure', async () => {
    const clock = sleepingClock();
    const run = newRun(clock, () => 0.9);
    const trying = async () => {
      for (;;) await run.pause({ error }, undefined);
    };
    await expect(trying()).rejects.toMatchObject({ code: 'unavailable', isRetriable: true });
    expect(clock.nowMs()).toBeGreaterThanOrEqual(600_000);
    expect(clock.nowMs()).toBeLessThan(620_000);
  });

  it('waits in safe mode for a day, and counts its time anew afterwards', async () => {
    const clock = sleepingClock();
    const logged: string[] = [];
    const run = newRun(clock, () => 1, logged);
    while (clock.nowMs() < 86_400_000) await run.pause({ error, isSafeMode: true }, undefined);
    await run.pause({ error }, undefined);
    expect(logged[0]).toBe('warn SafeModeMet');
    const alarms = logged.filter((entry) => entry === 'error SafeModeMet').length;
    expect(alarms).toBeGreaterThan(1_100); // one a minute
    expect(alarms).toBeLessThan(1_441);
  });

  it('does not pause for a caller that has stopped waiting', async () => {
    const run = newRun(sleepingClock(), () => 1);
    await expect(run.pause({ error }, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  });
});
