// What the leader of a partition remembers of an idempotent producer: DescribeProducers (KIP-664).
import { apiKeys, errorCodes } from '../index.ts';
import type { ClusterCore } from './cluster-core.ts';
import { KafkaError, throwIfError } from './kafka-error.ts';
import { isAtOrAfter, type ProducerBatch, type ProducerIdentity } from './producer-batch.ts';

/**
 * Whether a batch that was sent before and never answered is in the log. A broker that was killed remembers only the newest
 * batch of each producer from its snapshot: an older one that is sent again looks out of order to it although it is there.
 * Sequences have no holes in the log, so the batch is there when the last sequence appended is its own last or a later one.
 * One attempt; throws UNSUPPORTED_VERSION when the broker does not offer the request.
 */
export async function wasAppended(
  core: ClusterCore,
  topic: string,
  partition: number,
  batch: ProducerBatch,
  identity: ProducerIdentity,
  signal: AbortSignal,
): Promise<boolean> {
  const { leaderId } = await core.leaderOf(topic, partition, signal);
  const request = { topics: [{ name: topic, partitionIndexes: [partition] }] };
  const response = await core.request(leaderId, apiKeys.DescribeProducers, request, { signal });
  const what = `DescribeProducers of ${topic}-${partition}`;
  const answer = response.topics[0]?.partitions[0];
  if (!answer) throw new KafkaError(errorCodes.UNKNOWN_SERVER_ERROR, what, { detail: 'the answer is empty' });
  throwIfError(answer.errorCode, what, answer.errorMessage);
  const remembered = answer.activeProducers.find(
    ({ producerId, producerEpoch }) => producerId === identity.producerId && producerEpoch === identity.producerEpoch,
  );
  if (!remembered || remembered.lastSequence < 0) return false;
  return isAtOrAfter(remembered.lastSequence, batch.lastSequence);
}
