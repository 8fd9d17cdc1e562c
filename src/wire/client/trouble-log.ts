import { type Clock, describeError, type Logger } from '../../shared/index.ts';

/**
 * Logs when something gets into trouble and when it gets out of it, not every attempt in between: a broker that is away for
 * an hour is two lines.
 */
export class TroubleLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  /** What is in trouble, since when (monotonic ms). */
  readonly #since = new Map<string, number>();

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /** One line for those of `names` that were well before. */
  failed(event: string, names: readonly string[], error: unknown): void {
    const newNames = names.filter((name) => !this.#since.has(name));
    for (const name of newNames) this.#since.set(name, this.#clock.monotonicMs());
    const fields = { names: newNames.length > 0 ? newNames : names, error: describeError(error) };
    this.#logger[newNames.length > 0 ? 'warn' : 'debug'](fields, event);
  }

  recovered(event: string, name: string): void {
    const sinceMs = this.#since.get(name);
    if (sinceMs === undefined) return;
    this.#since.delete(name);
    this.#logger.info({ name, afterMs: Math.round(this.#clock.monotonicMs() - sinceMs) }, event);
  }

  /** Nobody is interested any more. */
  forget(name: string): void {
    this.#since.delete(name);
  }
}
