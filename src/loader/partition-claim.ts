import { type ChainState, LedgerError, type LedgerHolder, type PartitionChain } from '../offsets/index.ts';
import { type Clock, faultPoint, SluiceError } from '../shared/index.ts';
import { isKafkaError } from '../wire/client/index.ts';
import { errorCodes } from '../wire/index.ts';
import type { Membership } from './membership.ts';
import type { PartitionLookup } from './owner-context.ts';

export interface ClaimContext {
  topic: string;
  partition: number;
  /** Exclusive end of a bounded load; null: continuous. */
  endOffset: bigint | null;
  chain: PartitionChain;
  cluster: PartitionLookup;
  membership: Membership;
  clock: Clock;
  onGap: 'stop' | 'record';
  takeOver: string | null;
  signal: AbortSignal;
}

/** The load of this partition cannot go on without a decision of the operator. */
export class PartitionStoppedError extends SluiceError {}

/** What the log holds: [start, end). `end` is the high watermark. */
interface LogBounds {
  start: bigint;
  end: bigint;
}

/**
 * Makes us the owner and returns the offset to read from: always the checkpoint, never a group offset; the log's start for a
 * new chain. The log is looked at before the claim, so that a partition that must stop is left as it was found.
 * `complete`: the end of the bounded load is committed, there is nothing to claim for. `held`: somebody else is at work on
 * the partition, and will be through with it.
 */
export async function claimPartition(context: ClaimContext): Promise<bigint | 'complete' | 'held'> {
  const { chain, signal, endOffset } = context;
  const before = await chain.refresh({ signal });
  if (endOffset !== null && before.next !== null && before.next >= endOffset) return 'complete';
  const bounds = await logBounds(context);
  if (endOffset !== null && before.next === null && bounds.start >= endOffset) return 'complete';
  await checkCheckpoint(before, bounds, context);
  faultPoint('loader.claim.before');
  let state: ChainState;
  try {
    state = await appendClaim(bounds.start, context);
  } catch (error) {
    if (isWorthWaiting(error, context)) return 'held';
    throw error;
  }
  faultPoint('loader.claim.after');
  // A last commit of the owner before us may have slipped in behind the first look.
  if (state.next !== before.next) await checkCheckpoint(state, await logBounds(context), context);
  return await passGap(context);
}

async function appendClaim(startOffset: bigint, context: ClaimContext): Promise<ChainState> {
  const { chain, membership, topic, partition, takeOver, signal } = context;
  const confirm = membership.confirm;
  return await chain.claim(membership.owner(), {
    startOffset,
    takeOver,
    holderIsGone: (holder) => proofOfAbsence(holder, context),
    ...(confirm ? { confirmMembership: () => confirm(topic, partition) } : {}),
    signal,
  });
}

/** A bounded load waits for any live owner; a continuous one waits for jobs, which end, but two groups are a mistake. */
function isWorthWaiting(error: unknown, { chain, endOffset }: ClaimContext): boolean {
  if (!(error instanceof LedgerError) || error.code !== 'held-by-other' || !error.isRetriable) return false;
  return endOffset !== null || (chain.state.holder?.owner.group.startsWith('job:') ?? false);
}

async function logBounds({ cluster, topic, partition, signal }: ClaimContext): Promise<LogBounds> {
  const options = { isolation: 'read_uncommitted', signal } as const;
  const earliest = await cluster.listOffsets(topic, [partition], 'earliest', options);
  const latest = await cluster.listOffsets(topic, [partition], 'latest', options);
  return { start: earliest.get(partition)!.offset, end: latest.get(partition)!.offset };
}

/** A checkpoint that the log cannot have led to stops the partition; it is never reset. */
async function checkCheckpoint(state: ChainState, bounds: LogBounds, context: ClaimContext): Promise<void> {
  const { topic, partition, onGap } = context;
  const checkpoint = state.next;
  if (checkpoint === null) return;
  if (checkpoint > bounds.end) {
    throw new PartitionStoppedError(
      'checkpoint-beyond-log',
      `${topic}-${partition}: the checkpoint is ${checkpoint}, but the log ends at ${bounds.end}: it lost records that were ` +
        'loaded, or it is another log; nothing was changed, compare with "sluice audit --brokers"',
    );
  }
  if (checkpoint < bounds.start && onGap === 'stop') {
    throw new PartitionStoppedError(
      'log-expired',
      `${topic}-${partition}: the checkpoint is ${checkpoint}, but the log begins at ${bounds.start}: ` +
        `${bounds.start - checkpoint} offsets expired before they were loaded; to go on behind them say --on-missing-offsets gap`,
    );
  }
  await checkLeaderEpoch(state, context);
}

/** KIP-320: where the epoch of the last loaded record ends in the leader's log tells whether it still is the same log. */
async function checkLeaderEpoch(state: ChainState, context: ClaimContext): Promise<void> {
  const { cluster, topic, partition, signal } = context;
  if (state.leaderEpoch < 0 || state.next === null) return;
  let end: { leaderEpoch: number; endOffset: bigint };
  try {
    end = await cluster.endOffsetForEpoch(topic, partition, state.leaderEpoch, { signal });
  } catch (error) {
    if (isKafkaError(error, errorCodes.UNSUPPORTED_VERSION)) return; // a broker without leader epochs
    throw error;
  }
  if (end.endOffset < 0n || end.endOffset >= state.next) return;
  throw new PartitionStoppedError(
    'log-diverged',
    `${topic}-${partition}: the checkpoint is ${state.next} in leader epoch ${state.leaderEpoch}, but the log left that epoch at ` +
      `${end.endOffset}: it lost records that were loaded; nothing was changed, compare with "sluice audit --brokers"`,
  );
}

/** Behind the claim: steps over what the log no longer has, when the operator allowed it. */
async function passGap(context: ClaimContext): Promise<bigint> {
  const { chain, topic, partition, signal } = context;
  const checkpoint = chain.checkpoint!;
  const { start } = await logBounds(context);
  if (start <= checkpoint) return checkpoint;
  if (context.onGap === 'stop') await checkCheckpoint(chain.state, await logBounds(context), context);
  await chain.gap(checkpoint, start, `the log of ${topic}-${partition} began at ${start}`, { signal });
  return start;
}

const jobSilenceMs = 10 * 60_000;

/**
 * Why the holder, of another group or job, is certainly gone; null when it may be alive. A member of a group is asked for at
 * the coordinator: member ids are never used twice. A job has no coordinator: one that has written nothing for long is
 * taken for dead, which costs it its partition but never a row, because the ledger fences it.
 */
async function proofOfAbsence(holder: LedgerHolder, context: ClaimContext): Promise<string | null> {
  const { group, member } = holder.owner;
  if (group.startsWith('job:')) {
    const silentMs = context.clock.nowMs() - Math.max(holder.claimedAtMs, context.chain.state.lastWrittenAtMs);
    return silentMs > jobSilenceMs ? `it has written nothing for ${Math.round(silentMs / 60_000)} minutes` : null;
  }
  try {
    const described = await context.cluster.describeGroup(group, { signal: context.signal });
    return described.members.some(({ memberId }) => memberId === member)
      ? null
      : 'it is no member of its group any more';
  } catch (error) {
    if (isKafkaError(error, errorCodes.GROUP_ID_NOT_FOUND)) return 'its group is gone';
    throw error;
  }
}
