/**
 * What the parts of the group coordinator say to each other. Error codes are Kafka's numbers; times are milliseconds of a
 * monotonic clock unless a name says otherwise; a generation counts the completed rebalances of a group.
 */

/** `Dead` is not listed: a group without members and offsets is simply not there. */
export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable';

export interface GroupProtocol {
  readonly name: string;
  /** Opaque to the coordinator; for consumers a ConsumerProtocolSubscription. */
  readonly metadata: Buffer;
}

export interface JoinInput {
  /** Empty text: not known yet. */
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly protocolType: string;
  readonly protocols: readonly GroupProtocol[];
  /** KIP-394: a dynamic member without an id is told one first and has to come back with it. */
  readonly requiresKnownMemberId: boolean;
  /** KIP-814, JoinGroup v9: a returning static leader may be told to skip the assignment. */
  readonly supportsSkippingAssignment: boolean;
}

export interface JoinResult {
  readonly errorCode: number;
  readonly generation: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly leader: string;
  readonly skipAssignment: boolean;
  readonly memberId: string;
  /** Only the leader gets the members. */
  readonly members: readonly { memberId: string; instanceId: string | null; metadata: Buffer }[];
}

export interface SyncInput {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly generation: number;
  /** Null when the request does not say (before v5). */
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly assignments: readonly { memberId: string; assignment: Buffer }[];
}

export interface SyncResult {
  readonly errorCode: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly assignment: Buffer;
}

export type JoinReply = (result: JoinResult) => void;
export type SyncReply = (result: SyncResult) => void;

/** Who a member says it is. */
export interface MemberIdentity {
  readonly memberId: string;
  readonly instanceId: string | null;
}

/** The durable part of a group: what GroupMetadataValue holds. */
export interface GroupMetadata {
  readonly protocolType: string;
  readonly generation: number;
  readonly protocolName: string | null;
  readonly leader: string | null;
  readonly members: readonly {
    readonly memberId: string;
    readonly instanceId: string | null;
    readonly clientId: string;
    readonly clientHost: string;
    readonly rebalanceTimeoutMs: number;
    readonly sessionTimeoutMs: number;
    readonly subscription: Buffer;
    readonly assignment: Buffer;
  }[];
}

export interface GroupDescription {
  readonly state: GroupState;
  readonly protocolType: string;
  /** The chosen protocol, empty text unless the group is stable. */
  readonly protocolName: string;
  readonly members: readonly {
    readonly memberId: string;
    readonly instanceId: string | null;
    readonly clientId: string;
    readonly clientHost: string;
    readonly metadata: Buffer;
    readonly assignment: Buffer;
  }[];
}

export interface GroupLimits {
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  /** How long the first rebalance of an empty group waits for more members. */
  readonly initialRebalanceDelayMs: number;
  /** Members and members-to-be of one group. */
  readonly maxGroupSize: number;
  /** Subscriptions and assignments of one group: it is persisted as one record. */
  readonly maxGroupBytes: number;
}

export interface GroupHooks {
  /** Stores the group and then calls `done` once, with 0 when it is durable, with a Kafka error code when it could not be stored. */
  persist(metadata: GroupMetadata, done: (errorCode: number) => void): void;
  /** A member id nobody has had: `prefix` and something unique. */
  newMemberId(prefix: string): string;
}
