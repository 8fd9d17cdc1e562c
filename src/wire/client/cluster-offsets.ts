// Positions in the log, asked of the leaders: ListOffsets and OffsetForLeaderEpoch (KIP-320).
import { apiKeys, errorCodes, type ListOffsetsResponseListOffsetsPartitionResponse } from '../index.ts';
import type { ClusterCore } from './cluster-core.ts';
import { KafkaError, throwIfError } from './kafka-error.ts';
import type { ClusterPartition } from './metadata-cache.ts';

/** Which offset: of the first record kept, the one after the last, or of the first record at or after a time (epoch ms). */
export type OffsetAt = 'earliest' | 'latest' | bigint;

export type Isolation = 'read_committed' | 'read_uncommitted';

export interface ListedOffset {
  /** -1: no record is at or after the time that was asked for. */
  offset: bigint;
  /** Of the record at that offset; -1 for `earliest` and `latest`. */
  timestampMs: bigint;
  /** -1: not known. */
  leaderEpoch: number;
}

export interface ListOffsetsOptions {
  /** With read_committed, `latest` is the last stable offset; otherwise the high watermark. */
  isolation: Isolation;
  signal?: AbortSignal | undefined;
}

export interface EpochEndOffset {
  /** The largest epoch the leader has that is not above the one asked about; -1: none. */
  leaderEpoch: number;
  /** Where that epoch ends in the leader's log, exclusive; -1: unknown. */
  endOffset: bigint;
}

const specialTimestamps = { latest: -1n, earliest: -2n };

/** One offset per partition. Asks again for the partitions whose leader moved meanwhile. */
export async function listOffsets(
  core: ClusterCore,
  topic: string,
  partitions: readonly number[],
  at: OffsetAt,
  options: ListOffsetsOptions,
): Promise<Map<number, ListedOffset>> {
  const found = new Map<number, ListedOffset>();
  const timestamp = typeof at === 'bigint' ? at : specialTimestamps[at];
  const askMissing = async (): Promise<void> => {
    const missing = partitions.filter((partition) => !found.has(partition));
    const byLeader = await groupByLeader(core, topic, missing, options.signal);
    const asked = [...byLeader].map(([leader, group]) =>
      askLeader(core, leader, topic, group, timestamp, options, found),
    );
    throwFirstFailure(await Promise.allSettled(asked));
  };
  await core.retrying(options.signal, askMissing, () => core.metadata.forget([topic]));
  return found;
}

/** Where an epoch ends in the leader's log: what a reader compares its position with after a change of leaders. */
export async function endOffsetForEpoch(
  core: ClusterCore,
  topic: string,
  partition: number,
  leaderEpoch: number,
  signal: AbortSignal | undefined,
): Promise<EpochEndOffset> {
  const ask = async (): Promise<EpochEndOffset | null> => {
    const leader = await core.leaderOf(topic, partition, signal);
    return await endOffsetForEpochOnce(core, topic, leader, leaderEpoch, { signal });
  };
  const found = await core.retrying(signal, ask, () => core.metadata.forget([topic]));
  if (found) return found;
  throw new KafkaError(errorCodes.UNSUPPORTED_VERSION, `OffsetForLeaderEpoch of ${topic}-${partition}`);
}

/** One attempt at a known leader; null when the broker does not know the request at all. */
export async function endOffsetForEpochOnce(
  core: ClusterCore,
  topic: string,
  leader: ClusterPartition,
  leaderEpoch: number,
  options: { signal: AbortSignal | undefined; lane?: string },
): Promise<EpochEndOffset | null> {
  const { partition } = leader;
  const connection = await core.connection(leader.leaderId, options.lane ?? 'main', options.signal);
  if (!connection.supports(apiKeys.OffsetForLeaderEpoch)) return null;
  const partitions = [{ partition, currentLeaderEpoch: leader.leaderEpoch, leaderEpoch }];
  const response = await connection.request(
    apiKeys.OffsetForLeaderEpoch,
    (version) => ({ ...(version >= 3 ? { replicaId: -1 } : {}), topics: [{ topic, partitions }] }),
    { signal: options.signal },
  );
  const what = `OffsetForLeaderEpoch of ${topic}-${partition}`;
  const answer = response.topics[0]?.partitions[0];
  if (!answer) throw new KafkaError(errorCodes.UNKNOWN_SERVER_ERROR, what, { detail: 'the answer is empty' });
  throwIfError(answer.errorCode, what);
  return { leaderEpoch: answer.leaderEpoch, endOffset: answer.endOffset };
}

interface LedPartition {
  partition: number;
  leaderEpoch: number;
}

async function groupByLeader(
  core: ClusterCore,
  topic: string,
  partitions: readonly number[],
  signal: AbortSignal | undefined,
): Promise<Map<number, LedPartition[]>> {
  const byLeader = new Map<number, LedPartition[]>();
  for (const partition of partitions) {
    const { leaderId, leaderEpoch } = await core.leaderOf(topic, partition, signal);
    const group = byLeader.get(leaderId) ?? [];
    group.push({ partition, leaderEpoch });
    byLeader.set(leaderId, group);
  }
  return byLeader;
}

async function askLeader(
  core: ClusterCore,
  leader: number,
  topic: string,
  group: readonly LedPartition[],
  timestamp: bigint,
  options: ListOffsetsOptions,
  found: Map<number, ListedOffset>,
): Promise<void> {
  const partitions = group.map(({ partition, leaderEpoch }) => ({
    partitionIndex: partition,
    currentLeaderEpoch: leaderEpoch,
    timestamp,
  }));
  const response = await core.request(
    leader,
    apiKeys.ListOffsets,
    {
      replicaId: -1,
      isolationLevel: options.isolation === 'read_committed' ? 1 : 0,
      topics: [{ name: topic, partitions }],
      timeoutMs: core.requestTimeoutMs,
    },
    { signal: options.signal },
  );
  let failed: ListOffsetsResponseListOffsetsPartitionResponse | undefined;
  for (const answer of response.topics[0]?.partitions ?? []) {
    const { partitionIndex, errorCode, offset, timestamp: timestampMs, leaderEpoch } = answer;
    if (errorCode === errorCodes.NONE) found.set(partitionIndex, { offset, timestampMs, leaderEpoch });
    else failed = answer;
  }
  if (failed) throw new KafkaError(failed.errorCode, `ListOffsets of ${topic}-${failed.partitionIndex}`);
}

function throwFirstFailure(results: readonly PromiseSettledResult<unknown>[]): void {
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
