import { apiKeys, errorCodes, type JoinGroupResponse } from '../index.ts';
import type { Assignment } from './assignors/index.ts';
import type { ClusterCore } from './cluster-core.ts';
import { encodeAssignment } from './consumer-protocol.ts';
import { KafkaError } from './kafka-error.ts';

export interface GroupIdentity {
  groupId: string;
  instanceId: string | null;
  protocol: string;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
}

/** Added to the rebalance timeout: the coordinator answers a join only when everybody had the time to come. */
const JOIN_GRACE_MS = 10_000;

let memberCount = 0;

/**
 * The requests of the classic group protocol, one attempt each; error codes become KafkaErrors. A join waits at the
 * coordinator for the other members, so it has a connection of its own, apart from heartbeats and commits.
 */
export class GroupRequests {
  readonly #core: ClusterCore;
  readonly #identity: GroupIdentity;
  readonly #joinLane: string;
  /** For heartbeats and commits. */
  readonly lane: string;

  constructor(core: ClusterCore, identity: GroupIdentity) {
    this.#core = core;
    this.#identity = identity;
    this.lane = `group-${++memberCount}`;
    this.#joinLane = `${this.lane}-join`;
  }

  /** Returns the answer also for MEMBER_ID_REQUIRED, which carries the member id to come back with. */
  async join(memberId: string, metadata: Buffer, reason: string, signal: AbortSignal): Promise<JoinGroupResponse> {
    const { groupId, instanceId, protocol, sessionTimeoutMs, rebalanceTimeoutMs } = this.#identity;
    const response = await this.#core.request(
      { coordinatorOf: groupId },
      apiKeys.JoinGroup,
      (version) => ({
        groupId,
        sessionTimeoutMs,
        rebalanceTimeoutMs,
        memberId,
        ...(version >= 5 ? { groupInstanceId: instanceId } : {}),
        protocolType: 'consumer',
        protocols: [{ name: protocol, metadata }],
        ...(version >= 8 ? { reason: reason.slice(0, 255) } : {}),
      }),
      { signal, lane: this.#joinLane, timeoutMs: rebalanceTimeoutMs + JOIN_GRACE_MS },
    );
    if (response.errorCode !== errorCodes.MEMBER_ID_REQUIRED) this.#check('JoinGroup', response.errorCode);
    return response;
  }

  /** The bytes of our assignment. `assignment` is empty unless we are the leader. */
  async sync(memberId: string, generation: number, assignment: Assignment, signal: AbortSignal): Promise<Buffer> {
    const { groupId, instanceId, protocol, rebalanceTimeoutMs } = this.#identity;
    const response = await this.#core.request(
      { coordinatorOf: groupId },
      apiKeys.SyncGroup,
      (version) => ({
        groupId,
        generationId: generation,
        memberId,
        ...(version >= 3 ? { groupInstanceId: instanceId } : {}),
        ...(version >= 5 ? { protocolType: 'consumer', protocolName: protocol } : {}),
        assignments: [...assignment].map(([id, partitions]) => ({
          memberId: id,
          assignment: encodeAssignment(partitions),
        })),
      }),
      { signal, lane: this.#joinLane, timeoutMs: rebalanceTimeoutMs + JOIN_GRACE_MS },
    );
    this.#check('SyncGroup', response.errorCode);
    return response.assignment;
  }

  async heartbeat(memberId: string, generation: number, signal: AbortSignal | undefined): Promise<void> {
    const { groupId, instanceId, sessionTimeoutMs } = this.#identity;
    const response = await this.#core.request(
      { coordinatorOf: groupId },
      apiKeys.Heartbeat,
      (version) => ({
        groupId,
        generationId: generation,
        memberId,
        ...(version >= 3 ? { groupInstanceId: instanceId } : {}),
      }),
      { signal, lane: this.lane, timeoutMs: Math.min(sessionTimeoutMs, this.#core.requestTimeoutMs) },
    );
    this.#check('Heartbeat', response.errorCode);
  }

  async leave(memberId: string, reason: string): Promise<void> {
    const { groupId, instanceId } = this.#identity;
    const response = await this.#core.request(
      { coordinatorOf: groupId },
      apiKeys.LeaveGroup,
      (version) =>
        version < 3
          ? { groupId, memberId }
          : { groupId, members: [{ memberId, groupInstanceId: instanceId, ...(version >= 5 ? { reason } : {}) }] },
      { lane: this.lane, timeoutMs: 5_000 },
    );
    this.#check('LeaveGroup', response.members[0]?.errorCode || response.errorCode);
  }

  forgetCoordinator(): void {
    this.#core.forgetCoordinator(this.#identity.groupId);
  }

  close(): void {
    this.#core.releaseLane(this.lane);
    this.#core.releaseLane(this.#joinLane);
  }

  #check(api: string, code: number): void {
    const { groupId } = this.#identity;
    this.#core.throwIfGroupError(groupId, code, `${api} of group "${groupId}"`);
  }
}

/** Errors that another try with the same settings will not cure. */
export function isFatalForGroup(error: unknown): boolean {
  return error instanceof KafkaError && !error.isRetriable && !curable.has(error.kafkaCode);
}

const curable: ReadonlySet<number> = new Set([
  errorCodes.UNKNOWN_MEMBER_ID,
  errorCodes.ILLEGAL_GENERATION,
  errorCodes.REBALANCE_IN_PROGRESS,
  errorCodes.MEMBER_ID_REQUIRED,
  errorCodes.UNKNOWN_SERVER_ERROR,
]);
