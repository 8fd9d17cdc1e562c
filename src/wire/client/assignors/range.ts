import { type Assignor, emptyAssignment, inMemberOrder } from './assignor.ts';

/** Topic by topic: consecutive partitions to consecutive members; the first members get one more where it does not divide evenly. */
export const rangeAssignor: Assignor = {
  name: 'range',
  isCooperative: false,
  assign(members, partitionCounts) {
    const assignment = emptyAssignment(members);
    for (const [topic, partitionCount] of partitionCounts) {
      const takers = inMemberOrder(members.filter(({ topics }) => topics.includes(topic)));
      const share = Math.floor(partitionCount / takers.length);
      const extra = partitionCount % takers.length;
      let partition = 0;
      takers.forEach(({ memberId }, i) => {
        const end = partition + share + (i < extra ? 1 : 0);
        for (; partition < end; partition++) assignment.get(memberId)!.push({ topic, partition });
      });
    }
    return assignment;
  },
};
