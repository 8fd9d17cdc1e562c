import { z } from 'zod';
import { type LoadReport, runLoad } from '../src/loader/index.ts';
import { type Clock, describeError, SluiceError, systemClock } from '../src/shared/index.ts';
import { BackOff } from '../src/wire/client/index.ts';
import type { JobContext, JobFlow } from './job-flow.ts';
import { loadInput, loadOptionsOf } from './load-input.ts';
import { type JobResult, parseJobInput } from './table-jobs.ts';

const inputSchema = z.strictObject({
  ...loadInput,
  group: z.string().default('sluice-loader'),
  workers: z.int().min(1).default(1),
  /** How long a silent worker keeps its partitions. */
  sessionTimeoutMs: z.int().positive().optional(),
});

export type ContinuousLoadInput = z.infer<typeof inputSchema>;

export interface ContinuousLoadResult extends JobResult {
  restarts: number;
}

/** A load that ran for so long before it broke begins with a short pause again. */
const steadyMs = 10 * 60_000;

/**
 * A load that never ends, under supervision: whatever it breaks with, it is started again, with a pause that grows. A run is
 * named after its group, so there is one at a time; when its worker dies, another one takes it over.
 */
export const continuousLoad: JobFlow<
  ContinuousLoadInput,
  ContinuousLoadInput,
  { restarts: number },
  ContinuousLoadResult
> = {
  name: 'continuous-load',
  // Each attempt is one worker process that ended; the loads within it are not counted.
  childAttempts: 1_000_000,
  parseInput: (value) => parseJobInput('continuous-load', inputSchema, value),
  runId: ({ group }) => `continuous-load.${group}`,
  async plan(input) {
    return [{ step: input.group, data: input }];
  },
  runChild: (input, context) => superviseLoad(input, context),
  async finish(_input, results, failures) {
    const restarts = results.reduce((sum, one) => sum + one.restarts, 0);
    return { outcome: failures.length > 0 ? 'failed' : 'complete', failures, restarts };
  },
};

/** Runs the load until the signal. `load` and `clock` come in for tests. */
export async function superviseLoad(
  input: ContinuousLoadInput,
  context: JobContext,
  parts: { load: typeof runLoad; clock: Clock } = { load: runLoad, clock: systemClock },
): Promise<{ restarts: number }> {
  const { signal, logger } = context;
  const { clock } = parts;
  let backOff = new BackOff({ firstMs: 1000, maxMs: 60_000 });
  for (let restarts = 0; ; restarts++) {
    const startedMs = clock.monotonicMs();
    const reason = await runOnce(input, context, parts.load);
    // Handed back rather than ended: on BullMQ another worker goes on with it.
    if (signal.aborted) throw new SluiceError('stopped', 'the worker of this load was stopped', { isRetriable: true });
    if (clock.monotonicMs() - startedMs > steadyMs) backOff = new BackOff({ firstMs: 1000, maxMs: 60_000 });
    const pauseMs = Math.round(backOff.nextMs());
    logger.error({ group: input.group, restarts: restarts + 1, pauseMs, reason }, 'ContinuousLoadBroke');
    await clock.sleep(pauseMs, signal);
  }
}

/** What it ended with, in words. */
async function runOnce(input: ContinuousLoadInput, context: JobContext, load: typeof runLoad): Promise<string> {
  const { topics, group, workers, sessionTimeoutMs } = input;
  try {
    const report: LoadReport = await load({
      ...(await loadOptionsOf(input)),
      topics,
      group,
      workers,
      ...(sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs }),
      signal: context.signal,
      logger: context.logger,
      onProgress: (progress) => {
        if (progress.kind !== 'committed') return;
        const { topic, partition, landedCount } = progress.commit;
        context.onProgress({ step: `${topic}/${partition}`, rows: landedCount.toString() });
      },
    });
    return report.errors.join('; ') || 'the load ended by itself';
  } catch (error) {
    return describeError(error);
  }
}
