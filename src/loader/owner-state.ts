/**
 * What an owner is doing. Every state may be entered again at any time, and begins by looking at what is there:
 *
 *   starting  reads the chain
 *   claiming  makes itself the owner in the ledger, before it fetches
 *   waiting   a live owner of another group or job has the partition: asks it for a roll and looks again
 *   paused    an operator said so: holds nothing, owns nothing, and looks whether it was resumed
 *   running   takes records in until something is due
 *   rolling   sends what is open on its way into the ledger
 *   fenced    somebody else wrote the next number: has dropped everything, and asks its group by claiming again
 *   stopping  commits what is open and releases the partition
 *   stopped   the end
 */
export type OwnerState =
  | 'starting'
  | 'claiming'
  | 'waiting'
  | 'paused'
  | 'running'
  | 'rolling'
  | 'fenced'
  | 'stopping'
  | 'stopped';

/** Why an owner has stopped. */
export type OwnerEnd =
  /** The end of a bounded load is committed, by us or by somebody else. */
  | { reason: 'complete'; checkpoint: bigint }
  /** Asked to stop, and did so in good order. */
  | { reason: 'revoked' | 'shutdown' }
  /** Has nothing to say any more: what was open is dropped, and is read again by whoever owns the partition. */
  | { reason: 'lost' }
  | { reason: 'failed'; error: string };
