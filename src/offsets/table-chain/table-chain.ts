/**
 * The chain of a table: what changes its files without moving an offset. Nobody owns it: whoever wants to write looks at the
 * state, builds a record, and tries for the next number; who loses it looks again and validates again. So two compactors, a
 * janitor, a closer of hours and an operator are put in order by rename-if-absent alone.
 *
 * One object serves one user. Calls are carried out one after the other in the order they were made.
 */
import { randomBytes } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { type Clock, describeError, type Logger, silentLogger, systemClock } from '../../shared/index.ts';
import type { WarehouseFiles } from '../../warehouse/index.ts';
import { readRecords } from '../chain-history.ts';
import { isNotFound, readRecord, readTail, signalOption } from '../chain-reader.ts';
import { pruneEras, sweepSnapshots, writeSnapshot } from '../era-turn.ts';
import { FencedError, LedgerError } from '../ledger-error.ts';
import { eraFolderName, recordName } from '../ledger-paths.ts';
import { type AppendContext, appendRecord } from '../record-appender.ts';
import { type TableFormat, tableFormat } from './table-format.ts';
import { moveRewrittenFiles } from './table-moves.ts';
import { statesFolder } from './table-paths.ts';
import { type TableRecord, type TableRecordBody, type TableWriter, tableFormatVersion } from './table-record.ts';
import { refusalOf } from './table-rules.ts';
import { type TableState, withAllMoved } from './table-state.ts';
import { writeStateFile } from './table-state-file.ts';

export interface TableChainOptions {
  clock?: Clock;
  logger?: Logger;
  /** A fresh name of lower-case letters and digits with each call. */
  unique?: () => string;
  /** For people; the process when left out. */
  writer?: TableWriter;
  /** An era with more records (or more bytes) than this is ended. Default 500, and 32 MiB. */
  eraRecords?: number;
  eraBytes?: number;
  /** Eras before the previous one, and temporary files, are removed when they are older. Default one hour. */
  pruneGraceMs?: number;
  /** Further tries after a lost answer, and the wait before the first of them. Default 5 tries, 200 ms. */
  attempts?: number;
  retryMs?: number;
  /** Lost races for a number before giving up with `contended`. Default 50. */
  appendAttempts?: number;
}

const defaults = {
  eraRecords: 500,
  eraBytes: 32 * 1024 * 1024,
  pruneGraceMs: 3_600_000,
  attempts: 5,
  retryMs: 200,
  appendAttempts: 50,
};

export class TableChain {
  readonly table: string;
  readonly #files: WarehouseFiles;
  readonly #format: TableFormat;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #writer: TableWriter;
  readonly #limits: typeof defaults;
  readonly #context: AppendContext<TableRecord>;
  #state: TableState;
  /** The state could not be brought up to date: it is read from the start at the next call. */
  #isStale = false;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(files: WarehouseFiles, table: string, state: TableState, options: TableChainOptions) {
    const { clock = systemClock, logger = silentLogger, unique, writer, ...limits } = options;
    this.table = table;
    this.#files = files;
    this.#format = tableFormat(table);
    this.#clock = clock;
    this.#logger = logger.child({ table });
    this.#writer = writer ?? thisProcess();
    this.#limits = { ...defaults, ...limits };
    this.#state = state;
    const { attempts, retryMs } = this.#limits;
    this.#context = {
      files,
      format: this.#format,
      clock,
      attempts,
      retryMs,
      unique: unique ?? (() => randomBytes(8).toString('hex')),
    };
  }

  /** Reads the chain (an empty state when there is none) and writes nothing. */
  static async open(
    files: WarehouseFiles,
    table: string,
    options: TableChainOptions & { signal?: AbortSignal } = {},
  ): Promise<TableChain> {
    const { signal, ...rest } = options;
    return new TableChain(files, table, await readTail(files, tableFormat(table), signal), rest);
  }

  /** As of the last call. The maps in it change with the next call: copy what must stay. */
  get state(): TableState {
    return this.#state;
  }

  /** A fresh name, for files in a staging folder. */
  unique(): string {
    return this.#context.unique();
  }

  /** Reads what was written since; gives the state. */
  async refresh(options: { signal?: AbortSignal } = {}): Promise<TableState> {
    return await this.#serially(() => this.#refresh(options.signal));
  }

  /**
   * Appends the record that `build` makes of the newest state, building and validating it anew whenever somebody else was
   * faster; null: there is nothing to write. `build` is called with the state behind which the record will stand, so its number
   * is `state.sequence + 1`. Throws LedgerError `conflict` when the record would not be true (any more), `in-doubt` when it cannot be
   * told whether it was written (delete nothing then), `contended` after too many lost races.
   */
  async append<B extends TableRecordBody>(
    build: (state: TableState) => B | null | Promise<B | null>,
    options: { signal?: AbortSignal } = {},
  ): Promise<Extract<TableRecord, { kind: B['kind'] }> | null> {
    return await this.#serially(async () => {
      const record = await this.#append(build, options.signal);
      if (record) await this.#tidy('EraNotTurned', options.signal, () => this.#turnEraIfDue(options.signal));
      return record as Extract<TableRecord, { kind: B['kind'] }> | null;
    });
  }

  /** Makes the moves of all rewrites so far. Safe to repeat, and for several at a time. */
  async finishMoves(options: { signal?: AbortSignal } = {}): Promise<void> {
    await this.#serially(() => this.#finishMoves(options.signal));
  }

  /** All records from the oldest on, as of the last call. */
  history(options: { signal?: AbortSignal } = {}): AsyncGenerator<TableRecord> {
    return readRecords(this.#files, this.#format, this.#state, options.signal);
  }

  async #refresh(signal: AbortSignal | undefined): Promise<TableState> {
    if (this.#isStale || this.#state.sequence === 0) return await this.#reread(signal);
    this.#isStale = true;
    for (;;) {
      const { eraFolder, sequence } = this.#state;
      try {
        const read = await readRecord<TableRecord>(this.#files, this.#format, eraFolder, sequence + 1, signal);
        if (this.#format.isVoiding(read.record)) return await this.#reread(signal); // what we know of is void
        this.#state = this.#format.apply(this.#state, read);
      } catch (error) {
        if (!isNotFound(error)) throw error;
        const folder = await this.#files.stat(`${this.#format.folder}/${eraFolder}`, signalOption(signal));
        if (!folder) return await this.#reread(signal);
        this.#isStale = false;
        return this.#state;
      }
    }
  }

  async #reread(signal: AbortSignal | undefined): Promise<TableState> {
    this.#isStale = true;
    this.#state = await readTail(this.#files, this.#format, signal);
    this.#isStale = false;
    return this.#state;
  }

  async #append(
    build: (state: TableState) => TableRecordBody | null | Promise<TableRecordBody | null>,
    signal: AbortSignal | undefined,
  ): Promise<TableRecord | null> {
    for (let attempt = 1; attempt <= this.#limits.appendAttempts; attempt++) {
      await this.#refresh(signal);
      if (this.#state.sequence === 0) {
        await this.#beginChain(signal);
        continue;
      }
      const body = await build(this.#state);
      if (!body) return null;
      const refusal = refusalOf(this.#state, body);
      if (refusal) throw new LedgerError('conflict', `${this.table}: ${body.kind}: ${refusal}`);
      const record = { ...(await this.#base(signal)), ...body } as TableRecord;
      if (await this.#write(record, signal)) return record;
      await this.#clock.sleep(this.#limits.retryMs * Math.min(attempt, 5), signal);
    }
    throw new LedgerError(
      'contended',
      `${this.table}: lost the race for the next number of the table's chain ${this.#limits.appendAttempts} times`,
      { isRetriable: true },
    );
  }

  /** False: somebody else has the number, or the era is past. */
  async #write(record: TableRecord, signal: AbortSignal | undefined): Promise<boolean> {
    const { eraFolder } = this.#state;
    const path = `${this.#format.folder}/${eraFolder}/${recordName(record.sequence)}`;
    try {
      const result = await appendRecord(this.#context, eraFolder, record, signal);
      if (result.outcome === 'lost') return false;
      const { bytes, hash } = result.encoded;
      this.#isStale = true; // until the record is applied
      this.#state = this.#format.apply(this.#state, { record, hash, size: bytes.length, path });
      this.#isStale = false;
      return true;
    } catch (error) {
      if (error instanceof FencedError) return false;
      if (!(error instanceof LedgerError) || error.code !== 'bad-record') this.#isStale = true;
      throw error;
    }
  }

  async #base(signal: AbortSignal | undefined) {
    const { era, sequence, lastHash, publishedThrough } = this.#state;
    return {
      formatVersion: tableFormatVersion,
      era,
      sequence: sequence + 1,
      table: this.table,
      writer: this.#writer,
      attempt: this.#context.unique(),
      writtenAtMs: Math.round(await this.#files.nowMs(signalOption(signal))),
      previousHash: lastHash,
      publishedThrough,
    };
  }

  /** Era 0: one record that closes it and opens era 1. Its slot is never free again, so making its folder late does no harm. */
  async #beginChain(signal: AbortSignal | undefined): Promise<void> {
    const eraFolder = eraFolderName(0, '');
    await this.#files.mkdirs(`${this.#format.folder}/${eraFolder}`, signalOption(signal));
    this.#state = { ...this.#state, eraFolder };
    await this.#endEra({ snapshot: null, state: null }, signal);
  }

  async #turnEraIfDue(signal: AbortSignal | undefined): Promise<void> {
    const { eraRecordCount, eraBytes, pending, eraFirstSequence } = this.#state;
    const isDue = eraRecordCount >= this.#limits.eraRecords || eraBytes >= this.#limits.eraBytes;
    if (!isDue || pending.length > 0) return;
    const unique = this.#context.unique();
    const snapshot = await writeSnapshot(this.#files, this.#format, this.#state, unique, signal);
    const state = await writeStateFile(this.#files, this.#state, unique, signal);
    if (!(await this.#endEra({ snapshot, state }, signal))) return;
    this.#logger.info({ era: this.#state.era, sequence: this.#state.sequence }, 'TableEraTurned');
    await sweepSnapshots(this.#files, this.#format, eraFirstSequence, this.#state, signal);
    await this.#sweepStates(signal);
    await pruneEras(this.#files, this.#format, this.#state, this.#limits.pruneGraceMs, signal);
  }

  async #endEra(
    part: Pick<Extract<TableRecord, { kind: 'era-end' }>, 'snapshot' | 'state'>,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const nextFolder = eraFolderName(this.#state.era + 1, this.#context.unique());
    await this.#files.mkdirs(`${this.#format.folder}/${nextFolder}`, signalOption(signal));
    return await this.#write({ ...(await this.#base(signal)), kind: 'era-end', ...part, nextFolder }, signal);
  }

  /** Only the newest state is ever read; one that loses its name while it is read is looked for again. */
  async #sweepStates(signal: AbortSignal | undefined): Promise<void> {
    const folder = statesFolder(this.table);
    const kept = this.#state.stateFile?.path.split('/').at(-1);
    for (const { name } of await this.#files.list(folder, signalOption(signal))) {
      const sequence = Number(/^(\d{20})-/.exec(name)?.[1] ?? Number.NaN);
      const isPast = sequence <= this.#state.sequence && name !== kept;
      if (isPast) await this.#files.delete(`${folder}/${name}`, signalOption(signal));
    }
  }

  async #finishMoves(signal: AbortSignal | undefined): Promise<void> {
    const state = await this.#refresh(signal);
    for (const record of state.pending) await moveRewrittenFiles(this.#files, record, state, signal);
    this.#state = withAllMoved(state);
  }

  /** House-keeping that fails leaves rubbish for the next time. */
  async #tidy(event: string, signal: AbortSignal | undefined, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      signal?.throwIfAborted();
      this.#logger.warn({ reason: describeError(error) }, event);
    }
  }

  async #serially<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work, work);
    this.#queue = result.catch(() => {});
    return await result;
  }
}

/** This process, as the records of a table name it. */
export function thisProcess(): TableWriter {
  return { host: hostname(), pid: process.pid, user: userName() };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown'); // a user without a name, as in containers
  }
}
