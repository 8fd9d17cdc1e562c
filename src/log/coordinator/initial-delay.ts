/**
 * The first rebalance of an empty group waits a moment for more members, and again while some have come: members that start
 * together would otherwise go through one rebalance each. Never longer than the rebalance timeout in all.
 */
export class InitialDelay {
  readonly #stepMs: number;
  #untilMs: number;
  #leftMs: number;
  #hasNewMember = false;

  constructor(stepMs: number, maxMs: number, nowMs: number) {
    this.#stepMs = Math.min(stepMs, maxMs);
    this.#untilMs = nowMs + this.#stepMs;
    this.#leftMs = maxMs - this.#stepMs;
  }

  noteNewMember(): void {
    this.#hasNewMember = true;
  }

  /** True once, when there is nothing more to wait for. */
  isOver(nowMs: number): boolean {
    if (nowMs < this.#untilMs) return false;
    const againMs = Math.min(this.#stepMs, this.#leftMs);
    if (!this.#hasNewMember || againMs <= 0) return true;
    this.#untilMs = nowMs + againMs;
    this.#leftMs -= againMs;
    this.#hasNewMember = false;
    return false;
  }
}
