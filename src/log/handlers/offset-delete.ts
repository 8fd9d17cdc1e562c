import {
  ConsumerProtocolSubscriptionSchema,
  decodeMessage,
  errorCodes,
  OffsetDeleteRequestSchema,
  OffsetDeleteResponseSchema,
  WireError,
} from '../../wire/index.ts';
import type { GroupDescription } from '../coordinator/group-types.ts';
import { defineHandler } from './api-handler.ts';

/** Forgets commits of topics that no member of the group is subscribed to (KIP-496), and that it does not pin. */
export const offsetDeleteHandler = defineHandler({
  request: OffsetDeleteRequestSchema,
  response: OffsetDeleteResponseSchema,
  async handle({ groupId, topics }, { services }) {
    const { groups, logs } = services;
    if (groupId === '') return { errorCode: errorCodes.INVALID_GROUP_ID };
    const group = groups.describe(groupId);
    if (!group) return { errorCode: errorCodes.GROUP_ID_NOT_FOUND };
    const subscribed = group.state === 'Empty' ? new Set<string>() : subscribedTopics(group);
    if (!subscribed) return { errorCode: errorCodes.NON_EMPTY_GROUP };
    const deleted: { topic: string; partition: number }[] = [];
    const answers = topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => {
        const isThere = logs.partition(name, partitionIndex) !== undefined;
        const isUsed = subscribed.has(name);
        if (logs.topic(name)?.config.pinGroup === groupId) {
          return { partitionIndex, errorCode: errorCodes.POLICY_VIOLATION };
        }
        if (isThere && !isUsed) deleted.push({ topic: name, partition: partitionIndex });
        const used = isUsed ? errorCodes.GROUP_SUBSCRIBED_TO_TOPIC : errorCodes.NONE;
        return { partitionIndex, errorCode: isThere ? used : errorCodes.UNKNOWN_TOPIC_OR_PARTITION };
      }),
    }));
    const errorCode = await groups.deleteOffsets(groupId, deleted);
    return errorCode === errorCodes.NONE ? { topics: answers } : { errorCode };
  },
});

/** Null when the group is not stable, or its members are no consumers: then nobody can say what is in use. */
function subscribedTopics({ state, protocolType, members }: GroupDescription): Set<string> | null {
  if (state !== 'Stable' || protocolType !== 'consumer') return null;
  const topics = new Set<string>();
  for (const { metadata } of members) {
    try {
      // The version is the first field of what a consumer says of itself; later versions only add at the end.
      const version = Math.min(metadata.readInt16BE(0), ConsumerProtocolSubscriptionSchema.validVersions[1]);
      for (const topic of decodeMessage(ConsumerProtocolSubscriptionSchema, version, metadata, 2).topics)
        topics.add(topic);
    } catch (error) {
      if (error instanceof WireError || error instanceof RangeError) return null;
      throw error;
    }
  }
  return topics;
}
