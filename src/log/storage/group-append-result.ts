import type { AppendGroup } from './append-group.ts';
import type { AppendResult } from './log-types.ts';

export interface AppendAnswer {
  baseOffset: bigint;
  lastOffset: bigint;
  logAppendTimeMs: bigint;
  logStartOffset: bigint;
  isDuplicate: boolean;
}

/** One of these is made per append, and often only one of its promises is asked for: they are the group's, made on demand. */
export class GroupAppendResult implements AppendResult {
  readonly baseOffset: bigint;
  readonly lastOffset: bigint;
  readonly logAppendTimeMs: bigint;
  readonly logStartOffset: bigint;
  readonly isDuplicate: boolean;
  readonly #group: AppendGroup | null;
  readonly #requestSync: (group: AppendGroup) => void;

  /** `group` is null for the duplicate of a batch that is durable already. */
  constructor(answer: AppendAnswer, group: AppendGroup | null, requestSync: (group: AppendGroup) => void) {
    this.baseOffset = answer.baseOffset;
    this.lastOffset = answer.lastOffset;
    this.logAppendTimeMs = answer.logAppendTimeMs;
    this.logStartOffset = answer.logStartOffset;
    this.isDuplicate = answer.isDuplicate;
    this.#group = group;
    this.#requestSync = requestSync;
  }

  get written(): Promise<void> {
    return this.#group ? this.#group.written.promise : Promise.resolve();
  }

  get durable(): Promise<void> {
    if (!this.#group) return Promise.resolve();
    this.#requestSync(this.#group);
    return this.#group.durable.promise;
  }
}
