import {
  type DeepPartial,
  errorCodes,
  type ListOffsetsRequestListOffsetsPartition,
  ListOffsetsRequestSchema,
  type ListOffsetsResponseListOffsetsPartitionResponse,
  ListOffsetsResponseSchema,
} from '../../wire/index.ts';
import type { PartitionLog } from '../storage/log-types.ts';
import { defineHandler, errorAnswer, type RequestContext } from './api-handler.ts';
import { checkLeaderEpoch } from './topic-lookup.ts';

/** Timestamps with a meaning of their own. */
const latest = -1n;
const earliest = -2n;
const maxTimestamp = -3n;
const earliestLocal = -4n;
const latestTiered = -5n;
const earliestPendingUpload = -6n;

type PartitionAnswer = DeepPartial<ListOffsetsResponseListOffsetsPartitionResponse>;

/**
 * Offsets by position or by time, never above the high watermark (read_committed: the last stable offset). Nothing is tiered:
 * the earliest local offset is the earliest one, and what asks for tiers gets "none". An offset of -1 means there is none.
 */
export const listOffsetsHandler = defineHandler({
  request: ListOffsetsRequestSchema,
  response: ListOffsetsResponseSchema,
  async handle(request, context) {
    const topics = [];
    for (const { name, partitions } of request.topics) {
      const topic = context.services.logs.topic(name);
      const answers: PartitionAnswer[] = [];
      const seen = new Set<number>();
      for (const wanted of partitions) {
        const log = topic?.partitions[wanted.partitionIndex];
        const isDouble = seen.size === seen.add(wanted.partitionIndex).size;
        const errorCode = isDouble ? errorCodes.INVALID_REQUEST : refuse(log, wanted, request.replicaId);
        answers.push(
          errorCode === errorCodes.NONE
            ? await lookUp(log!, wanted, request.isolationLevel === 1, context)
            : { partitionIndex: wanted.partitionIndex, errorCode },
        );
      }
      topics.push({ name, partitions: answers });
    }
    return { topics };
  },
});

function refuse(
  log: PartitionLog | undefined,
  { currentLeaderEpoch }: ListOffsetsRequestListOffsetsPartition,
  replicaId: number,
): number {
  if (replicaId >= 0) return errorCodes.TOPIC_AUTHORIZATION_FAILED;
  return log ? checkLeaderEpoch(log, currentLeaderEpoch) : errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
}

async function lookUp(
  log: PartitionLog,
  { partitionIndex, timestamp }: ListOffsetsRequestListOffsetsPartition,
  isReadCommitted: boolean,
  { services, apiVersion }: RequestContext,
): Promise<PartitionAnswer> {
  // Not in the message before version 4.
  const leaderEpoch = apiVersion >= 4 ? log.leaderEpoch : -1;
  const at = (offset: bigint, timestampMs = -1n): PartitionAnswer => ({
    partitionIndex,
    offset,
    timestamp: timestampMs,
    leaderEpoch: offset < 0n ? -1 : leaderEpoch,
  });
  try {
    if (timestamp === latest) return at(isReadCommitted ? log.lastStableOffset : log.highWatermark);
    if (timestamp === earliest || timestamp === earliestLocal) return at(log.logStartOffset);
    if (timestamp === latestTiered || timestamp === earliestPendingUpload) return at(-1n);
    if (timestamp < 0n && timestamp !== maxTimestamp) return { partitionIndex, errorCode: errorCodes.INVALID_REQUEST };
    const found =
      timestamp === maxTimestamp ? await log.offsetOfMaxTimestamp() : await log.offsetForTimestamp(timestamp);
    return found ? at(found.offset, found.timestampMs) : at(-1n);
  } catch (error) {
    return { partitionIndex, errorCode: errorAnswer(error, services.logger).errorCode };
  }
}
