/** Which assignment protocol a group uses: one that all members know, by vote. */
import type { GroupMember } from './group-roster.ts';
import type { GroupProtocol } from './group-types.ts';

/** True when at least one of `offered` is known to all `members`. */
export function sharesProtocol(members: Iterable<GroupMember>, offered: readonly GroupProtocol[]): boolean {
  const candidates = new Set(offered.map((protocol) => protocol.name));
  for (const member of members) keepKnown(candidates, member);
  return candidates.size > 0;
}

/** Every member votes for the first of its protocols that all know; most votes win, ties go to the earlier vote. */
export function selectProtocol(members: readonly GroupMember[]): string | null {
  const first = members[0];
  if (!first) return null;
  const candidates = new Set(first.protocols.map((protocol) => protocol.name));
  for (const member of members) keepKnown(candidates, member);
  const votes = new Map<string, number>();
  for (const member of members) {
    const vote = member.protocols.find((protocol) => candidates.has(protocol.name))?.name;
    if (vote !== undefined) votes.set(vote, (votes.get(vote) ?? 0) + 1);
  }
  let winner: string | null = null;
  for (const [name, count] of votes) if (winner === null || count > votes.get(winner)!) winner = name;
  return winner;
}

function keepKnown(candidates: Set<string>, member: GroupMember): void {
  for (const name of candidates) {
    if (!member.protocols.some((protocol) => protocol.name === name)) candidates.delete(name);
  }
}
