import { partitionKey, type TopicPartition } from '../consumer-protocol.ts';
import {
  type Assignment,
  type Assignor,
  emptyAssignment,
  type GroupMemberSubscription,
  inMemberOrder,
  type PartitionCounts,
  wantedPartitions,
} from './assignor.ts';

/**
 * As balanced as the subscriptions allow, and among such assignments one that moves few partitions (KIP-54). A partition
 * that moves is given to nobody in this round while its owner still has it: the owner sees that it is gone, gives it up
 * and rejoins, and the next round hands it out (KIP-429). So a partition never has two owners. Among equally loaded members,
 * one in a rack that holds a replica gets a free partition (KIP-881).
 */
export const cooperativeStickyAssignor: Assignor = {
  name: 'cooperative-sticky',
  isCooperative: true,
  assign(members, partitionCounts, racksOf = noRacks) {
    const target = stickyTarget(inMemberOrder(members), partitionCounts, racksOf);
    const claims = claimsOf(members);
    for (const [memberId, partitions] of target) {
      const free = partitions.filter((partition) => {
        const claimants = claims.get(partitionKey(partition)) ?? [];
        return claimants.length === 0 || claimants.some((claimant) => claimant.memberId === memberId);
      });
      target.set(memberId, free);
    }
    return target;
  },
};

const noRacks = (): ReadonlySet<string> => new Set();

/** Whether a replica of the partition is in the member's rack. */
type IsNear = (member: GroupMemberSubscription, partition: TopicPartition) => boolean;

function stickyTarget(
  members: readonly GroupMemberSubscription[],
  partitionCounts: PartitionCounts,
  racksOf: (partition: TopicPartition) => ReadonlySet<string>,
): Assignment {
  const isNear: IsNear = ({ rack }, partition) => rack !== null && racksOf(partition).has(rack);
  const target = emptyAssignment(members);
  const claims = claimsOf(members);
  const unowned: TopicPartition[] = [];
  for (const partition of wantedPartitions(members, partitionCounts)) {
    const owner = rightfulOwner(claims.get(partitionKey(partition)) ?? []);
    if (owner?.topics.includes(partition.topic)) target.get(owner.memberId)!.push(partition);
    else unowned.push(partition);
  }
  for (const partition of unowned) {
    const takers = members.filter(({ topics }) => topics.includes(partition.topic));
    const near = takers.filter((taker) => isNear(taker, partition));
    const far = takers.filter((taker) => !isNear(taker, partition));
    leastLoaded([...near, ...far], target).push(partition);
  }
  while (moveOne(members, target, isNear));
  return target;
}

/** Who says that it owns a partition, by partition. More than one only after somebody missed a rebalance. */
function claimsOf(members: readonly GroupMemberSubscription[]): Map<string, GroupMemberSubscription[]> {
  const claims = new Map<string, GroupMemberSubscription[]>();
  for (const member of members) {
    for (const partition of member.ownedPartitions) {
      const key = partitionKey(partition);
      claims.set(key, [...(claims.get(key) ?? []), member]);
    }
  }
  return claims;
}

/** The claim of the newest generation counts; when two are equally new, nobody's does. */
function rightfulOwner(claimants: readonly GroupMemberSubscription[]): GroupMemberSubscription | undefined {
  const newest = Math.max(...claimants.map(({ generation }) => generation));
  const owners = claimants.filter(({ generation }) => generation === newest);
  return owners.length === 1 ? owners[0] : undefined;
}

/** The first of those that have least. */
function leastLoaded(takers: readonly GroupMemberSubscription[], target: Assignment): TopicPartition[] {
  const loads = takers.map(({ memberId }) => target.get(memberId)!);
  return loads.reduce((least, load) => (load.length < least.length ? load : least));
}

/**
 * Moves one partition from a member to one that has at least two fewer and wants it; false when there is no such pair.
 * One that is near to where it goes is moved first. Each move makes the sum of the squared loads smaller, so this ends.
 */
function moveOne(members: readonly GroupMemberSubscription[], target: Assignment, isNear: IsNear): boolean {
  const byLoad = [...members].sort((a, b) => target.get(a.memberId)!.length - target.get(b.memberId)!.length);
  for (const to of byLoad) {
    const under = target.get(to.memberId)!;
    for (const from of [...byLoad].reverse()) {
      const over = target.get(from.memberId)!;
      if (over.length < under.length + 2) break;
      const near = over.findLastIndex((one) => to.topics.includes(one.topic) && isNear(to, one));
      const index = near >= 0 ? near : over.findLastIndex(({ topic }) => to.topics.includes(topic));
      if (index < 0) continue;
      under.push(...over.splice(index, 1));
      return true;
    }
  }
  return false;
}
