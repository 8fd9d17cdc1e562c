/**
 * The records of `__consumer_offsets`, in Apache Kafka's own format, so that Kafka's tools can read them.
 *
 *     key   = int16 record type (1 offset commit, 2 group) + OffsetCommitKey v0 | GroupMetadataKey v0
 *     value = int16 version + OffsetCommitValue | GroupMetadataValue; null (a tombstone) deletes
 *
 * A key of type 0 is the offset commit key of old Kafka versions, with the same layout as type 1.
 */
import {
  decodeMessage,
  encodeMessage,
  GroupMetadataKeySchema,
  GroupMetadataValueSchema,
  type MessageSchema,
  OffsetCommitKeySchema,
  OffsetCommitValueSchema,
} from '../../wire/index.ts';
import type { CommittedOffset } from './committed-offsets.ts';
import type { GroupMetadata } from './group-types.ts';

const offsetCommitKeyType = 1;
const groupKeyType = 2;
/** Version 4 adds the topic id. */
const offsetCommitValueVersion = 4;
/** Version 3 adds static members. */
const groupValueVersion = 3;

export interface CoordinatorRecord {
  readonly key: Buffer;
  readonly value: Buffer | null;
}

export interface StoredGroup extends GroupMetadata {
  /** Wall clock, epoch ms; -1 when not known. */
  readonly sinceMs: bigint;
}

/** What a record says about the state of the coordinator; null deletes. */
export type CoordinatorFact =
  | { kind: 'offset'; group: string; topic: string; partition: number; commit: CommittedOffset | null }
  | { kind: 'group'; group: string; stored: StoredGroup | null };

export function encodeFact(fact: CoordinatorFact): CoordinatorRecord {
  return fact.kind === 'offset' ? encodeOffset(fact) : encodeGroup(fact);
}

function encodeOffset(fact: CoordinatorFact & { kind: 'offset' }): CoordinatorRecord {
  const { group, topic, partition, commit } = fact;
  const key = withPrefix(offsetCommitKeyType, encodeMessage(OffsetCommitKeySchema, 0, { group, topic, partition }));
  if (commit === null) return { key, value: null };
  const value = encodeMessage(OffsetCommitValueSchema, offsetCommitValueVersion, {
    offset: commit.offset,
    leaderEpoch: commit.leaderEpoch,
    metadata: commit.metadata,
    commitTimestamp: commit.commitTimestampMs,
    topicId: commit.topicId,
  });
  return { key, value: withPrefix(offsetCommitValueVersion, value) };
}

function encodeGroup({ group, stored }: CoordinatorFact & { kind: 'group' }): CoordinatorRecord {
  const key = withPrefix(groupKeyType, encodeMessage(GroupMetadataKeySchema, 0, { group }));
  if (stored === null) return { key, value: null };
  const value = encodeMessage(GroupMetadataValueSchema, groupValueVersion, {
    protocolType: stored.protocolType,
    generation: stored.generation,
    protocol: stored.protocolName,
    leader: stored.leader,
    currentStateTimestamp: stored.sinceMs,
    members: stored.members.map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rebalanceTimeout: member.rebalanceTimeoutMs,
      sessionTimeout: member.sessionTimeoutMs,
      subscription: member.subscription,
      assignment: member.assignment,
    })),
  });
  return { key, value: withPrefix(groupValueVersion, value) };
}

/** Null for record types that we do not know: newer versions may add some. Throws WireError for damaged ones. */
export function decodeFact({ key, value }: CoordinatorRecord): CoordinatorFact | null {
  const type = key.length >= 2 ? key.readInt16BE(0) : -1;
  if (type === 0 || type === offsetCommitKeyType) {
    const { group, topic, partition } = decodeMessage(OffsetCommitKeySchema, 0, key, 2);
    return { kind: 'offset', group, topic, partition, commit: value && decodeCommit(value) };
  }
  if (type !== groupKeyType) return null;
  const { group } = decodeMessage(GroupMetadataKeySchema, 0, key, 2);
  return { kind: 'group', group, stored: value && decodeGroup(value) };
}

function decodeCommit(value: Buffer): CommittedOffset {
  const stored = decodeVersioned(OffsetCommitValueSchema, value);
  return {
    offset: stored.offset,
    leaderEpoch: stored.leaderEpoch,
    metadata: stored.metadata,
    commitTimestampMs: stored.commitTimestamp,
    topicId: stored.topicId,
  };
}

function decodeGroup(value: Buffer): StoredGroup {
  const stored = decodeVersioned(GroupMetadataValueSchema, value);
  return {
    protocolType: stored.protocolType,
    generation: stored.generation,
    protocolName: stored.protocol,
    leader: stored.leader,
    sinceMs: stored.currentStateTimestamp,
    members: stored.members.map((member) => ({
      memberId: member.memberId,
      instanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rebalanceTimeoutMs: member.rebalanceTimeout,
      sessionTimeoutMs: member.sessionTimeout,
      // Copies: the decoder hands out windows into a whole batch.
      subscription: Buffer.from(member.subscription),
      assignment: Buffer.from(member.assignment),
    })),
  };
}

function decodeVersioned<T>(schema: MessageSchema<T>, value: Buffer): T {
  return decodeMessage(schema, value.length >= 2 ? value.readInt16BE(0) : -1, value, 2);
}

function withPrefix(prefix: number, body: Buffer): Buffer {
  const out = Buffer.allocUnsafe(2 + body.length);
  out.writeInt16BE(prefix, 0);
  body.copy(out, 2);
  return out;
}
