import {
  type ChainState,
  type CommitRecord,
  type LedgerRecord,
  type PartitionOffsets,
  readHistory,
} from '../offsets/index.ts';
import { TablePaths, type WarehouseFiles } from '../warehouse/index.ts';
import { auditDeadLetterFile, auditFile } from './audit-file.ts';
import type { PartitionAudit, ProblemList } from './audit-report.ts';

export interface AuditContext {
  files: WarehouseFiles;
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
 * Adds up a chain from its first record on, compares the sums with what the ledger carries along, and every file with its
 * footer. `onVisible` gets the path of each file that readers should see.
 */
export async function auditChain(
  chain: AuditedChain,
  context: AuditContext,
  onVisible: (path: string) => void,
): Promise<PartitionAudit> {
  const { table, topic, topicId, partition, state } = chain;
  const audit: PartitionAudit = {
    table,
    topic,
    topicId,
    partition,
    first: state.first ?? 0n,
    next: state.first ?? 0n,
    landed: 0n,
    dead: 0n,
    filtered: 0n,
    control: 0n,
    gaps: 0n,
    missing: [],
    double: [],
  };
  const lanes = new Lanes(filesUnderWay);
  try {
    for await (const record of readHistory(context.files, chain, state, context.signal)) {
      addRecord(audit, record, (message) => context.problems.add(chain, message));
      if (record.kind !== 'commit') continue;
      for (const file of record.files) onVisible(file.path);
      await lanes.run(() => auditCommitFiles(chain, record, context));
    }
    await lanes.end();
    checkSums(audit, chain, context.problems);
  } finally {
    await lanes.end().catch(() => {});
  }
  return audit;
}

function addRecord(audit: PartitionAudit, record: LedgerRecord, complain: (message: string) => void): void {
  if (record.kind !== 'commit' && record.kind !== 'gap') return;
  if (record.first !== audit.next) {
    complain(`record ${record.sequence} begins at ${record.first}, the one before ended at ${audit.next}`);
  }
  audit.next = record.next;
  if (record.kind === 'gap') {
    audit.gaps += record.next - record.first;
    return;
  }
  audit.landed += record.landedCount;
  for (const name of ['dead', 'filtered', 'control', 'gaps'] as const) {
    audit[name] += record.notLanded[name].reduce((sum, run) => sum + (run.next - run.first), 0n);
  }
}

function checkSums(audit: PartitionAudit, chain: AuditedChain, problems: ProblemList): void {
  const { state } = chain;
  const sum = audit.landed + audit.dead + audit.filtered + audit.control + audit.gaps;
  if (sum !== audit.next - audit.first) {
    problems.add(
      chain,
      `the classes add up to ${sum} offsets, [${audit.first}, ${audit.next}) has ${audit.next - audit.first}`,
    );
  }
  if (audit.next !== (state.next ?? audit.next)) {
    problems.add(chain, `the records lead to ${audit.next}, the checkpoint is ${state.next}`);
  }
  for (const name of ['landed', 'dead', 'filtered', 'control', 'gaps'] as const) {
    if (audit[name] === state.totals[name]) continue;
    problems.add(chain, `the records add up to ${audit[name]} ${name}, the ledger carries ${state.totals[name]}`);
  }
}

async function auditCommitFiles(chain: AuditedChain, commit: CommitRecord, context: AuditContext): Promise<void> {
  const { files, problems, signal, onFile } = context;
  const { root } = new TablePaths(chain.table);
  const staged = mayBeStaged(chain.state, commit);
  for (const file of commit.files) {
    for (const problem of await auditFile(files, root, file, staged, signal)) problems.add(chain, problem);
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
