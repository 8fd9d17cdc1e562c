import { describeError } from '../../shared/index.ts';
import type { JoinGroupResponse } from '../index.ts';
import type { Assignment, Assignor, GroupMemberSubscription } from './assignors/index.ts';
import type { ClusterCore } from './cluster-core.ts';
import { decodeSubscription, type TopicPartition } from './consumer-protocol.ts';

/** What the member that leads a generation does for the others: it assigns, and watches for new topics and partitions. */
export class GroupLeader {
  readonly #core: ClusterCore;
  readonly #assignor: Assignor;
  #topics: string[] = [];
  #partitionCounts = new Map<string, number>();

  constructor(core: ClusterCore, assignor: Assignor) {
    this.#core = core;
    this.#assignor = assignor;
  }

  async assign(members: JoinGroupResponse['members'], signal: AbortSignal): Promise<Assignment> {
    const subscriptions = await this.watch(members, signal);
    return this.#assignor.assign(subscriptions, this.#partitionCounts, (partition) => this.#racksOf(partition));
  }

  /** Takes note of what the members want and what there is of it. */
  async watch(members: JoinGroupResponse['members'], signal: AbortSignal): Promise<GroupMemberSubscription[]> {
    const subscriptions = members.map((member) => this.#subscriptionOf(member));
    this.#topics = [...new Set(subscriptions.flatMap(({ topics }) => topics))].sort();
    this.#partitionCounts = await this.#countPartitions(signal);
    return subscriptions;
  }

  /** Whether the cluster has other partitions of the group's topics than those that were assigned. */
  async sawChange(signal: AbortSignal): Promise<boolean> {
    const counts = await this.#countPartitions(signal);
    return this.#topics.some((topic) => counts.get(topic) !== this.#partitionCounts.get(topic));
  }

  #racksOf({ topic, partition }: TopicPartition): ReadonlySet<string> {
    const found = this.#core.metadata.topic(topic)?.partitions.find((one) => one.partition === partition);
    return found ? this.#core.metadata.racksOf(found) : new Set();
  }

  /** A member whose subscription cannot be read gets nothing; the others must not suffer. */
  #subscriptionOf(member: JoinGroupResponse['members'][number]): GroupMemberSubscription {
    const { memberId, groupInstanceId: instanceId, metadata } = member;
    try {
      return { memberId, instanceId, ...decodeSubscription(metadata) };
    } catch (error) {
      this.#core.logger.warn({ memberId, error: describeError(error) }, 'SubscriptionUnreadable');
      return { memberId, instanceId, topics: [], ownedPartitions: [], generation: -1, rack: null };
    }
  }

  async #countPartitions(signal: AbortSignal): Promise<Map<string, number>> {
    await this.#core.retrying(signal, () => this.#core.refreshMetadata(this.#topics, signal));
    const counts = new Map<string, number>();
    for (const topic of this.#topics) {
      const known = this.#core.metadata.topic(topic);
      if (known) counts.set(topic, known.partitions.length);
    }
    return counts;
  }
}
