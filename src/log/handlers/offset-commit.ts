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
      const errorCode = check(topic, partition, services);
      if (errorCode === errorCodes.NONE) offsets.push(toCommit(topic, partition));
      return errorCode;
    });
  });
  return { offsets, codes };
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
