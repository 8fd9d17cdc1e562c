import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { LedgerOwner } from '../offsets/index.ts';
import { describeError, type Logger } from '../shared/index.ts';
import type { GroupMember, KafkaCluster, OffsetToCommit } from '../wire/client/index.ts';

/** By what right a worker owns partitions, and where it shows how far it is. */
export interface Membership {
  /** Who we are at this moment, as the ledger writes it. */
  owner(): LedgerOwner;
  /** Asks the group now whether we are in its current generation and have the partition. Null: there is no group to ask. */
  readonly confirm: ((topic: string, partition: number) => Promise<boolean>) | null;
  /** Shows the checkpoint to lag tools and to the broker's pin. Never read back; false, and logged, when the group does not take it now. */
  publishPosition(topic: string, partition: number, next: bigint, leaderEpoch: number): Promise<boolean>;
}

const publishTimeoutMs = 3000;

/** Tells our broker's retention pin that this commit from outside the group is what a load has landed. */
const landedMetadata = 'sluice.landed';

/** `host:pid:worker`, for people. */
export function hostLabel(workerIndex: number): string {
  return `${hostname()}:${process.pid}:${workerIndex}`;
}

export class GroupMembership implements Membership {
  readonly #member: GroupMember;
  readonly #options: { clusterId: string; group: string; host: string; logger: Logger };
  readonly #assigned = new Set<string>();

  constructor(member: GroupMember, options: { clusterId: string; group: string; host: string; logger: Logger }) {
    this.#member = member;
    this.#options = options;
  }

  noteAssigned(topic: string, partition: number): void {
    this.#assigned.add(`${topic}/${partition}`);
  }

  noteTaken(topic: string, partition: number): void {
    this.#assigned.delete(`${topic}/${partition}`);
  }

  owner(): LedgerOwner {
    const { clusterId, group, host } = this.#options;
    return { clusterId, group, member: this.#member.memberId, generation: this.#member.generation, host };
  }

  readonly confirm = async (topic: string, partition: number): Promise<boolean> => {
    if (!this.#assigned.has(`${topic}/${partition}`)) return false;
    const isMember = await this.#member.isMember(this.#member.generation);
    // The assignment may have changed while the coordinator was asked.
    return isMember && this.#assigned.has(`${topic}/${partition}`);
  };

  async publishPosition(topic: string, partition: number, next: bigint, leaderEpoch: number): Promise<boolean> {
    try {
      // A rebalance may be waiting for the very commit that we are part of.
      const signal = AbortSignal.timeout(publishTimeoutMs);
      await this.#member.commit([{ topic, partition, offset: next, leaderEpoch }], { signal });
      return true;
    } catch (error) {
      this.#options.logger.warn({ topic, partition, next, reason: describeError(error) }, 'PositionNotPublished');
      return false;
    }
  }
}

/** A bounded job: its scheduler makes sure that one attempt runs at a time, and the ledger fences the others. */
export class JobMembership implements Membership {
  readonly confirm = null;
  readonly #owner: LedgerOwner;
  readonly #cluster: KafkaCluster;
  readonly #group: string;
  readonly #logger: Logger;

  constructor(options: {
    clusterId: string;
    jobId: string;
    attempt: number;
    host: string;
    cluster: KafkaCluster;
    /** The group whose position lag tools look at. */
    group: string;
    logger: Logger;
  }) {
    const { clusterId, jobId, attempt, host } = options;
    this.#owner = { clusterId, group: `job:${jobId}`, member: randomUUID(), generation: attempt, host };
    this.#cluster = options.cluster;
    this.#group = options.group;
    this.#logger = options.logger;
  }

  owner(): LedgerOwner {
    return this.#owner;
  }

  async publishPosition(topic: string, partition: number, next: bigint, leaderEpoch: number): Promise<boolean> {
    return await publishFromOutside(
      this.#cluster,
      this.#group,
      [{ topic, partition, offset: next, leaderEpoch }],
      this.#logger,
    );
  }
}

/** Shows checkpoints as positions of a group that we are not in; false, and logged, when somebody is: then it is for its members to do. */
export async function publishFromOutside(
  cluster: KafkaCluster,
  group: string,
  positions: readonly OffsetToCommit[],
  logger: Logger,
): Promise<boolean> {
  try {
    const landed = positions.map((position) => ({ ...position, metadata: landedMetadata }));
    await cluster.commitOffsets(group, landed, { signal: AbortSignal.timeout(publishTimeoutMs) });
    return true;
  } catch (error) {
    logger.info({ group, positions: positions.length, reason: describeError(error) }, 'PositionNotPublished');
    return false;
  }
}
