import { describe, expect, it } from 'vitest';
import { WorkerPool } from '../../../src/loader/worker-pool.ts';
import type { RunningWorker, StartWorkerOptions } from '../../../src/loader/worker-thread.ts';
import { ManualClock, silentLogger } from '../../../src/shared/index.ts';

interface Started extends RunningWorker {
  worker: number;
  isStopped: boolean;
  end: () => void;
  break: (error: Error) => void;
}

function stage() {
  const clock = new ManualClock();
  const started: Started[] = [];
  const restarts: string[] = [];
  const start = ({ settings }: StartWorkerOptions): RunningWorker => {
    let end = (): void => {};
    let fail = (_error: Error): void => {};
    const ended = new Promise<void>((resolve, reject) => {
      end = resolve;
      fail = reject;
    });
    const worker: Started = { worker: settings.workerIndex, ended, isStopped: false, end, break: fail, stop: () => {} };
    worker.stop = () => {
      worker.isStopped = true;
      end();
    };
    started.push(worker);
    return worker;
  };
  const pool = new WorkerPool({
    start,
    clock,
    logger: silentLogger,
    logLevel: 'silent',
    emit: () => {},
    onRestart: (worker, error) => restarts.push(`${worker} ${error}`),
  });
  const settings = [0, 1].map((workerIndex) => ({ workerIndex }) as StartWorkerOptions['settings']);
  return { clock, started, restarts, pool, running: pool.run(settings) };
}

async function settle(clock: ManualClock, ms = 0): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(ms);
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

describe('WorkerPool', () => {
  it('restarts a worker that broke after a wait, and leaves the others alone', async () => {
    const { clock, started, restarts, pool, running } = stage();
    started[0]!.break(new Error('out of memory'));
    await settle(clock, 100);
    expect(started).toHaveLength(2);
    await settle(clock, 1000);
    expect(started.map(({ worker }) => worker)).toEqual([0, 1, 0]);
    expect(restarts).toEqual(['0 worker 0: out of memory']);
    pool.stop();
    expect(await running).toEqual([]);
    expect(started[1]!.isStopped && started[2]!.isStopped).toBe(true);
  });

  it('gives a worker up that keeps breaking, and says with what', async () => {
    const { clock, started, pool, running } = stage();
    for (let i = 0; i < 6; i++) {
      started
        .filter(({ worker }) => worker === 1)
        .at(-1)!
        .break(new Error(`trouble ${i}`));
      await settle(clock, 31_000);
    }
    expect(started.filter(({ worker }) => worker === 1)).toHaveLength(6);
    pool.stop();
    expect(await running).toEqual(['worker 1: trouble 5']);
  });
});
