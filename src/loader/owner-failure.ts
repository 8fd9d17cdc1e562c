import { FencedError, LedgerError } from '../offsets/index.ts';
import { type Clock, SluiceError } from '../shared/index.ts';
import { isWarehouseError } from '../warehouse/index.ts';

const maxUnexpectedErrors = 3;
/** A holder of another group may be dead and not yet known as such: it is given as long as a session may last. */
const heldPatienceMs = 60_000;

/**
 * What an owner does about an error:
 *   fenced  somebody else wrote, or may have written: ask the group
 *   again   trouble that may pass, or that we did not foresee and have not met too often: claim again after a wait
 *   stop    only a person can decide how to go on
 */
export type FailureVerdict = 'fenced' | 'again' | 'stop';

/** Remembers what an owner has met, so that the hopeless comes to an end and what passes does not. */
export class OwnerFailures {
  readonly #clock: Clock;
  #unexpectedCount = 0;
  #heldSinceMs: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The partition was claimed. */
  noteClaim(): void {
    this.#heldSinceMs = null;
  }

  /** A roll was committed: what was met before is over. */
  noteCommit(): void {
    this.#unexpectedCount = 0;
  }

  judge(error: unknown): FailureVerdict {
    if (error instanceof LedgerError) {
      if (error instanceof FencedError || error.code === 'in-doubt') return 'fenced';
      if (error.code === 'held-by-other') return error.isRetriable && this.#hasPatience() ? 'again' : 'stop';
    }
    // Our staging folder was swept while we wrote into it: that does nobody but a later claimant of the partition.
    if (isWarehouseError(error, 'not-found')) return this.#isBearable() ? 'fenced' : 'stop';
    if (isWarehouseError(error, 'no-space', 'quota-exceeded')) return 'again';
    if (error instanceof SluiceError) return error.isRetriable ? 'again' : 'stop';
    if (isShortage(error)) return 'again';
    return this.#isBearable() ? 'again' : 'stop';
  }

  #isBearable(): boolean {
    return ++this.#unexpectedCount <= maxUnexpectedErrors;
  }

  #hasPatience(): boolean {
    const nowMs = this.#clock.monotonicMs();
    this.#heldSinceMs ??= nowMs;
    return nowMs - this.#heldSinceMs < heldPatienceMs;
  }
}

/** The local disk is full, or there are no more file handles: somebody makes room, and the records are still in the log. */
function isShortage(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EMFILE' || code === 'ENFILE') return true;
  }
  return false;
}

/** Where something came from that we did not raise ourselves. */
export function stackOf(error: unknown): string | undefined {
  return error instanceof Error && !(error instanceof SluiceError) ? error.stack : undefined;
}
