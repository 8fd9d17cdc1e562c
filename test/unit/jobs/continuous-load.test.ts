import { describe, expect, it } from 'vitest';
import { continuousLoad, superviseLoad } from '../../../jobs/continuous-load.ts';
import type { JobContext } from '../../../jobs/job-flow.ts';
import type { LoadOptions, LoadReport } from '../../../src/loader/index.ts';
import { ManualClock, silentLogger } from '../../../src/shared/index.ts';

const input = continuousLoad.parseInput({
  brokers: ['127.0.0.1:9092'],
  topics: ['events'],
  warehouseUrl: 'file:///nowhere',
  group: 'night',
});

function context(signal: AbortSignal): JobContext {
  return { jobId: 'job', attempt: 1, signal, logger: silentLogger, onProgress: () => {} };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

describe('the supervision of a continuous load', () => {
  it('starts it again with a pause that grows to a minute, and is short again after a steady run', async () => {
    const clock = new ManualClock();
    const stop = new AbortController();
    const startedAtMs: number[] = [];
    let steadyMs = 0;
    const load = async (_options: LoadOptions): Promise<LoadReport> => {
      startedAtMs.push(clock.monotonicMs());
      if (steadyMs > 0) await clock.sleep(steadyMs, stop.signal);
      throw new Error('the disk is gone');
    };
    const supervised = superviseLoad(input, context(stop.signal), { load, clock }).catch((error: unknown) => error);
    for (let i = 0; i < 600; i++) {
      await settle();
      await clock.advance(1000);
    }
    const pauses = startedAtMs.slice(1).map((at, i) => at - startedAtMs[i]!);
    expect(pauses[0]).toBeLessThanOrEqual(2000);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(61_000);
    expect(Math.max(...pauses)).toBeGreaterThan(20_000);
    steadyMs = 700_000;
    startedAtMs.length = 0;
    for (let i = 0; i < 1700; i++) {
      await settle();
      await clock.advance(1000);
    }
    expect(startedAtMs[1]! - startedAtMs[0]! - steadyMs).toBeLessThanOrEqual(2000);
    stop.abort(new Error('over'));
    expect(await supervised).toBeInstanceOf(Error);
  });

  it('is one run a group', () => {
    expect(continuousLoad.runId!(input)).toBe('continuous-load.night');
  });
});
