/** Requests name topics by name or, in newer versions, by id. */
import { errorCodes, zeroUuid } from '../../wire/index.ts';
import type { LogManager, PartitionLog, TopicState } from '../storage/log-types.ts';

/** What a request says; which field counts follows from the id being set. */
export interface TopicReference {
  readonly name: string | null;
  readonly topicId: string;
}

export function findTopic(logs: LogManager, { name, topicId }: TopicReference): TopicState | undefined {
  return topicId !== zeroUuid ? logs.topicById(topicId) : logs.topic(name ?? '');
}

/** The error for a topic that is not there: clients refresh their metadata on either. */
export function unknownTopicCode({ topicId }: { topicId: string }): number {
  return topicId !== zeroUuid ? errorCodes.UNKNOWN_TOPIC_ID : errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
}

/**
 * Compares the leader epoch a client knows with the log's (KIP-320): an older one means that its metadata are stale, a newer
 * one that ours are. -1 when the client does not say.
 */
export function checkLeaderEpoch(log: PartitionLog, currentLeaderEpoch: number): number {
  if (currentLeaderEpoch < 0 || currentLeaderEpoch === log.leaderEpoch) return errorCodes.NONE;
  return currentLeaderEpoch < log.leaderEpoch ? errorCodes.FENCED_LEADER_EPOCH : errorCodes.UNKNOWN_LEADER_EPOCH;
}
