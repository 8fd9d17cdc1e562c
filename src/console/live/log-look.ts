import { describeError } from '../../shared/index.ts';
import type { ConsoleContext } from '../console-context.ts';
import { SharedLook } from './shared-look.ts';

export interface LogPartition {
  partition: number;
  leader: number;
  start: bigint;
  /** High watermark. */
  end: bigint;
}

export interface LogTopic {
  name: string;
  isInternal: boolean;
  partitionCount: number;
  /** Empty when the topic could not be asked; `problem` says why. */
  partitions: readonly LogPartition[];
  problem: string | null;
}

export interface LogSight {
  topics: readonly LogTopic[];
  /** When it was seen, epoch ms. */
  atMs: number;
  /** Why the cluster could not be asked; null: it could. */
  problem: string | null;
}

const maxAgeMs = 900;

/** Start and end of every partition. A topic without leaders does not hide the others, nor a cluster that is gone the rest. */
export function logLook(context: ConsoleContext): SharedLook<LogSight> {
  const { cluster, clock } = context;
  const look = async (signal: AbortSignal): Promise<LogSight> => {
    try {
      const found = await cluster.topics({ signal });
      const topics: LogTopic[] = [];
      for (const topic of found) topics.push(await lookAtTopic(context, topic, signal));
      return { topics, atMs: clock.nowMs(), problem: null };
    } catch (error) {
      signal.throwIfAborted();
      return { topics: [], atMs: clock.nowMs(), problem: describeError(error) };
    }
  };
  return new SharedLook({ look, clock, maxAgeMs, signal: context.signal });
}

type FoundTopic = Awaited<ReturnType<ConsoleContext['cluster']['topics']>>[number];

async function lookAtTopic({ cluster }: ConsoleContext, topic: FoundTopic, signal: AbortSignal): Promise<LogTopic> {
  const { name, isInternal } = topic;
  const numbers = topic.partitions.map(({ partition }) => partition);
  const common = { name, isInternal, partitionCount: numbers.length };
  try {
    const options = { isolation: 'read_uncommitted', signal } as const;
    const starts = await cluster.listOffsets(name, numbers, 'earliest', options);
    const ends = await cluster.listOffsets(name, numbers, 'latest', options);
    const partitions = topic.partitions.map(({ partition, leaderId }) => {
      return { partition, leader: leaderId, start: starts.get(partition)!.offset, end: ends.get(partition)!.offset };
    });
    return { ...common, partitions, problem: null };
  } catch (error) {
    signal.throwIfAborted();
    return { ...common, partitions: [], problem: describeError(error) };
  }
}
