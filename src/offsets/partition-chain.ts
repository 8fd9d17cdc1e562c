/**
 * The chain of one partition: the truth about its offsets, and the fence between its owners.
 *
 * Invariants: one record per number, decided by rename-if-absent; each record carries the hash of the one before; offsets
 * continue without a hole; only the holder of the last claim appends commits; whatever a committed record names becomes
 * visible, by its owner or by the next claimant.
 *
 * One object serves one owner. Calls are carried out one after the other in the order they were made.
 */
import type { WarehouseFiles } from '../warehouse/index.ts';
import { readChain } from './chain-reader.ts';
import type { ChainState } from './chain-state.ts';
import { type ChainOptions, ChainWriter } from './chain-writer.ts';
import { type ClaimOptions, checkClaim } from './claim-rules.ts';
import { FencedError, LedgerError } from './ledger-error.ts';
import { type ChainId, chainFolder, recordName, stagingFolder } from './ledger-paths.ts';
import type { CommitRecord, GapRecord, LedgerOwner, RewindRecord } from './ledger-record.ts';
import { planRewind } from './rewind.ts';

/** What the loader knows of a roll; the chain adds the rest of the record. */
export type CommitInput = Pick<
  CommitRecord,
  'first' | 'next' | 'files' | 'deadLetters' | 'notLanded' | 'landedCount' | 'cause' | 'leaderEpoch'
>;

export class PartitionChain {
  readonly #writer: ChainWriter;
  #lastOwner: LedgerOwner | null = null;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(writer: ChainWriter) {
    this.#writer = writer;
  }

  /** Reads the tail of the chain (an empty state when there is none) and writes nothing. */
  static async open(
    files: WarehouseFiles,
    partition: ChainId & { topic: string },
    options: ChainOptions & { signal?: AbortSignal } = {},
  ): Promise<PartitionChain> {
    const { signal, ...rest } = options;
    const { topic, ...chain } = partition;
    const state = await readChain(files, chain, topic, signal);
    return new PartitionChain(new ChainWriter(files, chain, state, rest));
  }

  /** As of the last call; another owner may have gone on since. */
  get state(): ChainState {
    return this.#writer.state;
  }

  /** The checkpoint: first offset not yet committed. Null before the first claim. */
  get checkpoint(): bigint | null {
    return this.#writer.state.next;
  }

  /** The number of the next record. File names carry it; it changes with every record, so take it right before `commit`. */
  get nextSequence(): number {
    return this.#writer.state.sequence + 1;
  }

  /** Whether this object made the last claim, as far as it knows. */
  get isOwner(): boolean {
    return this.#writer.owner !== null;
  }

  /** Where the files of this claim are uploaded to, absolute. Any fresh name in it will do. */
  get stagingFolder(): string {
    const { state, owner, chain, where } = this.#writer;
    if (!owner || !state.holder) throw new FencedError(`${where} is not claimed`, state.holder);
    return stagingFolder(chain, state.holder.claimSequence);
  }

  /** Whether somebody wrote a record after the last one we know: one cheap look, for an owner that has been idle. */
  async hasSuccessor(options: { signal?: AbortSignal } = {}): Promise<boolean> {
    return await this.#serially(async () => {
      const { files, chain, state } = this.#writer;
      const folder = `${chainFolder(chain)}/${state.eraFolder}`;
      if (await files.stat(`${folder}/${recordName(state.sequence + 1)}`, options)) return true;
      return state.sequence > 0 && !(await files.stat(folder, options)); // an era long past
    });
  }

  /** Reads the tail again. Gives up ownership when somebody else wrote. */
  async refresh(options: { signal?: AbortSignal } = {}): Promise<ChainState> {
    return await this.#serially(async () => {
      const writer = this.#writer;
      const { sequence } = writer.state;
      writer.state = await this.#readTail(options.signal);
      if (writer.state.sequence !== sequence) writer.owner = null;
      return writer.state;
    });
  }

  /**
   * Makes `owner` the owner: appends a claim, then finishes the moves of earlier commits, sweeps the staging of earlier
   * claims, and ends the era when it is long. Goes on from the checkpoint of the returned state, which a last commit of
   * the owner before may have moved. Throws FencedError, or LedgerError `held-by-other` | `contended` | `in-doubt` | ...
   */
  async claim(owner: LedgerOwner, options: ClaimOptions): Promise<ChainState> {
    return await this.#serially(() => this.#claim(owner, options));
  }

  /**
   * For an owner that was fenced or is in doubt: asks the group, and claims again when this member still has the
   * partition (a late claim of a frozen member must not leave the partition with nobody). Null: stop working on it.
   */
  async reclaimIfStillOwner(
    isStillOwner: () => Promise<boolean>,
    options: { owner?: LedgerOwner; signal?: AbortSignal } = {},
  ): Promise<ChainState | null> {
    const owner = options.owner ?? this.#lastOwner;
    if (!owner || !(await isStillOwner())) return null;
    try {
      return await this.claim(owner, { startOffset: 0n, confirmMembership: isStillOwner, ...options });
    } catch (error) {
      if (error instanceof FencedError) return null;
      throw error;
    }
  }

  /**
   * The commit point of a roll. Throws FencedError when the number is taken: drop the buffers, then `reclaimIfStillOwner`.
   * LedgerError `in-doubt`: do the same, and delete none of the staged files, they may be committed. Any other error:
   * nothing was committed and the same commit may be tried again.
   */
  async commit(input: CommitInput, options: { signal?: AbortSignal } = {}): Promise<CommitRecord> {
    return await this.#serially(async () => {
      const record: CommitRecord = { ...this.#writer.base(), kind: 'commit', ...input };
      checkNames(record);
      await this.#writer.append(record, options.signal);
      return record;
    });
  }

  /** A commit of files that are visible already, under the names they have: for a ledger that is built anew. */
  async adopt(input: CommitInput, options: { signal?: AbortSignal } = {}): Promise<CommitRecord> {
    return await this.#serially(async () => {
      const record: CommitRecord = { ...this.#writer.base(), kind: 'commit', ...input };
      await this.#writer.append(record, options.signal);
      return record;
    });
  }

  /** Makes the files of all commits so far visible. Safe to repeat. */
  async finishMoves(options: { signal?: AbortSignal } = {}): Promise<void> {
    await this.#serially(() => this.#writer.finishMoves(options.signal));
  }

  /** Ends the era when it has grown long. For a steady owner between two rolls, after `finishMoves`. */
  async turnEraIfDue(options: { signal?: AbortSignal } = {}): Promise<boolean> {
    return await this.#serially(() => this.#writer.turnEraIfDue(options.signal));
  }

  /** Records that the log no longer had [first, next). `first` is the checkpoint. */
  async gap(first: bigint, next: bigint, reason: string, options: { signal?: AbortSignal } = {}): Promise<GapRecord> {
    return await this.#serially(async () => {
      const record: GapRecord = { ...this.#writer.base(), kind: 'gap', first, next, reason };
      await this.#writer.append(record, options.signal);
      return record;
    });
  }

  /** Throws LedgerError `bad-record` when the chain could not be rewound to `to`; writes nothing, and needs no claim. */
  async checkRewind(to: bigint, options: { signal?: AbortSignal } = {}): Promise<void> {
    const { files, chain, state } = this.#writer;
    await planRewind(files, chain, state, to, options.signal);
  }

  /**
   * Takes the checkpoint back to `to`, which must be where a commit or a gap begins, and retracts what came behind it. Only
   * together with the table's chain, which knows whether a rewrite has touched these offsets: see src/rewrites.
   */
  async rewind(to: bigint, reason: string, options: { signal?: AbortSignal } = {}): Promise<RewindRecord> {
    return await this.#serially(async () => {
      const writer = this.#writer;
      await writer.finishMoves(options.signal);
      const plan = await planRewind(writer.files, writer.chain, writer.state, to, options.signal);
      const record: RewindRecord = {
        ...writer.base(),
        kind: 'rewind',
        from: writer.state.next!,
        next: to,
        ...plan,
        reason,
      };
      await writer.append(record, options.signal);
      await writer.finishMoves(options.signal);
      return record;
    });
  }

  /** Ends ownership in good order, after the last moves: the next claimant need not prove anything. */
  async release(options: { signal?: AbortSignal } = {}): Promise<void> {
    await this.#serially(async () => {
      const writer = this.#writer;
      await writer.finishMoves(options.signal);
      await writer.append({ ...writer.base(), kind: 'release', next: writer.state.next! }, options.signal);
      writer.owner = null;
    });
  }

  /** Tries for the next number until the claim stands, asking the rules anew after each loss. */
  async #claim(owner: LedgerOwner, options: ClaimOptions): Promise<ChainState> {
    const writer = this.#writer;
    const { signal } = options;
    const { claimAttempts, retryMs } = writer.limits;
    writer.owner = null;
    this.#lastOwner = owner;
    await writer.readClock(signal);
    for (let attempt = 1; attempt <= claimAttempts; attempt++) {
      writer.state = await this.#readTail(signal);
      const takeOver = await checkClaim(writer.state, owner, options);
      if (await this.#tryClaim(owner, takeOver, options)) return writer.state;
      await writer.clock.sleep(retryMs * Math.min(attempt, 10), signal);
    }
    throw new LedgerError(
      'contended',
      `${writer.where}: lost the race for the next number ${claimAttempts} times; is another load claiming it again and again?`,
      { isRetriable: true },
    );
  }

  /** False: somebody else wrote in between. Whether that one may have the partition, the rules decide on the next look. */
  async #tryClaim(owner: LedgerOwner, takeOver: string | null, options: ClaimOptions): Promise<boolean> {
    const writer = this.#writer;
    writer.owner = owner;
    try {
      await writer.claim(options.startOffset, takeOver, options.signal);
      return true;
    } catch (error) {
      writer.owner = null;
      if (error instanceof FencedError) return false;
      throw error;
    }
  }

  async #readTail(signal: AbortSignal | undefined): Promise<ChainState> {
    const { files, chain, state } = this.#writer;
    return await readChain(files, chain, state.topic, signal);
  }

  async #serially<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work, work);
    this.#queue = result.catch(() => {});
    return await result;
  }
}

/** Visible names must be as unique as the record: they end with its number. */
function checkNames(record: CommitRecord): void {
  const wrong = record.files.find((file) => !new RegExp(`\\+0*${record.sequence}\\.[a-z]+$`).test(file.path));
  if (!wrong) return;
  const expected = `a name that ends with +${record.sequence}, the record's number`;
  throw new LedgerError('bad-record', `${wrong.path}: expected ${expected}`);
}
