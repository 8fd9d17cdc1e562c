/**
 * The chain of one partition: the truth about its offsets, and the fence between its owners.
 *
 * Invariants: one record per number, decided by rename-if-absent; each record carries the hash of the one before; offsets
 * continue without a hole; only the holder of the last claim appends commits; whatever a committed record names becomes
 * visible, by its owner or by the next claimant.
 *
 * One object serves one owner. Calls are carried out one after the other in the order they were made.
 */
import { randomBytes } from 'node:crypto';
import { type Clock, type Logger, silentLogger, systemClock } from '../shared/index.ts';
import type { WarehouseFiles } from '../warehouse/index.ts';
import { isNotFound, readChain } from './chain-reader.ts';
import { applyRecord, type ChainState, withAllPublished } from './chain-state.ts';
import { type ClaimOptions, checkClaim, describeOwner } from './claim-rules.ts';
import { pruneEras, sweepSnapshots, writeSnapshot } from './era-turn.ts';
import { FencedError, LedgerError } from './ledger-error.ts';
import { type ChainId, chainFolder, eraFolderName, recordName, stagingFolder } from './ledger-paths.ts';
import {
  type ClaimRecord,
  type CommitRecord,
  type EraEndRecord,
  type GapRecord,
  type LedgerOwner,
  type LedgerRecord,
  ledgerFormatVersion,
  type ReleaseRecord,
  type SnapshotPointer,
} from './ledger-record.ts';
import { type AppendContext, appendRecord } from './record-appender.ts';
import { moveStagedFiles, sweepStaging } from './staged-moves.ts';
import { setVoidFilesAside } from './void-files.ts';

export interface ChainOptions {
  clock?: Clock;
  logger?: Logger;
  /** A fresh name of lower-case letters and digits with each call. */
  unique?: () => string;
  /** An era with more records (or more bytes) than this is ended by its holder. Default 500, and 32 MiB. */
  eraRecords?: number;
  eraBytes?: number;
  /** Eras before the previous one, and temporary files, are removed when they are older. Default one hour. */
  pruneGraceMs?: number;
  /** Further tries after a lost answer, and the wait before the first of them. Default 5 tries, 200 ms. */
  attempts?: number;
  retryMs?: number;
  /** Claims that lost the race for a number before giving up with `contended`. Default 20. */
  claimAttempts?: number;
}

/** What the loader knows of a roll; the chain adds the rest of the record. */
export type CommitInput = Pick<
  CommitRecord,
  'first' | 'next' | 'files' | 'deadLetters' | 'notLanded' | 'landedCount' | 'cause' | 'leaderEpoch'
>;

const defaults = {
  eraRecords: 500,
  eraBytes: 32 * 1024 * 1024,
  pruneGraceMs: 3_600_000,
  attempts: 5,
  retryMs: 200,
  claimAttempts: 20,
};

export class PartitionChain {
  readonly #files: WarehouseFiles;
  readonly #chain: ChainId;
  readonly #context: AppendContext;
  readonly #limits: typeof defaults;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** As of the last record we know of. */
  #state: ChainState;
  #owner: LedgerOwner | null = null;
  #lastOwner: LedgerOwner | null = null;
  #clockSkewMs = 0;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(files: WarehouseFiles, chain: ChainId, state: ChainState, options: ChainOptions) {
    const { clock, logger, unique, ...limits } = options;
    this.#files = files;
    this.#chain = chain;
    this.#state = state;
    this.#clock = clock ?? systemClock;
    this.#logger = (logger ?? silentLogger).child({
      table: chain.table,
      topic: state.topic,
      partition: chain.partition,
    });
    this.#limits = { ...defaults, ...limits };
    this.#context = {
      files,
      chain,
      clock: this.#clock,
      unique: unique ?? (() => randomBytes(8).toString('hex')),
      attempts: this.#limits.attempts,
      retryMs: this.#limits.retryMs,
    };
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
    return new PartitionChain(files, chain, state, rest);
  }

  /** As of the last call; another owner may have gone on since. */
  get state(): ChainState {
    return this.#state;
  }

  /** The checkpoint: first offset not yet committed. Null before the first claim. */
  get checkpoint(): bigint | null {
    return this.#state.next;
  }

  /** The number of the next record. File names carry it; it changes with every record, so take it right before `commit`. */
  get nextSequence(): number {
    return this.#state.sequence + 1;
  }

  /** Whether this object made the last claim, as far as it knows. */
  get isOwner(): boolean {
    return this.#owner !== null;
  }

  /** Where the files of this claim are uploaded to, absolute. Any fresh name in it will do. */
  get stagingFolder(): string {
    const { holder } = this.#state;
    if (!this.#owner || !holder) throw new FencedError(`${this.#where()} is not claimed`, holder);
    return stagingFolder(this.#chain, holder.claimSequence);
  }

  /** Whether somebody wrote a record after the last one we know: one cheap look, for an owner that has been idle. */
  async hasSuccessor(options: { signal?: AbortSignal } = {}): Promise<boolean> {
    return await this.#serially(async () => {
      const { eraFolder, sequence } = this.#state;
      const folder = `${chainFolder(this.#chain)}/${eraFolder}`;
      if (await this.#files.stat(`${folder}/${recordName(sequence + 1)}`, options)) return true;
      return sequence > 0 && !(await this.#files.stat(folder, options)); // an era long past
    });
  }

  /** Reads the tail again. Gives up ownership when somebody else wrote. */
  async refresh(options: { signal?: AbortSignal } = {}): Promise<ChainState> {
    return await this.#serially(() => this.#refresh(options.signal));
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
      const record: CommitRecord = { ...this.#base(), kind: 'commit', ...input };
      this.#checkNames(record);
      await this.#append(record, options.signal);
      return record;
    });
  }

  /** Makes the files of all commits so far visible. Safe to repeat. */
  async finishMoves(options: { signal?: AbortSignal } = {}): Promise<void> {
    await this.#serially(() => this.#finishMoves(options.signal));
  }

  /** Ends the era when it has grown long. For a steady owner between two rolls, after `finishMoves`. */
  async turnEraIfDue(options: { signal?: AbortSignal } = {}): Promise<boolean> {
    return await this.#serially(() => this.#turnEraIfDue(options.signal));
  }

  /** Records that the log no longer had [first, next). `first` is the checkpoint. */
  async gap(first: bigint, next: bigint, reason: string, options: { signal?: AbortSignal } = {}): Promise<GapRecord> {
    return await this.#serially(async () => {
      const record: GapRecord = { ...this.#base(), kind: 'gap', first, next, reason };
      await this.#append(record, options.signal);
      return record;
    });
  }

  /** Ends ownership in good order, after the last moves: the next claimant need not prove anything. */
  async release(options: { signal?: AbortSignal } = {}): Promise<void> {
    await this.#serially(async () => {
      await this.#finishMoves(options.signal);
      const record: ReleaseRecord = { ...this.#base(), kind: 'release', next: this.#next() };
      await this.#append(record, options.signal);
      this.#owner = null;
    });
  }

  async #refresh(signal: AbortSignal | undefined): Promise<ChainState> {
    const { sequence } = this.#state;
    this.#state = await readChain(this.#files, this.#chain, this.#state.topic, signal);
    if (this.#state.sequence !== sequence) this.#owner = null;
    return this.#state;
  }

  /** Tries for the next number until the claim stands, asking the rules anew after each loss. */
  async #claim(owner: LedgerOwner, options: ClaimOptions): Promise<ChainState> {
    const { signal } = options;
    this.#owner = null;
    this.#lastOwner = owner;
    this.#clockSkewMs = (await this.#files.nowMs(signal ? { signal } : {})) - this.#clock.nowMs();
    for (let attempt = 1; attempt <= this.#limits.claimAttempts; attempt++) {
      this.#state = await readChain(this.#files, this.#chain, this.#state.topic, signal);
      const takeOver = await checkClaim(this.#state, owner, options);
      if (await this.#tryClaim(owner, takeOver, options)) return this.#state;
      await this.#clock.sleep(this.#limits.retryMs * Math.min(attempt, 10), signal);
    }
    throw new LedgerError(
      'contended',
      `${this.#where()}: lost the race for the next number ${this.#limits.claimAttempts} times; is another load claiming it again and again?`,
      { isRetriable: true },
    );
  }

  /** False: somebody else wrote in between. Whether that one may have the partition, the rules decide on the next look. */
  async #tryClaim(owner: LedgerOwner, takeOver: string | null, options: ClaimOptions): Promise<boolean> {
    const { signal, startOffset } = options;
    this.#owner = owner;
    try {
      if (this.#state.sequence === 0) await this.#beginChain(startOffset, signal);
      const record: ClaimRecord = { ...this.#base(), kind: 'claim', next: this.#next(), takeOver };
      await this.#append(record, signal);
      this.#logger.info({ sequence: record.sequence, checkpoint: record.next, takeOver }, 'PartitionClaimed');
      await this.#finishMoves(signal);
      await sweepStaging(this.#files, this.#chain, record.sequence, signal);
      await this.#turnEraIfDue(signal);
      return true;
    } catch (error) {
      this.#owner = null;
      if (error instanceof FencedError) return false;
      throw error;
    }
  }

  /** Era 0: one record that closes it and opens era 1. Its slot is never free again, so making its folder late does no harm. */
  async #beginChain(startOffset: bigint, signal: AbortSignal | undefined): Promise<void> {
    const eraFolder = eraFolderName(0, '');
    await this.#files.mkdirs(`${chainFolder(this.#chain)}/${eraFolder}`, signal ? { signal } : {});
    this.#state = { ...this.#state, eraFolder };
    await this.#endEra({ first: startOffset, next: startOffset, snapshot: null }, signal);
  }

  async #turnEraIfDue(signal: AbortSignal | undefined): Promise<boolean> {
    const { eraRecordCount, eraBytes, eraFirstSequence, pending } = this.#state;
    const isDue = eraRecordCount >= this.#limits.eraRecords || eraBytes >= this.#limits.eraBytes;
    if (!isDue || pending.length > 0 || !this.#owner) return false;
    const snapshot = await this.#writeSnapshot(signal);
    await this.#endEra({ first: this.#state.first!, next: this.#next(), snapshot }, signal);
    await sweepSnapshots(this.#files, this.#chain, eraFirstSequence, this.#state, signal);
    await pruneEras(this.#files, this.#chain, this.#state, this.#limits.pruneGraceMs, signal);
    this.#logger.info({ era: this.#state.era, sequence: this.#state.sequence }, 'EraTurned');
    return true;
  }

  async #writeSnapshot(signal: AbortSignal | undefined): Promise<SnapshotPointer> {
    try {
      return await writeSnapshot(this.#files, this.#chain, this.#state, this.#context.unique(), signal);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#owner = null; // a later owner has ended this era, and swept what we were about to read
      throw new FencedError(`${this.#where()}: era ${this.#state.era} is past`, null, { cause: error });
    }
  }

  async #endEra(
    part: Pick<EraEndRecord, 'first' | 'next' | 'snapshot'>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { era, holder, lastCommit, leaderEpoch, totals } = this.#state;
    const nextFolder = eraFolderName(era + 1, this.#context.unique());
    await this.#files.mkdirs(`${chainFolder(this.#chain)}/${nextFolder}`, signal ? { signal } : {});
    const base = this.#base();
    await this.#append(
      { ...base, kind: 'era-end', ...part, nextFolder, holder, lastCommit, leaderEpoch, totals },
      signal,
    );
  }

  async #finishMoves(signal: AbortSignal | undefined): Promise<void> {
    if (this.#state.pending.length === 0) return;
    for (const record of this.#state.pending) {
      if (record.kind === 'commit') await moveStagedFiles(this.#files, this.#chain.table, record, signal);
      else await setVoidFilesAside(this.#files, this.#chain, record, signal);
    }
    this.#state = withAllPublished(this.#state);
  }

  /** Appends and applies; whatever makes ownership uncertain ends it. */
  async #append(record: LedgerRecord, signal: AbortSignal | undefined): Promise<void> {
    const path = `${chainFolder(this.#chain)}/${this.#state.eraFolder}/${recordName(record.sequence)}`;
    const state = this.#apply(record, path);
    try {
      const result = await appendRecord(this.#context, this.#state.eraFolder, record, signal);
      if (result.outcome === 'lost') throw fencedBy(result.by, path);
      const { bytes, hash } = result.encoded;
      const isNewEra = state.era !== this.#state.era;
      this.#state = { ...state, lastHash: hash, eraBytes: isNewEra ? 0 : state.eraBytes + bytes.length };
    } catch (error) {
      const isUncertain = error instanceof LedgerError && error.code !== 'bad-record' && error.code !== 'file-mismatch';
      if (isUncertain) this.#owner = null;
      throw error;
    }
  }

  /** The state behind `record`; a caller's record that would break the chain is refused before anything is written. */
  #apply(record: LedgerRecord, path: string): ChainState {
    try {
      return applyRecord(this.#state, record, '', 0, path);
    } catch (error) {
      throw new LedgerError('bad-record', error instanceof Error ? error.message : String(error), {
        cause: error,
        path,
      });
    }
  }

  #base() {
    const owner = this.#owner;
    const { holder, era, sequence, topic, lastHash, publishedThrough } = this.#state;
    if (!owner) throw new FencedError(`${this.#where()} is not claimed (any more)`, holder);
    return {
      formatVersion: ledgerFormatVersion,
      era,
      sequence: sequence + 1,
      topic,
      topicId: this.#chain.topicId,
      partition: this.#chain.partition,
      owner,
      attempt: this.#context.unique(),
      writtenAtMs: Math.round(this.#clock.nowMs() + this.#clockSkewMs),
      previousHash: lastHash,
      publishedThrough,
    };
  }

  #next(): bigint {
    return this.#state.next!;
  }

  #where(): string {
    return `${this.#chain.table}: partition ${this.#chain.partition} of topic ${this.#state.topic}`;
  }

  /** Visible names must be as unique as the record: they end with its number. */
  #checkNames(record: CommitRecord): void {
    const wrong = record.files.find((file) => !new RegExp(`\\+0*${record.sequence}\\.[a-z]+$`).test(file.path));
    if (!wrong) return;
    throw new LedgerError(
      'bad-record',
      `${wrong.path}: expected a name that ends with +${record.sequence}, the record's number`,
    );
  }

  async #serially<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work, work);
    this.#queue = result.catch(() => {});
    return await result;
  }
}

function fencedBy(record: LedgerRecord, path: string): FencedError {
  const holder =
    record.kind === 'claim'
      ? { owner: record.owner, claimSequence: record.sequence, claimedAtMs: record.writtenAtMs }
      : null;
  return new FencedError(`${path} is taken: a ${record.kind} by ${describeOwner(record.owner)}`, holder);
}
