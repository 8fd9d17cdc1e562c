import { abortScope, type Clock, SluiceError } from '../../shared/index.ts';

/**
 * What the coordinator knows a member as, and whether that can still be believed.
 *
 * A membership is unbroken from the join that began it until `lose`; generations follow each other inside it. `renew`
 * begins the next one, after whoever owned partitions was told that they are lost.
 */
export class GroupSession {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #onLost: () => void;
  #lost = abortScope();
  #memberId = '';
  #generation = -1;
  #unbrokenSince = -1;
  #lastContactMs: number;

  constructor(clock: Clock, timeoutMs: number, onLost: () => void) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#onLost = onLost;
    this.#lastContactMs = clock.monotonicMs();
  }

  /** Empty until the coordinator has given us one. */
  get memberId(): string {
    return this.#memberId;
  }

  /** The generation we have joined; -1: none. */
  get generation(): number {
    return this.#generation;
  }

  /** Aborted with the reason when the membership is lost. */
  get lostSignal(): AbortSignal {
    return this.#lost.signal;
  }

  get isLost(): boolean {
    return this.#lost.signal.aborted;
  }

  /** No answer for longer than the session timeout: others may own what we think is ours. True right after a frozen process wakes up. */
  get isOverdue(): boolean {
    return this.#generation >= 0 && this.#clock.monotonicMs() - this.#lastContactMs > this.#timeoutMs;
  }

  /** Whether we have been a member without a break since that generation, as far as we know. */
  isUnbrokenSince(generation: number): boolean {
    return !this.isLost && generation >= 0 && this.#generation >= 0 && generation >= this.#unbrokenSince;
  }

  useMemberId(memberId: string): void {
    this.#memberId = memberId;
  }

  join(memberId: string, generation: number): void {
    if (this.#generation < 0) this.#unbrokenSince = generation;
    this.#memberId = memberId;
    this.#generation = generation;
    this.confirm(this.#clock.monotonicMs());
  }

  /** The coordinator answered as to a member; `sentAtMs` is when it was asked. */
  confirm(sentAtMs: number): void {
    this.#lastContactMs = Math.max(this.#lastContactMs, sentAtMs);
  }

  /** `forgetMember`: the coordinator does not know the member id any more, so the next join asks for a new one. */
  lose(reason: string, options: { forgetMember: boolean }): void {
    this.#generation = -1;
    if (options.forgetMember) this.#memberId = '';
    if (this.isLost) return;
    this.#lost.abort(new SluiceError('membership-lost', `the membership is lost: ${reason}`, { isRetriable: true }));
    this.#onLost();
  }

  renew(): void {
    if (this.isLost) this.#lost = abortScope();
  }
}
