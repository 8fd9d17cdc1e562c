import { hostname, userInfo } from 'node:os';
import {
  FencedError,
  type LedgerOwner,
  PartitionChain,
  partitionKey,
  type RewindRecord,
  rewriteStaging,
} from '../offsets/index.ts';
import { BadInputError } from '../shared/index.ts';
import type { RewriteContext } from './rewrite-context.ts';

/** One partition of a table. */
export interface PartitionPlace {
  topic: string;
  topicId: string;
  partition: number;
}

const maxAttempts = 10;
const noEnd = 2n ** 62n;

/**
 * Takes the checkpoint of a partition back to where a commit began, as a record of the partition's chain. The table's chain is told
 * first (an intent), so that no rewrite touches the offsets meanwhile; where one has touched them already it is refused: that is
 * what `reloadRange` is for. A live owner notices at its next commit, and loads again from there.
 */
export async function rewindPartition(
  context: RewriteContext,
  place: PartitionPlace,
  to: bigint,
  reason: string,
): Promise<RewindRecord> {
  await checkFirst(context, place, to);
  for (let attempt = 1; ; attempt++) {
    try {
      return await withClaim(context, place, reason, (chain) => rewindOnce(context, place, chain, to, reason));
    } catch (error) {
      if (!(error instanceof FencedError) || attempt === maxAttempts) throw error;
      await context.clock.sleep(100 * attempt, context.signal); // the owner was faster: it committed in between
    }
  }
}

/** What can be seen to be impossible is refused before the owner of the partition is disturbed. */
async function checkFirst(
  { files, table, chain, signal }: RewriteContext,
  place: PartitionPlace,
  to: bigint,
): Promise<void> {
  const touched = (await chain.refresh({ signal })).touched.get(partitionKey(place)) ?? 0n;
  if (touched > to) {
    throw new BadInputError(
      `a rewrite has touched offsets up to ${touched} of partition ${place.partition}: use "sluice reload"`,
    );
  }
  const partition = await PartitionChain.open(files, { table, ...place }, { signal });
  await partition.checkRewind(to, { signal });
}

/** Declares that [checkpoint, to) is not to be loaded, as a gap with who and why. */
export async function skipOffsets(
  context: RewriteContext,
  place: PartitionPlace,
  to: bigint,
  reason: string,
): Promise<{ first: bigint; next: bigint; sequence: number }> {
  return await withClaim(context, place, reason, async (chain) => {
    const first = chain.checkpoint!;
    if (to <= first) throw new BadInputError(`expected an offset behind the checkpoint ${first}, got ${to}`);
    const record = await chain.gap(first, to, reason, { signal: context.signal });
    return { first, next: to, sequence: record.sequence };
  });
}

/** An intent of an earlier rewind that did not get to its end is over once we have the claim: it cannot write any more. */
async function rewindOnce(
  { chain: table, signal }: RewriteContext,
  { topicId, partition }: PartitionPlace,
  chain: PartitionChain,
  to: bigint,
  reason: string,
): Promise<RewindRecord> {
  const state = await table.refresh({ signal });
  const left = [...state.intents.values()].filter(({ operation, scope }) => {
    return operation === 'rewind' && scope && partitionKey(scope) === partitionKey({ topicId, partition });
  });
  for (const { sequence: intent } of left) await close(table, intent, 'the rewinder was fenced', signal);
  const intent = await table.append(
    ({ sequence }) => ({
      kind: 'intent',
      operation: 'rewind',
      staging: rewriteStaging(sequence + 1),
      scope: { topicId, partition, first: to, next: noEnd },
      reason,
    }),
    { signal },
  );
  try {
    return await chain.rewind(to, reason, { signal });
  } finally {
    // Whatever became of it: as long as we hold the claim, nothing of it can come later.
    if (chain.isOwner) await close(table, intent!.sequence, 'ended', signal);
  }
}

async function close(
  table: RewriteContext['chain'],
  intent: number,
  reason: string,
  signal: AbortSignal,
): Promise<void> {
  await table.append((state) => (state.intents.has(intent) ? { kind: 'cancel', intent, reason } : null), { signal });
}

/** Runs `work` as the owner of the partition, overruling whoever is, and lets it go again. */
async function withClaim<T>(
  { files, table, clock, logger, signal }: RewriteContext,
  { topic, topicId, partition }: PartitionPlace,
  reason: string,
  work: (chain: PartitionChain) => Promise<T>,
): Promise<T> {
  const chain = await PartitionChain.open(files, { table, topic, topicId, partition }, { clock, logger, signal });
  const { clusterId, next } = chain.state;
  if (clusterId === null || next === null)
    throw new BadInputError(`partition ${partition} of ${topic} was never loaded`);
  const user = userInfo().username;
  const member = `${user}-${process.pid}-${clock.nowMs()}`;
  const owner: LedgerOwner = {
    clusterId,
    group: 'operator',
    member,
    generation: -1,
    host: `${hostname()}:${process.pid}`,
  };
  await chain.claim(owner, { startOffset: next, takeOver: `${user}: ${reason}`, signal });
  try {
    return await work(chain);
  } finally {
    if (chain.isOwner) await chain.release({ signal });
  }
}
