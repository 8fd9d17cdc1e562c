import {
  type DeepPartial,
  DeleteRecordsRequestSchema,
  type DeleteRecordsResponseDeleteRecordsPartitionResult,
  DeleteRecordsResponseSchema,
  errorCodes,
} from '../../wire/index.ts';
import type { TopicState } from '../storage/log-types.ts';
import { type BrokerServices, defineHandler, errorAnswer } from './api-handler.ts';

/** Moves the start of partitions up; -1 means up to the high watermark. */
export const deleteRecordsHandler = defineHandler({
  request: DeleteRecordsRequestSchema,
  response: DeleteRecordsResponseSchema,
  async handle(request, { services }) {
    const topics = [];
    for (const { name, partitions } of request.topics) {
      const topic = services.logs.topic(name);
      const answers = [];
      for (const { partitionIndex, offset } of partitions) {
        answers.push(await deleteBelow(topic, partitionIndex, offset, services));
      }
      topics.push({ name, partitions: answers });
    }
    return { topics };
  },
});

async function deleteBelow(
  topic: TopicState | undefined,
  partitionIndex: number,
  offset: bigint,
  { logger }: BrokerServices,
): Promise<DeepPartial<DeleteRecordsResponseDeleteRecordsPartitionResult>> {
  const log = topic?.partitions[partitionIndex];
  const refused = (errorCode: number) => ({ partitionIndex, lowWatermark: -1n, errorCode });
  if (!topic || !log) return refused(errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
  if (topic.isInternal) return refused(errorCodes.INVALID_TOPIC_EXCEPTION);
  if (topic.config.cleanupPolicy === 'compact') return refused(errorCodes.POLICY_VIOLATION);
  const start = offset === -1n ? log.highWatermark : offset;
  if (start < 0n || start > log.highWatermark) return refused(errorCodes.OFFSET_OUT_OF_RANGE);
  // Taking the pin off is how one says that the group need not land them.
  if (log.pinnedFrom !== null && start > log.pinnedFrom) return refused(errorCodes.POLICY_VIOLATION);
  try {
    if (start > log.logStartOffset) await log.advanceLogStart(start);
    return { partitionIndex, lowWatermark: log.logStartOffset };
  } catch (error) {
    return refused(errorAnswer(error, logger).errorCode);
  }
}
