import type { ChainState } from './chain-state.ts';
import { FencedError, LedgerError } from './ledger-error.ts';
import type { LedgerHolder, LedgerOwner } from './ledger-record.ts';

export interface ClaimOptions {
  /** First offset of the chain, when there is no chain yet; later claims continue at the checkpoint. */
  startOffset: bigint;
  /** The operator's reason for overruling another group, job or cluster. Left out or null: do not. */
  takeOver?: string | null;
  /**
   * Asks the group's coordinator, now, whether this owner is a member of the current generation with this partition.
   * Called after the tail was read, so a yes is newer than what the tail says. Left out: a job outside a group.
   */
  confirmMembership?: () => Promise<boolean>;
  /** Why the holder (of another group or job) is certainly gone, or null when it may be alive. */
  holderIsGone?: (holder: LedgerHolder) => Promise<string | null>;
  signal?: AbortSignal;
}

/**
 * Whether `owner` may claim after this tail ("own the fence first"). Returns whom the claim overrules and why, or null
 * when it overrules nobody. Throws FencedError when the group says no or has moved on, LedgerError `held-by-other` when
 * another group or job holds the partition.
 */
export async function checkClaim(state: ChainState, owner: LedgerOwner, options: ClaimOptions): Promise<string | null> {
  const isConfirmed = options.confirmMembership ? await options.confirmMembership() : false;
  if (options.confirmMembership && !isConfirmed) {
    throw new FencedError(
      `${owner.group} says that member ${owner.member} of generation ${owner.generation} does not have ${where(state)} (any more)`,
      state.holder,
    );
  }
  if (state.clusterId !== null && state.clusterId !== owner.clusterId) return overruleCluster(state, owner, options);
  const { holder } = state;
  if (holder === null || isSameIncarnation(holder.owner, owner)) return null;
  if (holder.owner.group === owner.group) return checkGeneration(state, holder, owner, isConfirmed);
  return await overruleHolder(state, holder, options);
}

export function isSameIncarnation(a: LedgerOwner, b: LedgerOwner): boolean {
  return a.clusterId === b.clusterId && a.group === b.group && a.member === b.member;
}

/** `group analytics, member m-1, generation 7, on host:1234:0`, for messages. */
export function describeOwner(owner: LedgerOwner): string {
  return `group ${owner.group}, member ${owner.member}, generation ${owner.generation}, on ${owner.host}`;
}

function checkGeneration(
  state: ChainState,
  holder: LedgerHolder,
  owner: LedgerOwner,
  isConfirmed: boolean,
): string | null {
  if (holder.owner.generation <= owner.generation) return null;
  // The coordinator was asked after the tail was read: a yes means that the group's generations began anew.
  if (isConfirmed) return `${describeOwner(holder.owner)}: the group has begun anew at generation ${owner.generation}`;
  throw new FencedError(
    `${where(state)} is claimed by ${describeOwner(holder.owner)}; generation ${owner.generation} is older and must not claim it`,
    holder,
  );
}

async function overruleHolder(state: ChainState, holder: LedgerHolder, options: ClaimOptions): Promise<string> {
  const described = describeOwner(holder.owner);
  if (options.takeOver) return `${described}: ${options.takeOver}`;
  const proof = await options.holderIsGone?.(holder);
  if (proof) return `${described}: ${proof}`;
  throw new LedgerError(
    'held-by-other',
    `${where(state)} is held by ${described} since ${new Date(holder.claimedAtMs).toISOString()}; stop that load, wait for its end, or overrule it with --take-over`,
    { isRetriable: true },
  );
}

function overruleCluster(state: ChainState, owner: LedgerOwner, options: ClaimOptions): string {
  if (options.takeOver) return `cluster ${state.clusterId}: ${options.takeOver}`;
  throw new LedgerError(
    'held-by-other',
    `${where(state)} was loaded from cluster ${state.clusterId}, this is cluster ${owner.clusterId}: its offsets mean something else; if it really is the same log, say so with --take-over`,
  );
}

function where(state: ChainState): string {
  return `partition ${state.partition} of topic ${state.topic}`;
}
