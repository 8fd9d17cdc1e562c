// What members of a consumer group put into JoinGroup and SyncGroup: int16 version | message. The version in front says
// which fields are there; we write version 3, which Java members of any version read as far as they know it.
import {
  ConsumerProtocolAssignmentSchema,
  ConsumerProtocolSubscriptionSchema,
  decodeMessage,
  encodeMessage,
  type MessageSchema,
} from '../index.ts';

export interface TopicPartition {
  topic: string;
  partition: number;
}

/** What one member wants and holds. */
export interface Subscription {
  topics: readonly string[];
  ownedPartitions: readonly TopicPartition[];
  /** The generation in which it owned them; -1: not known. */
  generation: number;
  /** Where the member runs (KIP-881); null: not known. */
  rack: string | null;
}

const newestVersion = 3;

export function encodeSubscription(subscription: Subscription): Buffer {
  const { topics, ownedPartitions, generation, rack } = subscription;
  // Java members from before version 2 read the generation from here (KIP-429, cooperative-sticky's user data).
  const userData = Buffer.alloc(4);
  userData.writeInt32BE(generation);
  return withVersion(
    encodeMessage(ConsumerProtocolSubscriptionSchema, newestVersion, {
      topics: [...topics].sort(),
      userData,
      ownedPartitions: groupByTopic(ownedPartitions),
      generationId: generation,
      rackId: rack,
    }),
  );
}

/** Throws WireError for bytes that are not a subscription. */
export function decodeSubscription(bytes: Buffer): Subscription {
  const { topics, ownedPartitions, generationId, userData, rackId } = decodeVersioned(
    ConsumerProtocolSubscriptionSchema,
    bytes,
  );
  const fromUserData = userData?.length === 4 ? userData.readInt32BE(0) : -1;
  return {
    topics,
    ownedPartitions: ungroup(ownedPartitions),
    generation: generationId >= 0 ? generationId : fromUserData,
    rack: rackId,
  };
}

export function encodeAssignment(partitions: readonly TopicPartition[]): Buffer {
  const assignedPartitions = groupByTopic(partitions);
  return withVersion(encodeMessage(ConsumerProtocolAssignmentSchema, newestVersion, { assignedPartitions }));
}

/** An empty assignment (a member that got nothing) may come as no bytes at all. */
export function decodeAssignment(bytes: Buffer): TopicPartition[] {
  if (bytes.length === 0) return [];
  return ungroup(decodeVersioned(ConsumerProtocolAssignmentSchema, bytes).assignedPartitions);
}

/** A text that is equal for equal partitions: `topic-partition`. */
export function partitionKey({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

export function comparePartitions(a: TopicPartition, b: TopicPartition): number {
  return a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition;
}

export function groupByTopic(partitions: readonly TopicPartition[]): { topic: string; partitions: number[] }[] {
  const byTopic = new Map<string, number[]>();
  for (const { topic, partition } of [...partitions].sort(comparePartitions)) {
    const numbers = byTopic.get(topic);
    if (numbers) numbers.push(partition);
    else byTopic.set(topic, [partition]);
  }
  return [...byTopic].map(([topic, numbers]) => ({ topic, partitions: numbers }));
}

function ungroup(groups: readonly { topic: string; partitions: number[] }[]): TopicPartition[] {
  return groups.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })));
}

function withVersion(message: Buffer): Buffer {
  const version = Buffer.alloc(2);
  version.writeInt16BE(newestVersion);
  return Buffer.concat([version, message]);
}

function decodeVersioned<T>(schema: MessageSchema<T>, bytes: Buffer): T {
  const version = bytes.length < 2 ? 0 : bytes.readInt16BE(0);
  return decodeMessage(schema, Math.min(Math.max(version, 0), newestVersion), bytes, 2);
}
