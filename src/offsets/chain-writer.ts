import { randomBytes } from 'node:crypto';
import { type Clock, describeError, type Logger, silentLogger, systemClock } from '../shared/index.ts';
import type { WarehouseFiles } from '../warehouse/index.ts';
import { isNotFound, readTail, signalOption } from './chain-reader.ts';
import { applyRecord, type ChainState, withAllPublished } from './chain-state.ts';
import { describeOwner } from './claim-rules.ts';
import { pruneEras, sweepSnapshots, writeSnapshot } from './era-turn.ts';
import { FencedError, LedgerError } from './ledger-error.ts';
import { type ChainId, chainFolder, eraFolderName, recordName, relativePath } from './ledger-paths.ts';
import {
  type CommitRecord,
  type EraEndRecord,
  type LedgerOwner,
  type LedgerRecord,
  ledgerFormatVersion,
  type SnapshotPointer,
} from './ledger-record.ts';
import { type PartitionFormat, partitionFormat } from './partition-format.ts';
import { type AppendContext, appendRecord } from './record-appender.ts';
import { setRetractedAside } from './rewind.ts';
import { moveStagedFiles, sweepStaging } from './staged-moves.ts';
import { tableFormat } from './table-chain/table-format.ts';
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

const defaults = {
  eraRecords: 500,
  eraBytes: 32 * 1024 * 1024,
  pruneGraceMs: 3_600_000,
  attempts: 5,
  retryMs: 200,
  claimAttempts: 20,
};

/**
 * What an owner does to its chain, one step at a time: append the next record, move files, end eras. Holds the state as of
 * the last record it knows of. Not safe for concurrent calls; `PartitionChain` puts them in order.
 */
export class ChainWriter {
  readonly files: WarehouseFiles;
  readonly chain: ChainId;
  readonly clock: Clock;
  readonly limits: typeof defaults;
  state: ChainState;
  /** Null when the last claim is not ours, or may not be. */
  owner: LedgerOwner | null = null;
  readonly #context: AppendContext<LedgerRecord>;
  readonly #format: PartitionFormat;
  readonly #logger: Logger;
  #clockSkewMs = 0;

  constructor(files: WarehouseFiles, chain: ChainId, state: ChainState, options: ChainOptions) {
    const { clock = systemClock, logger = silentLogger, unique, ...limits } = options;
    this.files = files;
    this.chain = chain;
    this.state = state;
    this.clock = clock;
    this.limits = { ...defaults, ...limits };
    this.#logger = logger.child({ table: chain.table, topic: state.topic, partition: chain.partition });
    const { attempts, retryMs } = this.limits;
    this.#format = partitionFormat(chain, state.topic);
    this.#context = {
      files,
      format: this.#format,
      clock,
      attempts,
      retryMs,
      unique: unique ?? (() => randomBytes(8).toString('hex')),
    };
  }

  /** For messages. */
  get where(): string {
    return `${this.chain.table}: partition ${this.chain.partition} of topic ${this.state.topic}`;
  }

  /** Records carry the warehouse's clock; it is asked once per claim. */
  async readClock(signal: AbortSignal | undefined): Promise<void> {
    this.#clockSkewMs = (await this.files.nowMs(signalOption(signal))) - this.clock.nowMs();
  }

  /** Appends and applies; whatever makes ownership uncertain ends it. */
  async append(record: LedgerRecord, signal: AbortSignal | undefined): Promise<void> {
    const path = `${chainFolder(this.chain)}/${this.state.eraFolder}/${recordName(record.sequence)}`;
    const state = this.#apply(record, path);
    try {
      const result = await appendRecord(this.#context, this.state.eraFolder, record, signal);
      if (result.outcome === 'lost') throw fencedBy(result.by, path);
      const { bytes, hash } = result.encoded;
      const isNewEra = state.era !== this.state.era;
      this.state = { ...state, lastHash: hash, eraBytes: isNewEra ? 0 : state.eraBytes + bytes.length };
    } catch (error) {
      const isUncertain = error instanceof LedgerError && error.code !== 'bad-record' && error.code !== 'file-mismatch';
      if (isUncertain) this.owner = null;
      throw error;
    }
  }

  /** The state behind `record`; a caller's record that would break the chain is refused before anything is written. */
  #apply(record: LedgerRecord, path: string): ChainState {
    try {
      return applyRecord(this.state, record, '', 0, path);
    } catch (error) {
      throw new LedgerError('bad-record', error instanceof Error ? error.message : String(error), {
        cause: error,
        path,
      });
    }
  }

  /** What every record has. Throws FencedError when there is no owner. */
  base() {
    const owner = this.owner;
    const { holder, era, sequence, topic, lastHash, publishedThrough } = this.state;
    if (!owner) throw new FencedError(`${this.where} is not claimed (any more)`, holder);
    return {
      formatVersion: ledgerFormatVersion,
      era,
      sequence: sequence + 1,
      topic,
      topicId: this.chain.topicId,
      partition: this.chain.partition,
      owner,
      attempt: this.#context.unique(),
      writtenAtMs: Math.round(this.clock.nowMs() + this.#clockSkewMs),
      previousHash: lastHash,
      publishedThrough,
    };
  }

  /** Claims for the owner that is set, and does what a claimant owes: the moves of earlier commits, the sweep, the era's end. */
  async claim(startOffset: bigint, takeOver: string | null, signal: AbortSignal | undefined): Promise<void> {
    if (this.state.sequence === 0) await this.#beginChain(startOffset, signal);
    const next = this.state.next!;
    await this.append({ ...this.base(), kind: 'claim', next, takeOver }, signal);
    const { sequence } = this.state;
    this.#logger.info({ sequence, checkpoint: next, takeOver }, 'PartitionClaimed');
    await this.finishMoves(signal);
    await this.#tidy('StagingNotSwept', signal, () => sweepStaging(this.files, this.chain, sequence, signal));
    await this.#tidy('EraNotTurned', signal, () => this.turnEraIfDue(signal));
  }

  /** Era 0: one record that closes it and opens era 1. Its slot is never free again, so making its folder late does no harm. */
  async #beginChain(startOffset: bigint, signal: AbortSignal | undefined): Promise<void> {
    const eraFolder = eraFolderName(0, '');
    await this.files.mkdirs(`${chainFolder(this.chain)}/${eraFolder}`, signalOption(signal));
    this.state = { ...this.state, eraFolder };
    await this.#endEra({ first: startOffset, next: startOffset, snapshot: null }, signal);
  }

  async turnEraIfDue(signal: AbortSignal | undefined): Promise<boolean> {
    const { eraRecordCount, eraBytes, eraFirstSequence, pending } = this.state;
    const isDue = eraRecordCount >= this.limits.eraRecords || eraBytes >= this.limits.eraBytes;
    if (!isDue || pending.length > 0 || !this.owner) return false;
    const snapshot = await this.#writeSnapshot(signal);
    await this.#endEra({ first: this.state.first!, next: this.state.next!, snapshot }, signal);
    await this.#tidy('EraNotPruned', signal, async () => {
      await sweepSnapshots(this.files, this.#format, eraFirstSequence, this.state, signal);
      await pruneEras(this.files, this.#format, this.state, this.limits.pruneGraceMs, signal);
    });
    this.#logger.info({ era: this.state.era, sequence: this.state.sequence }, 'EraTurned');
    return true;
  }

  async #writeSnapshot(signal: AbortSignal | undefined): Promise<SnapshotPointer> {
    try {
      return await writeSnapshot(this.files, this.#format, this.state, this.#context.unique(), signal);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.owner = null; // a later owner has ended this era, and swept what we were about to read
      throw new FencedError(`${this.where}: era ${this.state.era} is past`, null, { cause: error });
    }
  }

  async #endEra(
    part: Pick<EraEndRecord, 'first' | 'next' | 'snapshot'>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { era, holder, lastCommit, leaderEpoch, totals } = this.state;
    const retractions = this.state.retractions.length > 0 ? [...this.state.retractions] : undefined;
    const nextFolder = eraFolderName(era + 1, this.#context.unique());
    await this.files.mkdirs(`${chainFolder(this.chain)}/${nextFolder}`, signalOption(signal));
    const base = this.base();
    await this.append(
      { ...base, kind: 'era-end', ...part, nextFolder, holder, lastCommit, leaderEpoch, totals, retractions },
      signal,
    );
  }

  async finishMoves(signal: AbortSignal | undefined): Promise<void> {
    if (this.state.pending.length === 0) return;
    for (const record of this.state.pending) {
      if (record.kind === 'commit') await this.#move(record, signal);
      else if (record.kind === 'rewind') await setRetractedAside(this.files, this.chain.table, record, signal);
      else await setVoidFilesAside(this.files, this.chain, record, signal);
    }
    this.state = withAllPublished(this.state);
  }

  /** A file that is gone may have been replaced since: by a rewrite that found it visible before the ledger said so. */
  async #move(record: CommitRecord, signal: AbortSignal | undefined): Promise<void> {
    const isReplaced = async (path: string): Promise<boolean> => {
      const { replaced } = await readTail(this.files, tableFormat(this.chain.table), signal);
      return replaced.has(relativePath(this.chain.table, path));
    };
    await moveStagedFiles(this.files, this.chain.table, record, signal, isReplaced);
  }

  /** House-keeping that fails leaves rubbish for the next time; only what the ledger says is final. */
  async #tidy(event: string, signal: AbortSignal | undefined, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof LedgerError) throw error;
      this.#logger.warn({ reason: describeError(error) }, event);
    }
  }
}

function fencedBy(record: LedgerRecord, path: string): FencedError {
  const holder =
    record.kind === 'claim'
      ? { owner: record.owner, claimSequence: record.sequence, claimedAtMs: record.writtenAtMs }
      : null;
  return new FencedError(`${path} is taken: a ${record.kind} by ${describeOwner(record.owner)}`, holder);
}
