import { z } from 'zod';
import { type LoadReport, runLoad } from '../src/loader/index.ts';
import { BadInputError, SluiceError } from '../src/shared/index.ts';
import { KafkaCluster } from '../src/wire/client/index.ts';
import type { JobContext, JobFlow, PlannedChild } from './job-flow.ts';
import { loadInput, loadOptionsOf } from './load-input.ts';
import { type JobResult, parseJobInput } from './table-jobs.ts';

const decimal = z.string().regex(/^\d+$/);

const inputSchema = z.strictObject({ ...loadInput, maxDeadLetters: z.int().min(0).default(0) });

/** Everything a bounded load needs, as JSON. */
export type LoadWindowInput = z.infer<typeof inputSchema>;

/** The input as that of `job`, which loads a window among other things. Throws BadInputError. */
export function parseLoadWindow(job: string, value: unknown): LoadWindowInput {
  return parseJobInput(job, inputSchema, value);
}

/** One partition up to the end offset that was taken when the job began. Offsets are decimal strings: this is JSON. */
export interface LoadWindowChild {
  input: LoadWindowInput;
  topic: string;
  partition: number;
  endOffset: string;
}

export interface LoadWindowChildResult {
  topic: string;
  partition: number;
  rows: string;
  deadLetters: string;
  files: number;
  bytes: string;
  elapsedMs: number;
}

export interface LoadWindowResult extends JobResult {
  rows: string;
  deadLetters: string;
  files: number;
  bytes: string;
  partitions: LoadWindowChildResult[];
}

/**
 * A nightly load: the window ends at the last stable offset each partition has when the job begins, so the job ends
 * however fast the topics grow. One child per partition; a repeated child goes on from the partition's checkpoint.
 */
export const loadWindow: JobFlow<LoadWindowInput, LoadWindowChild, LoadWindowChildResult, LoadWindowResult> = {
  name: 'load-window',
  childAttempts: 5,

  parseInput: (value) => parseLoadWindow('load-window', value),

  async plan(input, context) {
    const cluster = new KafkaCluster({
      brokers: input.brokers,
      clientConfig: input.clientConfig,
      clientId: 'sluice-load-window',
      logger: context.logger,
    });
    try {
      return await planPartitions(cluster, input, context.signal);
    } finally {
      await cluster.close();
    }
  },

  async runChild(child, context) {
    const report = await loadPartition(child, context);
    if (report.outcome === 'failed') {
      throw new SluiceError('load-failed', `${child.topic}/${child.partition}: ${report.errors.join('; ')}`, {
        isRetriable: true,
      });
    }
    return {
      topic: child.topic,
      partition: child.partition,
      rows: report.rowCount.toString(),
      deadLetters: report.deadLetterCount.toString(),
      files: report.fileCount,
      bytes: report.fileBytes.toString(),
      elapsedMs: report.elapsedMs,
    };
  },

  async finish(input, results, failures) {
    const sum = (pick: (result: LoadWindowChildResult) => string): bigint =>
      results.reduce((total, r) => total + BigInt(pick(r)), 0n);
    const deadLetters = sum((result) => result.deadLetters);
    const isPartial = deadLetters > BigInt(input.maxDeadLetters);
    return {
      outcome: failures.length > 0 ? 'failed' : isPartial ? 'partial' : 'complete',
      rows: sum((result) => result.rows).toString(),
      deadLetters: deadLetters.toString(),
      files: results.reduce((total, result) => total + result.files, 0),
      bytes: sum((result) => result.bytes).toString(),
      partitions: [...results].sort((a, b) => a.topic.localeCompare(b.topic) || a.partition - b.partition),
      failures,
    };
  },
};

async function planPartitions(
  cluster: KafkaCluster,
  input: LoadWindowInput,
  signal: AbortSignal,
): Promise<PlannedChild<LoadWindowChild>[]> {
  const children: PlannedChild<LoadWindowChild>[] = [];
  const topics = new Map((await cluster.topics({ signal }, input.topics)).map((topic) => [topic.name, topic]));
  for (const name of input.topics) {
    const topic = topics.get(name);
    if (!topic)
      throw new BadInputError(
        `expected a topic "${name}" at ${input.brokers.join(',')}, found none; see "sluice topics list"`,
      );
    const partitions = topic.partitions.map((p) => p.partition);
    const ends = await cluster.listOffsets(name, partitions, 'latest', { isolation: 'read_committed', signal });
    for (const partition of partitions) {
      const endOffset = decimal.parse(ends.get(partition)!.offset.toString());
      children.push({ step: `${name}/${partition}`, data: { input, topic: name, partition, endOffset } });
    }
  }
  return children;
}

async function loadPartition(child: LoadWindowChild, context: JobContext): Promise<LoadReport> {
  const { input, topic, partition } = child;
  return await runLoad({
    // A window may be long: unless something is said, rolling is by bytes and at its end, not by age.
    rollAgeMs: 3_600_000,
    ...(await loadOptionsOf(input)),
    topics: [topic],
    untilEnd: true,
    assignment: {
      kind: 'manual',
      partitions: [{ topic, partition, endOffset: BigInt(child.endOffset) }],
      jobId: context.jobId,
      attempt: context.attempt,
    },
    maxDeadLetters: input.maxDeadLetters,
    signal: context.signal,
    logger: context.logger,
    onProgress: (progress) => {
      if (progress.kind !== 'committed') return;
      context.onProgress({ step: `${topic}/${partition}`, rows: progress.commit.landedCount.toString() });
    },
  });
}
