import { type KnownTopic, RangeLoader, type RangeLoadSettings } from '../loader/index.ts';
import {
  LedgerError,
  liveFiles,
  PartitionAccounts,
  type PartitionRange,
  partitionKey,
  readChain,
  SchemaStore,
  type TableFile,
} from '../offsets/index.ts';
import { BadInputError, describeError, SluiceError } from '../shared/index.ts';
import { addContentHashes, copyToLocal, FileMerger, TablePaths } from '../warehouse/index.ts';
import type { KafkaCluster } from '../wire/client/index.ts';
import { checkSameRows, rangesOfFacts, rangesOfFiles, rewriteFooter } from './merged-file.ts';
import { folderOf } from './plan-compaction.ts';
import type { RewriteContext } from './rewrite-context.ts';
import { RewriteSession, type StagedFile } from './rewrite-session.ts';
import { named, namedAccounts, type PlacedFile, type StagedAccount, stageRoll } from './stage-rolls.ts';

export interface ReloadOptions {
  cluster: KafkaCluster;
  topic: KnownTopic;
  partition: number;
  /** Offsets [first, next) to read from the log again. */
  first: bigint;
  next: bigint;
  settings: RangeLoadSettings;
  reason: string;
}

export interface ReloadReport {
  operation: 'reload' | 'backfill';
  table: string;
  partition: number;
  first: bigint;
  next: bigint;
  /** Rows of the range before and after. */
  rowsBefore: bigint | null;
  landed: bigint;
  dead: bigint;
  replacedFiles: number;
  addedFiles: number;
  /** Of the record in the table's chain: what `undo` takes. */
  sequence: number;
}

const maxAttempts = 3;

/**
 * Reads a range from the log again and puts the rows in the place of those the table has of it, as one record. Files that lie
 * only partly in the range are written anew without it. A compaction may take such a file meanwhile: then all of it is done again.
 */
export async function reloadRange(context: RewriteContext, options: ReloadOptions): Promise<ReloadReport> {
  await checkCovered(context, options);
  for (let attempt = 1; ; attempt++) {
    try {
      return await new Reload(context, options, 'reload').run();
    } catch (error) {
      const isOvertaken =
        error instanceof LedgerError && error.code === 'conflict' && error.message.includes('replaced');
      if (!isOvertaken || attempt === maxAttempts) throw error;
      context.logger.warn({ attempt, reason: describeError(error) }, 'ReloadOvertaken');
    }
  }
}

/** Loads a range that lies before the first offset of the partition's chain, beside the live load, as one record of the table's. */
export async function backfillRange(context: RewriteContext, options: ReloadOptions): Promise<ReloadReport> {
  await checkOutside(context, options);
  return await new Reload(context, options, 'backfill').run();
}

async function checkCovered(context: RewriteContext, { topic, partition, first, next }: ReloadOptions): Promise<void> {
  const { files, table, chain, signal } = context;
  const ledger = await readChain(files, { table, topicId: topic.topicId, partition }, topic.name, signal);
  const accounts = new PartitionAccounts(await chain.refresh({ signal }), { topicId: topic.topicId, partition });
  const isBackfilled = accounts.covered.some((run) => run.first <= first && next <= run.next);
  const isLedgers = ledger.first !== null && ledger.next !== null && ledger.first <= first && next <= ledger.next;
  if (first < next && (isLedgers || isBackfilled)) return;
  throw new BadInputError(
    `expected a range that is loaded, within [${ledger.first ?? 0}, ${ledger.next ?? 0}) of partition ${partition}, got [${first}, ${next})`,
  );
}

async function checkOutside(context: RewriteContext, { topic, partition, first, next }: ReloadOptions): Promise<void> {
  const { files, table, chain, signal } = context;
  const ledger = await readChain(files, { table, topicId: topic.topicId, partition }, topic.name, signal);
  const accounts = new PartitionAccounts(await chain.refresh({ signal }), { topicId: topic.topicId, partition });
  if (ledger.first === null) {
    throw new BadInputError(`partition ${partition} of ${topic.name} was never loaded: begin with "sluice load"`);
  }
  const overlap = accounts.covered.find((run) => run.first < next && first < run.next);
  if (overlap) {
    throw new BadInputError(
      `[${overlap.first}, ${overlap.next}) of partition ${partition} is there already: use "sluice reload"`,
    );
  }
  if (first < next && next <= ledger.first) return;
  throw new BadInputError(
    `expected a range before ${ledger.first}, where the load of partition ${partition} began, got [${first}, ${next})`,
  );
}

/** One reload or backfill, from its intent to its record. */
class Reload {
  readonly #context: RewriteContext;
  readonly #options: ReloadOptions;
  readonly #operation: 'reload' | 'backfill';
  readonly #range: PartitionRange;

  constructor(context: RewriteContext, options: ReloadOptions, operation: 'reload' | 'backfill') {
    const { topic, partition, first, next } = options;
    this.#context = context;
    this.#options = options;
    this.#operation = operation;
    this.#range = { topicId: topic.topicId, partition, first, next };
  }

  async run(): Promise<ReloadReport> {
    const { reason } = this.#options;
    const session = await RewriteSession.begin(this.#context, {
      operation: this.#operation,
      scope: this.#range,
      reason,
    });
    return await session.run(async () => {
      const { old, rest } = await this.#takeApart(session, await this.#overlapping());
      const fresh = await this.#readLog(session);
      const record = await session.commit((state) => ({
        replaced: old,
        added: named([...fresh.files, ...rest], state),
        deduplicated: [],
        replayed: [],
        accounts: namedAccounts(this.#context, fresh.accounts, state),
      }));
      const sum = (pick: (account: StagedAccount) => bigint): bigint =>
        fresh.accounts.reduce((total, account) => total + pick(account), 0n);
      const before = old.reduce((total, file) => total + BigInt(file.rowCount), 0n);
      const kept = rest.reduce((total, { file }) => total + BigInt(file.rowCount), 0n);
      return {
        operation: this.#operation,
        table: this.#context.table,
        partition: this.#range.partition,
        first: this.#range.first,
        next: this.#range.next,
        rowsBefore: this.#operation === 'reload' ? before - kept : null,
        landed: sum((account) => account.landedCount),
        dead: sum((account) => BigInt(account.deadLetters?.count ?? 0)),
        replacedFiles: old.length,
        addedFiles: record.added.length,
        sequence: record.sequence,
      };
    });
  }

  /** The live files that hold rows of the range, or may. */
  async #overlapping(): Promise<TableFile[]> {
    if (this.#operation === 'backfill') return [];
    const { files, table, chain, signal } = this.#context;
    const { root } = new TablePaths(table);
    const found: TableFile[] = [];
    for await (const { sequence: _sequence, staged, ...file } of liveFiles(files, table, {
      state: chain.state,
      signal,
    })) {
      if (!this.#touches(file)) continue;
      if (staged !== null && !(await files.stat(`${root}/${file.path}`, { signal }))) {
        throw new SluiceError('not-visible-yet', `${file.path} is just being made visible; try again in a moment`, {
          isRetriable: true,
        });
      }
      found.push(file);
    }
    return found;
  }

  #touches(file: TableFile): boolean {
    const { first, next } = this.#range;
    const key = partitionKey(this.#range);
    return file.ranges.some((range) => partitionKey(range) === key && range.first < next && first < range.next);
  }

  /** The files that hold rows of the range, and new ones with the rows of theirs that are not in it. */
  async #takeApart(
    session: RewriteSession,
    overlapping: readonly TableFile[],
  ): Promise<{ old: TableFile[]; rest: PlacedFile[] }> {
    const { first, next } = this.#range;
    const key = partitionKey(this.#range);
    const isInside = (file: TableFile): boolean =>
      file.ranges.every((range) => partitionKey(range) === key && range.first >= first && range.next <= next);
    const found: { old: TableFile[]; rest: PlacedFile[] } = { old: [], rest: [] };
    const merger = new FileMerger({ scratchDirectory: this.#options.settings.scratchDirectory });
    try {
      for (const file of overlapping) {
        const written = isInside(file) ? null : await this.#writeRest(session, merger, file);
        if (written === 'untouched') continue;
        found.old.push(file);
        if (written) found.rest.push(written);
      }
      return found;
    } finally {
      await merger.close();
    }
  }

  /** Null: no row is left. `untouched`: the file has no row of the range, though its offsets reach around it. */
  async #writeRest(
    session: RewriteSession,
    merger: FileMerger,
    file: TableFile,
  ): Promise<PlacedFile | 'untouched' | null> {
    const { files, table, signal } = this.#context;
    const { first, next, partition } = this.#range;
    await merger.open();
    const copy = merger.newPath('.parquet');
    await copyToLocal(files, `${new TablePaths(table).root}/${file.path}`, copy, file.size, signal);
    const schema = await new SchemaStore(files, table).read(file.schemaId, { signal });
    checkSameRows(file.path, rangesOfFiles([file]), await merger.facts([copy], schema, { signal }));
    const condition = `NOT (_partition = ${partition} AND _offset >= ${first} AND _offset < ${next})`;
    const facts = await merger.facts([copy], schema, { condition, signal });
    const ranges = rangesOfFacts(file.topicId, facts);
    if (ranges.length === 0) return null;
    if (ranges.reduce((sum, range) => sum + range.rowCount, 0) === file.rowCount) {
      await merger.remove([copy]);
      return 'untouched';
    }
    const { topic, topicId, minTimeMs, maxTimeMs, schemaId } = file;
    const rest: Omit<StagedFile, 'size' | 'staged'> = {
      topic,
      topicId,
      partition: ranges.length === 1 ? ranges[0]!.partition : null,
      ranges,
      rowCount: ranges.reduce((sum, range) => sum + range.rowCount, 0),
      minTimeMs,
      maxTimeMs,
      contentHash: ranges.map(({ contentHash }) => contentHash).reduce(addContentHashes, '0'.repeat(32)),
      schemaId,
    };
    const { codec = 'zstd', rowGroupRows = 122_880 } = this.#options.settings;
    const metadata = rewriteFooter(rest, this.#operation);
    const options = { codec, rowGroupRows, sortBy: [], condition, unique: null, metadata, signal };
    const merged = await merger.merge([copy], schema, options);
    checkSameRows(file.path, ranges, await merger.facts([merged.path], schema, { signal }));
    const staged = await session.stage(merged.path, merged.size, 'parquet');
    await merger.remove([copy, merged.path]);
    return { folder: folderOf(file.path), file: { ...rest, size: merged.size, staged } };
  }

  async #readLog(session: RewriteSession): Promise<{ files: PlacedFile[]; accounts: StagedAccount[] }> {
    const { cluster, topic, partition, settings } = this.#options;
    const { files } = this.#context;
    const place = { topic: topic.name, topicId: topic.topicId, partition };
    const loader = await RangeLoader.open(files, topic, settings, this.#context);
    const staged: { files: PlacedFile[]; accounts: StagedAccount[] } = { files: [], accounts: [] };
    try {
      for await (const roll of loader.read(cluster, topic, partition, this.#range)) {
        const { files: placed, account } = await stageRoll(session, place, roll);
        staged.files.push(...placed);
        staged.accounts.push(account);
      }
      return staged;
    } finally {
      await loader.close();
    }
  }
}
