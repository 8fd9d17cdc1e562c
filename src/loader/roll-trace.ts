import type { RollCause } from '../offsets/index.ts';
import type { Clock } from '../shared/index.ts';

/** One step on the way of a roll. Times are epoch ms. */
export interface RollStep {
  name: RollStepName;
  startedMs: number;
  endedMs: number;
}

/**
 * fetch: from the first batch to the moment the roll was due, with decoding and encoding; seal: Parquet files finished;
 * upload: into staging and checked; commit: the ledger record; publish: files moved to their visible names; position: the
 * checkpoint shown to the group; turn-era: house-keeping of the chain.
 */
export type RollStepName = 'fetch' | 'seal' | 'upload' | 'commit' | 'publish' | 'position' | 'turn-era';

/** The way of one roll from the first batch that was fetched for it to its end. */
export interface RollTrace {
  topic: string;
  partition: number;
  first: bigint;
  /** Exclusive. */
  next: bigint;
  cause: RollCause;
  rowCount: bigint;
  deadCount: bigint;
  fileCount: number;
  bytes: number;
  steps: RollStep[];
  /** Null: it landed. */
  error: string | null;
}

/** Notes when the steps of a roll began and ended. */
export class RollSteps {
  readonly steps: RollStep[] = [];
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A step that is over: it began at `startedMs`. */
  note(name: RollStepName, startedMs: number): void {
    this.steps.push({ name, startedMs, endedMs: this.#clock.nowMs() });
  }

  /** Runs a step; noted also when it fails. */
  async time<T>(name: RollStepName, work: () => Promise<T>): Promise<T> {
    const startedMs = this.#clock.nowMs();
    try {
      return await work();
    } finally {
      this.note(name, startedMs);
    }
  }
}
