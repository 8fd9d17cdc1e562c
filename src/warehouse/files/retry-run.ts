import { type Clock, describeError, type Logger } from '../../shared/index.ts';
import { WarehouseError } from './warehouse-error.ts';

/** How long and how often a call that failed for a passing reason is made again. */
export interface RetryPolicy {
  /** Upper bound of the first pause; it doubles with every round. A pause is random between 0 and the bound (full jitter). */
  firstDelayMs: number;
  maxDelayMs: number;
  /** After this long the call fails with `unavailable` (or what else stood in its way). Safe mode is waited out for ever. */
  giveUpAfterMs: number;
  /** How often trouble that lasts is logged again. */
  alarmEveryMs: number;
}

export const defaultRetryPolicy: RetryPolicy = {
  firstDelayMs: 300,
  maxDelayMs: 15_000,
  giveUpAfterMs: 600_000,
  alarmEveryMs: 60_000,
};

export interface RetryContext {
  policy: RetryPolicy;
  clock: Clock;
  /** Uniform in [0, 1). */
  random: () => number;
  logger: Logger;
}

/** Why an attempt failed, as far as it matters for the next one. */
export interface AttemptFailure {
  error: WarehouseError;
  /** Waited out without an upper bound: only people end a safe mode, and the log keeps the data meanwhile. */
  isSafeMode?: boolean;
  /** Another server can be asked at once. */
  isOtherServerUntried?: boolean;
}

/** The attempts of one call. */
export class RetryRun {
  readonly #context: RetryContext;
  readonly #what: string;
  readonly #startMs: number;
  #boundedSinceMs: number;
  #round = 0;
  #nextAlarmMs = 0;

  constructor(context: RetryContext, what: string) {
    this.#context = context;
    this.#what = what;
    this.#startMs = context.clock.monotonicMs();
    this.#boundedSinceMs = this.#startMs;
  }

  /** Pauses before the next attempt; throws the failure when it is not to be made. */
  async pause(failure: AttemptFailure, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const { clock, policy, random } = this.#context;
    const nowMs = clock.monotonicMs();
    if (failure.isSafeMode) this.#boundedSinceMs = nowMs;
    const triedMs = nowMs - this.#boundedSinceMs;
    if (triedMs >= policy.giveUpAfterMs) throw givenUp(failure.error, triedMs);
    this.#maybeAlarm(failure, nowMs);
    if (failure.isOtherServerUntried) return;
    const bound = Math.min(policy.maxDelayMs, policy.firstDelayMs * 2 ** Math.min(this.#round++, 30));
    await clock.sleep(Math.ceil(random() * bound), signal);
  }

  #maybeAlarm(failure: AttemptFailure, nowMs: number): void {
    if (nowMs < this.#nextAlarmMs) return;
    const { logger, policy } = this.#context;
    const isFirst = this.#nextAlarmMs === 0;
    this.#nextAlarmMs = nowMs + policy.alarmEveryMs;
    const fields = {
      call: this.#what,
      waitedMs: Math.round(nowMs - this.#startMs),
      reason: describeError(failure.error),
    };
    const level = isFirst ? 'warn' : 'error';
    logger[level](fields, failure.isSafeMode ? 'SafeModeMet' : 'WarehouseCallRetried');
  }
}

function givenUp(error: WarehouseError, triedMs: number): WarehouseError {
  const message = `${error.message} (tried for ${Math.round(triedMs / 1000)} s)`;
  return new WarehouseError(error.code, message, { cause: error.cause, isRetriable: error.isRetriable });
}
