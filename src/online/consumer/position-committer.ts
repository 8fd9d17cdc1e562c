import { describeError } from '../../shared/index.ts';
import type { OffsetToCommit } from '../../wire/client/index.ts';
import type { ConsumerSettings } from './consumer-options.ts';
import { keyOf } from './partition-consumer.ts';

/** Tells the group how far partitions were handled: now and then, and when somebody asks for it. */
export class PositionCommitter {
  readonly #settings: Pick<ConsumerSettings<never>, 'clock' | 'logger' | 'commitIntervalMs'>;
  readonly #commit: (offsets: readonly OffsetToCommit[], signal: AbortSignal) => Promise<void>;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  /** What was handled since the last commit. */
  #pending = new Map<string, OffsetToCommit>();

  constructor(
    settings: Pick<ConsumerSettings<never>, 'clock' | 'logger' | 'commitIntervalMs'>,
    commit: (offsets: readonly OffsetToCommit[], signal: AbortSignal) => Promise<void>,
  ) {
    this.#settings = settings;
    this.#commit = commit;
    this.#running = this.#run();
  }

  note(offset: OffsetToCommit): void {
    this.#pending.set(keyOf(offset), offset);
  }

  /** The partition is not ours any longer: what was not committed is for its next owner to read again. */
  forget(place: { topic: string; partition: number }): void {
    this.#pending.delete(keyOf(place));
  }

  /** A commit that fails is made again with the next one: later offsets include earlier ones. */
  async commit(signal: AbortSignal): Promise<boolean> {
    const offsets = this.#pending;
    if (offsets.size === 0) return true;
    this.#pending = new Map();
    try {
      await this.#commit([...offsets.values()], signal);
      return true;
    } catch (error) {
      for (const [key, offset] of offsets) if (!this.#pending.has(key)) this.#pending.set(key, offset);
      if (!this.#closing.signal.aborted) this.#settings.logger.warn({ error: describeError(error) }, 'CommitFailed');
      return false;
    }
  }

  /** Commits what is left, for at most 10 s. */
  async close(): Promise<boolean> {
    this.#closing.abort();
    await this.#running;
    return await this.commit(AbortSignal.timeout(10_000));
  }

  async #run(): Promise<void> {
    const { clock, commitIntervalMs } = this.#settings;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await clock.sleep(commitIntervalMs, signal).catch(() => {}); // the loop looks at the signal
      if (!signal.aborted) await this.commit(signal);
    }
  }
}
