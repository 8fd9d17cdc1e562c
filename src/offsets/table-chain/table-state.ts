import { addContentHashes } from '../../warehouse/index.ts';
import type { ChainTail, ReadRecord } from '../chain-format.ts';
import { LedgerError } from '../ledger-error.ts';
import type { SnapshotPointer } from '../ledger-record.ts';
import { joinRuns } from '../offset-intervals.ts';
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
  TableRepairRecord,
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

/** Rows of one partition that a `retire` took out, and their content hash. */
export interface ExpiredRows extends PartitionRuns {
  contentHash: string;
}

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
  expired: readonly ExpiredRows[];
  /** Hours that it took out. */
  hours: readonly string[];
}

/** What a table's chain says after its last record. One object per reader: `TableChain.refresh` goes on with it. */
export interface TableState extends ChainTail {
  table: string;
  eraBytes: number;
  lastWrittenAtMs: number;
  /** The moves of all rewrites up to here are known to be made. */
  publishedThrough: number;
  /** Rewrites whose moves may not have been made yet, oldest first. */
  pending: (RewriteRecord | TableRepairRecord)[];
  hours: ReadonlyMap<string, HourState>;
  /** Hours past the retention, and the rewrite that took each out. What they were before stays in `hours`. */
  expired: ReadonlyMap<string, number>;
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
    expired: new Map(),
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
    eraRecordCount: state.eraRecordCount + (record.sequence - state.sequence),
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
      foldRetirements(tables);
      return next;
    case 'repair':
      for (const intent of state.intents.values()) {
        if (intent.operation !== 'rewind') tables.intents.delete(intent.sequence);
      }
      applyFiles(tables, record);
      next.pending = [...next.pending, record];
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
  expired: Map<string, number>;
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
  applyFiles(tables, record);
  const { sequence, operation, writtenAtMs, undoes, deduplicated, replayed, accounts } = record;
  const expired = expiredRows(record);
  const hours = (record.hours ?? []).map(({ hour }) => hour);
  const summary = { sequence, operation, writtenAtMs, undoes, deduplicated, replayed, accounts, expired, hours };
  tables.rewrites.set(sequence, { ...summary, isActive: true, isExpired: false });
  for (const hour of hours) tables.expired.set(hour, sequence);
  if (undoes !== null) toggle(tables, undoes, false);
}

function applyFiles(tables: WritableTables, record: RewriteRecord | TableRepairRecord): void {
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
}

function expiredRows({ expired = [], replaced }: RewriteRecord): ExpiredRows[] {
  const ranges = expired.length > 0 ? replaced.flatMap((file) => file.ranges) : [];
  return expired.map(({ topicId, partition, runs }) => {
    const own = ranges.filter((range) => range.topicId === topicId && range.partition === partition);
    const contentHash = own.map((range) => range.contentHash).reduce(addContentHashes, '0'.repeat(32));
    return { topicId, partition, runs, contentHash };
  });
}

/** An undo of an undo brings back what that one had taken. */
function toggle(tables: WritableTables, sequence: number, isActive: boolean): void {
  const rewrite = tables.rewrites.get(sequence);
  if (!rewrite) return;
  tables.rewrites.set(sequence, { ...rewrite, isActive });
  for (const hour of rewrite.hours) {
    if (isActive) tables.expired.set(hour, sequence);
    else if (tables.expired.get(hour) === sequence) tables.expired.delete(hour);
  }
  if (rewrite.undoes !== null) toggle(tables, rewrite.undoes, !isActive);
}

function expire(tables: WritableTables, sequence: number): void {
  const rewrite = tables.rewrites.get(sequence);
  if (!rewrite) return;
  const { accounts, deduplicated, replayed, expired } = rewrite;
  const isAccount = accounts.length + deduplicated.length + replayed.length + expired.length > 0;
  if (isAccount) tables.rewrites.set(sequence, { ...rewrite, isExpired: true });
  else tables.rewrites.delete(sequence);
}

/**
 * A table with a retention has a `retire` a day, for ever. Those that nothing can take back any more become one, whose runs grow
 * together, unless a range was read again between them: its account counts before the older one only.
 */
function foldRetirements(tables: WritableTables): void {
  const all = [...tables.rewrites.values()];
  if (all.some(({ undoes, isExpired }) => undoes !== null && !isExpired)) return; // an undo of it may bring one back
  let first: RewriteSummary | null = null;
  for (const rewrite of all.sort((a, b) => a.sequence - b.sequence)) {
    if (rewrite.accounts.length > 0) first = null;
    if (rewrite.operation !== 'retire' || !rewrite.isExpired) continue;
    if (!rewrite.isActive || first) tables.rewrites.delete(rewrite.sequence);
    if (!rewrite.isActive) continue;
    const older: RewriteSummary = first ?? { ...rewrite, expired: [] };
    first = { ...older, hours: [], expired: joinExpired(older.expired, rewrite.expired) };
    tables.rewrites.set(first.sequence, first);
  }
}

function joinExpired(a: readonly ExpiredRows[], b: readonly ExpiredRows[]): ExpiredRows[] {
  const joined = new Map(a.map((rows) => [partitionKey(rows), rows]));
  for (const rows of b) {
    const before = joined.get(partitionKey(rows));
    const runs = joinRuns(before?.runs ?? [], rows.runs);
    const contentHash = before ? addContentHashes(before.contentHash, rows.contentHash) : rows.contentHash;
    joined.set(partitionKey(rows), { ...rows, runs, contentHash });
  }
  return [...joined.values()];
}

/** Offsets that a rewrite has to do with. */
export function touchedBy(
  record: Pick<RewriteRecord, 'replaced' | 'added'> & Partial<Pick<RewriteRecord, 'accounts' | 'replayed'>>,
): PartitionRange[] {
  const { accounts = [], replayed: runsOfReplay = [] } = record;
  const files = [...record.replaced, ...record.added].flatMap((file) => file.ranges);
  const replayed = runsOfReplay.flatMap(({ topicId, partition, runs }) => {
    return runs.map(({ first, next }) => ({ topicId, partition, first, next }));
  });
  return [...files, ...accounts, ...replayed];
}

function checkLink(state: TableState, record: TableRecord, path: string): void {
  const links: [name: string, expected: unknown, actual: unknown][] = [
    ['sequence', state.sequence + (record.kind === 'repair' ? 2 : 1), record.sequence],
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
