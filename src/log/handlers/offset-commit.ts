import {
  errorCodes,
  type OffsetCommitRequest,
  type OffsetCommitRequestOffsetCommitRequestPartition,
  OffsetCommitRequestSchema,
  OffsetCommitResponseSchema,
} from '../../wire/index.ts';
import type { OffsetToCommit } from '../coordinator/group-coordinator.ts';
import type { TopicState } from '../storage/log-types.ts';
import { type BrokerServices, defineHandler } from './api-handler.ts';
import { findTopic, unknownTopicCode } from './topic-lookup.ts';

/** Metadata of commits from outside a group that pins: the position of a load, or a reset with --force. */
const pinCommitWords = new Set(['sluice.landed', 'sluice.force']);

/** Answered when the commits are on stable storage. What is wrong with one partition does not stop the others. */
export const offsetCommitHandler = defineHandler({
  request: OffsetCommitRequestSchema,
  response: OffsetCommitResponseSchema,
  async handle(request, { services }) {
    const { offsets, codes } = sortOut(request, services);
    const identity = { memberId: request.memberId, instanceId: request.groupInstanceId };
    const { groupId, generationIdOrMemberEpoch: generation } = request;
    const errorCode = await services.groups.commitOffsets(groupId, identity, generation, offsets);
    const topics = request.topics.map(({ name, topicId, partitions }, t) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionIndex }, p) => ({
        partitionIndex,
        errorCode: codes[t]![p] === errorCodes.NONE ? errorCode : codes[t]![p]!,
      })),
    }));
    return { topics };
  },
});

function sortOut(
  request: OffsetCommitRequest,
  services: BrokerServices,
): { offsets: OffsetToCommit[]; codes: number[][] } {
  const offsets: OffsetToCommit[] = [];
  const codes = request.topics.map((reference) => {
    const topic = findTopic(services.logs, reference);
    return reference.partitions.map((partition) => {
      if (!topic) return unknownTopicCode(reference);
      const errorCode = isPinReset(topic, request, partition)
        ? errorCodes.POLICY_VIOLATION
        : check(topic, partition, services);
      if (errorCode === errorCodes.NONE) offsets.push(toCommit(topic, partition));
      return errorCode;
    });
  });
  return { offsets, codes };
}

/**
 * A pinning group says what has landed; whoever is no member of it must say that he means it. Otherwise a reset of offsets would
 * let go of records that nobody has.
 */
function isPinReset(
  { config }: TopicState,
  { groupId, generationIdOrMemberEpoch }: OffsetCommitRequest,
  { committedMetadata }: OffsetCommitRequestOffsetCommitRequestPartition,
): boolean {
  return config.pinGroup === groupId && generationIdOrMemberEpoch < 0 && !pinCommitWords.has(committedMetadata ?? '');
}

function check(
  topic: TopicState,
  { partitionIndex, committedMetadata }: OffsetCommitRequestOffsetCommitRequestPartition,
  { groups }: BrokerServices,
): number {
  if (!topic.partitions[partitionIndex]) return errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
  return groups.isMetadataTooLong(committedMetadata) ? errorCodes.OFFSET_METADATA_TOO_LARGE : errorCodes.NONE;
}

function toCommit(topic: TopicState, partition: OffsetCommitRequestOffsetCommitRequestPartition): OffsetToCommit {
  return {
    topic: topic.name,
    topicId: topic.topicId,
    partition: partition.partitionIndex,
    offset: partition.committedOffset,
    leaderEpoch: partition.committedLeaderEpoch,
    metadata: partition.committedMetadata ?? '',
  };
}
