import {
  type DeepPartial,
  errorCodes,
  type OffsetForLeaderEpochRequestOffsetForLeaderPartition,
  OffsetForLeaderEpochRequestSchema,
  type OffsetForLeaderEpochResponseEpochEndOffset,
  OffsetForLeaderEpochResponseSchema,
} from '../../wire/index.ts';
import type { TopicState } from '../storage/log-types.ts';
import { type BrokerServices, defineHandler, errorAnswer } from './api-handler.ts';
import { checkLeaderEpoch } from './topic-lookup.ts';

type PartitionAnswer = DeepPartial<OffsetForLeaderEpochResponseEpochEndOffset>;

/**
 * Where an epoch ends in a log (KIP-320): a reader that stands behind that has read records that are gone. Epochs rise here only
 * when recovery had to cut records that were synced. An epoch that has not begun has epoch and offset -1.
 */
export const offsetForLeaderEpochHandler = defineHandler({
  request: OffsetForLeaderEpochRequestSchema,
  response: OffsetForLeaderEpochResponseSchema,
  async handle(request, { services }) {
    const topics = [];
    for (const { topic: name, partitions } of request.topics) {
      const topic = services.logs.topic(name);
      const answers: PartitionAnswer[] = [];
      for (const wanted of partitions) answers.push(await endOfEpoch(topic, wanted, services));
      topics.push({ topic: name, partitions: answers });
    }
    return { topics };
  },
});

async function endOfEpoch(
  topic: TopicState | undefined,
  { partition, currentLeaderEpoch, leaderEpoch }: OffsetForLeaderEpochRequestOffsetForLeaderPartition,
  { logger }: BrokerServices,
): Promise<PartitionAnswer> {
  const log = topic?.partitions[partition];
  if (!log) return { partition, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION };
  const errorCode = checkLeaderEpoch(log, currentLeaderEpoch);
  if (errorCode !== errorCodes.NONE) return { partition, errorCode };
  try {
    const end = await log.endOfEpoch(leaderEpoch);
    return { partition, leaderEpoch: end?.leaderEpoch ?? -1, endOffset: end?.endOffset ?? -1n };
  } catch (error) {
    return { partition, errorCode: errorAnswer(error, logger).errorCode };
  }
}
