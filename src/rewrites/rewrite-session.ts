/**
 * One rewrite from its intent to its end. The order is the promise:
 *
 *  1 intent record: from here on the staging folder is ours   2 stage the new files, check what arrived
 *  3 rewrite record: the commit point   4 move the replaced files aside, then the new ones to their names   5 sweep staging
 *
 * Who dies before 3 leaves an intent and a folder that the janitor (`tidyTable`) cancels and removes; who dies behind it leaves
 * moves that whoever comes next makes.
 */
import {
  type AddedFile,
  type IntentRecord,
  LedgerError,
  type PartitionRange,
  type RewriteOperation,
  type RewriteRecord,
  rewriteStaging,
  type TableFile,
  type TableRecordBody,
  type TableState,
} from '../offsets/index.ts';
import { describeError, faultPoint, SluiceError } from '../shared/index.ts';
import { createUnique, readParquetFooter, TablePaths } from '../warehouse/index.ts';
import type { RewriteContext } from './rewrite-context.ts';

/** A file that is staged and known to have arrived; its visible name is chosen with the record's number. */
export interface StagedFile extends Omit<TableFile, 'path'> {
  staged: string;
}

type RewriteBody = Extract<TableRecordBody, { kind: 'rewrite' }>;
type Change = Pick<RewriteRecord, 'replaced' | 'deduplicated' | 'replayed' | 'accounts' | 'expired' | 'hours'> & {
  added: AddedFile[];
};

export class RewriteSession {
  readonly #context: RewriteContext;
  readonly #intent: IntentRecord;
  readonly #operation: RewriteOperation;
  readonly #root: string;

  private constructor(context: RewriteContext, intent: IntentRecord, operation: RewriteOperation) {
    this.#context = context;
    this.#intent = intent;
    this.#operation = operation;
    this.#root = new TablePaths(context.table).root;
  }

  /** Throws LedgerError `conflict` when another operation holds the offsets of `scope`. */
  static async begin(
    context: RewriteContext,
    what: { operation: RewriteOperation; scope: PartitionRange | null; reason: string },
  ): Promise<RewriteSession> {
    const intent = await context.chain.append(
      (state) => ({ kind: 'intent', ...what, staging: rewriteStaging(state.sequence + 1) }),
      { signal: context.signal },
    );
    return new RewriteSession(context, intent!, what.operation);
  }

  get intent(): number {
    return this.#intent.sequence;
  }

  /** Uploads a local file and checks what arrived; gives where it lies, relative to the table. */
  async stage(localPath: string, size: number, kind: 'parquet' | 'jsonl'): Promise<string> {
    const { files, clock, signal } = this.#context;
    const folder = `${this.#root}/${this.#intent.staging}`;
    const path = await createUnique(files, folder, { localPath, size }, { suffix: `.${kind}`, clock, signal });
    if (kind === 'parquet') {
      const read = (offset: number, length: number): Promise<Buffer> => files.read(path, { offset, length, signal });
      await readParquetFooter(read, size);
    }
    faultPoint('rewrite-staged');
    return path.slice(this.#root.length + 1);
  }

  /**
   * The commit point, then the moves. `build` gives what changes, as seen from the state behind which the record will stand.
   * Throws LedgerError `conflict` when that is not true any more; the session is over then.
   */
  async commit(
    build: (state: TableState) => Change | Promise<Change>,
    options: { undoes?: number } = {},
  ): Promise<RewriteRecord> {
    const { chain, signal } = this.#context;
    const { sequence: intent, reason } = this.#intent;
    const operation = this.#operation;
    const record = await chain.append(
      async (state): Promise<RewriteBody> => ({
        kind: 'rewrite',
        operation,
        intent,
        undoes: options.undoes ?? null,
        reason,
        ...(await build(state)),
      }),
      { signal },
    );
    await chain.finishMoves({ signal });
    faultPoint('rewrite-moved');
    await this.#sweep();
    faultPoint('rewrite-swept');
    return record!;
  }

  /** Gives up: nothing of this rewrite will ever count. Does nothing when it is over already. */
  async cancel(reason: string): Promise<void> {
    const { chain, logger } = this.#context;
    const intent = this.#intent.sequence;
    try {
      await chain.append((state) => (state.intents.has(intent) ? { kind: 'cancel', intent, reason } : null));
      await this.#sweep();
    } catch (error) {
      logger.warn({ intent, reason: describeError(error) }, 'IntentNotCancelled'); // the janitor will
    }
  }

  /** Runs `work` and gives up when it fails, unless it cannot be told whether the rewrite was committed. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const isInDoubt = error instanceof LedgerError && error.code === 'in-doubt';
      if (!isInDoubt) await this.cancel(describeError(error));
      throw error;
    }
  }

  async #sweep(): Promise<void> {
    const { files, signal, logger } = this.#context;
    const folder = `${this.#root}/${this.#intent.staging}`;
    try {
      await files.delete(folder, { recursive: true, signal });
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      logger.warn({ folder, reason: describeError(error) }, 'StagingNotSwept');
    }
  }
}
