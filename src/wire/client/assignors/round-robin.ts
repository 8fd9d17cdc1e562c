import { type Assignor, emptyAssignment, inMemberOrder, wantedPartitions } from './assignor.ts';

/** All partitions in order, dealt out in turn; a member is passed over for topics it does not want. */
export const roundRobinAssignor: Assignor = {
  name: 'roundrobin',
  isCooperative: false,
  assign(members, partitionCounts) {
    const assignment = emptyAssignment(members);
    const circle = inMemberOrder(members);
    let turn = 0;
    for (const taken of wantedPartitions(members, partitionCounts)) {
      while (!circle[turn]!.topics.includes(taken.topic)) turn = (turn + 1) % circle.length;
      assignment.get(circle[turn]!.memberId)!.push(taken);
      turn = (turn + 1) % circle.length;
    }
    return assignment;
  },
};
