import {
  type DeepPartial,
  errorCodes,
  OffsetFetchRequestSchema,
  type OffsetFetchResponseOffsetFetchResponseGroup,
  type OffsetFetchResponseOffsetFetchResponseTopics,
  OffsetFetchResponseSchema,
  zeroUuid,
} from '../../wire/index.ts';
import { type BrokerServices, defineHandler } from './api-handler.ts';
import { findTopic, unknownTopicCode } from './topic-lookup.ts';

interface WantedTopic {
  readonly name: string;
  readonly topicId: string;
  readonly partitionIndexes: readonly number[];
}

type TopicAnswer = DeepPartial<OffsetFetchResponseOffsetFetchResponseTopics>;

/**
 * What groups have committed; -1 where there is nothing. Null topics mean all that the group has. From version 8 several groups
 * at once; from version 10 topics by id. `requireStable` needs nothing here: only durable commits are ever shown.
 */
export const offsetFetchHandler = defineHandler({
  request: OffsetFetchRequestSchema,
  response: OffsetFetchResponseSchema,
  handle(request, { apiVersion, services }) {
    if (apiVersion >= 8) {
      return { groups: request.groups.map(({ groupId, topics }) => answerGroup(groupId, topics, services)) };
    }
    const topics = request.topics?.map((topic) => ({ ...topic, topicId: zeroUuid })) ?? null;
    return { topics: answerGroup(request.groupId, topics, services).topics };
  },
});

function answerGroup(
  groupId: string,
  wanted: readonly WantedTopic[] | null,
  services: BrokerServices,
): DeepPartial<OffsetFetchResponseOffsetFetchResponseGroup> & { topics: TopicAnswer[] } {
  const topics = wanted ?? everythingOf(groupId, services);
  return { groupId, topics: topics.map((topic) => answerTopic(groupId, topic, services)) };
}

function everythingOf(groupId: string, { groups, logs }: BrokerServices): WantedTopic[] {
  const offsets = groups.committedOffsets(groupId);
  return [...offsets.topics()].map((name) => ({
    name,
    topicId: logs.topic(name)?.topicId ?? zeroUuid,
    partitionIndexes: [...offsets.partitions(name).keys()],
  }));
}

function answerTopic(groupId: string, wanted: WantedTopic, { groups, logs }: BrokerServices): TopicAnswer {
  const isById = wanted.topicId !== zeroUuid;
  const name = isById ? findTopic(logs, wanted)?.name : wanted.name;
  const partitions = wanted.partitionIndexes.map((partitionIndex) => {
    const nothing = { partitionIndex, committedOffset: -1n, committedLeaderEpoch: -1, metadata: '' };
    if (name === undefined) return { ...nothing, errorCode: unknownTopicCode(wanted) };
    const commit = groups.committedOffset(groupId, name, partitionIndex);
    if (!commit) return { ...nothing, errorCode: errorCodes.NONE };
    const { offset, leaderEpoch, metadata } = commit;
    return {
      partitionIndex,
      committedOffset: offset,
      committedLeaderEpoch: leaderEpoch,
      metadata,
      errorCode: errorCodes.NONE,
    };
  });
  return { name: wanted.name, topicId: wanted.topicId, partitions };
}
