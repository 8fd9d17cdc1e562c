import type { ChainTail, ReadRecord } from '../chain-format.ts';
import { LedgerError } from '../ledger-error.ts';
import type { SnapshotPointer } from '../ledger-record.ts';
import type {
  HourMark,
  IntentRecord,
  PartitionRange,
  PartitionRuns,
  RangeAccount,
  RewriteOperation,
  RewriteRecord,
  TableFile,
  TableRecord,
} from './table-record.ts';

export interface HourState {
  hour: string;
  state: 'closed' | 'complete';
  marks: readonly HourMark[];
  revision: number;
  manifest: string | null;
  /** Of the record that says so, and when it was written. */
  sequence: number;
  writtenAtMs: number;
}

export type OpenIntent = Pick<
  IntentRecord,
  'sequence' | 'operation' | 'staging' | 'scope' | 'reason' | 'writer' | 'writtenAtMs'
>;

/** What stays of a rewrite while it can be undone, and of one that changed the account of offsets for ever. */
export interface RewriteSummary {
  sequence: number;
  operation: RewriteOperation;
  writtenAtMs: number;
  /** False: taken back by a later undo. */
  isActive: boolean;
  /** True: what it replaced is gone, it cannot be undone any more. */
  isExpired: boolean;
  undoes: number | null;
  deduplicated: readonly PartitionRuns[];
  replayed: readonly PartitionRuns[];
  accounts: readonly RangeAccount[];
}

/** What a table's chain says after its last record. One object per reader: `TableChain.refresh` goes on with it. */
export interface TableState extends ChainTail {
  table: string;
  eraBytes: number;
  lastWrittenAtMs: number;
  /** The moves of all rewrites up to here are known to be made. */
  publishedThrough: number;
  /** Rewrites whose moves may not have been made yet, oldest first. */
  pending: RewriteRecord[];
  hours: ReadonlyMap<string, HourState>;
  /** Open intents by their sequence. */
  intents: ReadonlyMap<number, OpenIntent>;
  /** Live files that rewrites brought, by path. */
  added: ReadonlyMap<string, TableFile>;
  /** Every path that a rewrite took out, for ever: no path is ever used again. */
  replaced: ReadonlySet<string>;
  /** Rewrites that can be undone or that account for offsets, by sequence. */
  rewrites: ReadonlyMap<number, RewriteSummary>;
  /** By partition (`partitionKey`): the end of the offsets that rewrites have touched, and the last intent to rewind. */
  touched: ReadonlyMap<string, bigint>;
  rewinds: ReadonlyMap<string, number>;
  /** The file that keeps the state at the begin of the era. */
  stateFile: SnapshotPointer | null;
}

export function partitionKey({ topicId, partition }: { topicId: string; partition: number }): string {
  return `${topicId}/${partition}`;
}

export function emptyTableState(table: string): TableState {
  return {
    table,
    era: 0,
    eraFolder: '',
    previousFolder: null,
    eraFirstSequence: 1,
    eraRecordCount: 0,
    eraBytes: 0,
    sequence: 0,
    lastHash: '',
    lastWrittenAtMs: 0,
    publishedThrough: 0,
    pending: [],
    snapshot: null,
    stateFile: null,
    hours: new Map(),
    intents: new Map(),
    added: new Map(),
    replaced: new Set(),
    rewrites: new Map(),
    touched: new Map(),
    rewinds: new Map(),
  };
}

/**
 * The state after `record`, which must be the next one of the chain; otherwise LedgerError `broken-chain`. The tables of the
 * state are changed in place (they may be large); the state before must not be used any more.
 */
export function applyTableRecord(state: TableState, { record, hash, size, path }: ReadRecord<TableRecord>): TableState {
  checkLink(state, record, path);
  const publishedThrough = Math.max(state.publishedThrough, record.publishedThrough);
  const next: TableState = {
    ...state,
    eraRecordCount: state.eraRecordCount + 1,
    eraBytes: state.eraBytes + size,
    sequence: record.sequence,
    lastHash: hash,
    lastWrittenAtMs: record.writtenAtMs,
    publishedThrough,
    pending: state.pending.filter((earlier) => earlier.sequence > publishedThrough),
  };
  const tables = state as unknown as WritableTables;
  switch (record.kind) {
    case 'intent':
      applyIntent(tables, record);
      return next;
    case 'cancel':
      tables.intents.delete(record.intent);
      return next;
    case 'rewrite':
      applyRewrite(tables, record);
      next.pending = [...next.pending, record];
      return next;
    case 'hour': {
      const { hour, state: hourState, marks, revision, manifest, sequence, writtenAtMs } = record;
      tables.hours.set(hour, { hour, state: hourState, marks, revision, manifest, sequence, writtenAtMs });
      return next;
    }
    case 'expire':
      for (const sequence of record.rewrites) expire(tables, sequence);
      return next;
    case 'era-end':
      return afterEraEnd(next, record, hash, state.eraFolder);
  }
}

/** An era begins with the tables as they stood at the end of the one before. */
export function afterEraEnd(
  state: TableState,
  record: Extract<TableRecord, { kind: 'era-end' }>,
  hash: string,
  folder: string,
): TableState {
  return {
    ...state,
    era: record.era + 1,
    eraFolder: record.nextFolder,
    previousFolder: folder,
    eraFirstSequence: record.sequence + 1,
    eraRecordCount: 0,
    eraBytes: 0,
    sequence: record.sequence,
    lastHash: hash,
    lastWrittenAtMs: record.writtenAtMs,
    publishedThrough: record.sequence, // an era ends only when all moves are made
    pending: [],
    snapshot: record.snapshot,
    stateFile: record.state,
  };
}

/** Marks the moves of all rewrites so far as made. */
export function withAllMoved(state: TableState): TableState {
  return { ...state, publishedThrough: state.sequence, pending: [] };
}

interface WritableTables {
  hours: Map<string, HourState>;
  intents: Map<number, OpenIntent>;
  added: Map<string, TableFile>;
  replaced: Set<string>;
  rewrites: Map<number, RewriteSummary>;
  touched: Map<string, bigint>;
  rewinds: Map<string, number>;
}

function applyIntent(tables: WritableTables, record: IntentRecord): void {
  const { sequence, operation, staging, scope, reason, writer, writtenAtMs } = record;
  tables.intents.set(sequence, { sequence, operation, staging, scope, reason, writer, writtenAtMs });
  if (operation === 'rewind' && scope) tables.rewinds.set(partitionKey(scope), sequence);
}

function applyRewrite(tables: WritableTables, record: RewriteRecord): void {
  tables.intents.delete(record.intent);
  for (const { path } of record.replaced) {
    tables.replaced.add(path);
    tables.added.delete(path);
  }
  for (const { staged: _staged, ...file } of record.added) tables.added.set(file.path, file);
  for (const range of touchedBy(record)) {
    const key = partitionKey(range);
    const before = tables.touched.get(key) ?? 0n;
    if (range.next > before) tables.touched.set(key, range.next);
  }
  const { sequence, operation, writtenAtMs, undoes, deduplicated, replayed, accounts } = record;
  const summary = { sequence, operation, writtenAtMs, undoes, deduplicated, replayed, accounts };
  tables.rewrites.set(sequence, { ...summary, isActive: true, isExpired: false });
  if (undoes !== null) toggle(tables, undoes, false);
}

/** An undo of an undo brings back what that one had taken. */
function toggle(tables: WritableTables, sequence: number, isActive: boolean): void {
  const rewrite = tables.rewrites.get(sequence);
  if (!rewrite) return;
  tables.rewrites.set(sequence, { ...rewrite, isActive });
  if (rewrite.undoes !== null) toggle(tables, rewrite.undoes, !isActive);
}

function expire(tables: WritableTables, sequence: number): void {
  const rewrite = tables.rewrites.get(sequence);
  if (!rewrite) return;
  const { accounts, deduplicated, replayed } = rewrite;
  const isAccount = accounts.length + deduplicated.length + replayed.length > 0;
  if (isAccount) tables.rewrites.set(sequence, { ...rewrite, isExpired: true });
  else tables.rewrites.delete(sequence);
}

/** Offsets that a rewrite has to do with. */
export function touchedBy(
  record: Pick<RewriteRecord, 'replaced' | 'added' | 'accounts' | 'replayed'>,
): PartitionRange[] {
  const files = [...record.replaced, ...record.added].flatMap((file) => file.ranges);
  const replayed = record.replayed.flatMap(({ topicId, partition, runs }) => {
    return runs.map(({ first, next }) => ({ topicId, partition, first, next }));
  });
  return [...files, ...record.accounts, ...replayed];
}

function checkLink(state: TableState, record: TableRecord, path: string): void {
  const links: [name: string, expected: unknown, actual: unknown][] = [
    ['sequence', state.sequence + 1, record.sequence],
    ['era', state.era, record.era],
    ['table', state.table, record.table],
    ['the hash of the record before', state.lastHash, record.previousHash],
  ];
  if (state.sequence === 0) links.push(['a first record of kind', 'era-end', record.kind]);
  const wrong = links.find(([, expected, actual]) => expected !== actual);
  if (!wrong) return;
  const [name, expected, actual] = wrong;
  throw new LedgerError('broken-chain', `${path}: expected ${name} ${String(expected)}, got ${String(actual)}`, {
    path,
  });
}
