import {
  type ChainState,
  type CommitRecord,
  countOffsets,
  isRetracted,
  type LedgerRecord,
  landedCount,
  type OffsetClasses,
  PartitionAccounts,
  type PartitionOffsets,
  readHistory,
} from '../offsets/index.ts';
import { TablePaths, type WarehouseFiles } from '../warehouse/index.ts';
import { auditDeadLetterFile, auditFile } from './audit-file.ts';
import type { PartitionAudit, ProblemList } from './audit-report.ts';
import type { AuditTable } from './audit-table.ts';

export interface AuditContext {
  files: WarehouseFiles;
  table: AuditTable;
  problems: ProblemList;
  signal: AbortSignal | undefined;
  /** Called for every file that was looked at. */
  onFile: () => void;
}

/** A chain that could be read. */
export interface AuditedChain extends Omit<PartitionOffsets, 'state' | 'problem'> {
  state: ChainState;
}

const filesUnderWay = 8;

/** Whether the files of a commit may still lie in staging: its moves were not known to be done when the tail was written. */
export function mayBeStaged(state: ChainState, commit: CommitRecord): boolean {
  return commit.sequence > state.publishedThrough;
}

/**
 * Adds up a chain from its first record on, compares the sums with what the ledger carries along, every file with its footer,
 * and the rows of all live files with the offsets that should be rows. `onVisible` gets the path of each file that readers
 * may see.
 */
export async function auditChain(
  chain: AuditedChain,
  context: AuditContext,
  onVisible: (path: string) => void,
): Promise<PartitionAudit> {
  const sums = new ChainSums(chain, new PartitionAccounts(context.table.state, chain));
  const lanes = new Lanes(filesUnderWay);
  let rows = 0n;
  try {
    for await (const record of readHistory(context.files, chain, chain.state, context.signal)) {
      if (isRetracted(chain.state, record)) continue;
      sums.add(record, (message) => context.problems.add(chain, message));
      if (record.kind !== 'commit') continue;
      for (const file of record.files) {
        if (!context.table.isReplaced(file.path)) rows += BigInt(file.rowCount);
        else if (!context.table.isMoving(file.path)) continue;
        onVisible(file.path);
      }
      await lanes.run(() => auditCommitFiles(chain, record, context));
    }
    await lanes.end();
  } finally {
    await lanes.end().catch(() => {});
  }
  for (const { ranges } of context.table.addedFor(chain)) {
    const own = ranges.filter(({ topicId, partition }) => topicId === chain.topicId && partition === chain.partition);
    rows += own.reduce((sum, range) => sum + BigInt(range.rowCount), 0n);
  }
  return sums.close(rows, (message) => context.problems.add(chain, message));
}

const classNames = ['dead', 'filtered', 'control', 'gaps'] as const;

/** Adds up one partition: as its own chain says, and as it is with what the table's chain says besides. */
class ChainSums {
  readonly #chain: AuditedChain;
  readonly #accounts: PartitionAccounts;
  readonly #ledger = { landed: 0n, dead: 0n, filtered: 0n, control: 0n, gaps: 0n };
  readonly #now = { landed: 0n, dead: 0n, filtered: 0n, control: 0n, gaps: 0n, deduplicated: 0n, expired: 0n };
  readonly #first: bigint;
  #next: bigint;

  constructor(chain: AuditedChain, accounts: PartitionAccounts) {
    this.#chain = chain;
    this.#accounts = accounts;
    this.#first = chain.state.first ?? 0n;
    this.#next = this.#first;
  }

  add(record: LedgerRecord, complain: (message: string) => void): void {
    if (record.kind !== 'commit' && record.kind !== 'gap') return;
    const { first, next, sequence } = record;
    if (first !== this.#next) complain(`record ${sequence} begins at ${first}, the one before ended at ${this.#next}`);
    this.#next = next;
    const gap = { dead: [], filtered: [], control: [], gaps: [{ first, next }] };
    const notLanded = record.kind === 'gap' ? gap : record.notLanded;
    for (const name of classNames) this.#ledger[name] += countOffsets(notLanded[name]);
    if (record.kind === 'commit') this.#ledger.landed += record.landedCount;
    this.#addNow(first, next, this.#accounts.resolve(first, next, notLanded));
  }

  /** `rows`: of all live files together. */
  close(rows: bigint, complain: (message: string) => void): PartitionAudit {
    const { table, topic, topicId, partition, state } = this.#chain;
    const [first, next, ledger] = [this.#first, this.#next, this.#ledger];
    const nothing = { dead: [], filtered: [], control: [], gaps: [] };
    const outside = this.#accounts.outside(first, next);
    for (const run of outside) this.#addNow(run.first, run.next, this.#accounts.resolve(run.first, run.next, nothing));
    const sum = ledger.landed + ledger.dead + ledger.filtered + ledger.control + ledger.gaps;
    if (sum !== next - first) {
      complain(`the classes add up to ${sum} offsets, [${first}, ${next}) has ${next - first}`);
    }
    if (next !== (state.next ?? next)) complain(`the records lead to ${next}, the checkpoint is ${state.next}`);
    for (const name of ['landed', ...classNames] as const) {
      if (ledger[name] === state.totals[name]) continue;
      complain(`the records add up to ${ledger[name]} ${name}, the ledger carries ${state.totals[name]}`);
    }
    if (rows !== this.#now.landed) {
      complain(`${this.#now.landed} offsets should be rows, the files of the table hold ${rows} rows`);
    }
    const backfilled = countOffsets(outside);
    const replayed = countOffsets(this.#accounts.replayed);
    const place = { table, topic, topicId, partition, first, next };
    return { ...place, ...this.#now, backfilled, replayed, missing: [], double: [] };
  }

  #addNow(first: bigint, next: bigint, classes: OffsetClasses): void {
    for (const name of [...classNames, 'deduplicated', 'expired'] as const)
      this.#now[name] += countOffsets(classes[name]);
    this.#now.landed += landedCount(first, next, classes);
  }
}

async function auditCommitFiles(chain: AuditedChain, commit: CommitRecord, context: AuditContext): Promise<void> {
  const { files, problems, signal, onFile, table } = context;
  const { root } = new TablePaths(chain.table);
  const staged = mayBeStaged(chain.state, commit);
  for (const file of commit.files) {
    if (table.isReplaced(file.path)) continue;
    const found = await auditFile(files, root, file, staged, signal);
    // A rewrite may have taken the file out since we began.
    if (found.length > 0 && (await table.isReplacedNow(file.path))) continue;
    for (const problem of found) problems.add(chain, problem);
    onFile();
  }
  if (!commit.deadLetters) return;
  const problem = await auditDeadLetterFile(files, root, commit.deadLetters, staged, signal);
  if (problem) problems.add(chain, problem);
}

/** Up to `limit` pieces of work at a time; the first failure is thrown by the next `run` or by `end`. */
export class Lanes {
  readonly #limit: number;
  readonly #running = new Set<Promise<void>>();
  #failure: { error: unknown } | null = null;

  constructor(limit: number) {
    this.#limit = limit;
  }

  async run(work: () => Promise<void>): Promise<void> {
    while (this.#running.size >= this.#limit) await Promise.race(this.#running);
    this.#throwFailure();
    const running: Promise<void> = work()
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async end(): Promise<void> {
    await Promise.all(this.#running);
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }
}
