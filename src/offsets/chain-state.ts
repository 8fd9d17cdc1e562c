import { LedgerError } from './ledger-error.ts';
import type {
  CommitRecord,
  EraEndRecord,
  LastCommit,
  LedgerHolder,
  LedgerRecord,
  LedgerTotals,
  RepairRecord,
  RewindRecord,
  SequenceRange,
  SnapshotPointer,
} from './ledger-record.ts';
import { countOffsets } from './offset-intervals.ts';

/** What a partition's chain says after its last record. Immutable: every record makes a new one. */
export interface ChainState {
  topic: string;
  topicId: string;
  partition: number;
  /** The era that takes the next record, and its folder. Era 0 with folder '': the chain does not exist yet. */
  era: number;
  eraFolder: string;
  /** Folder of the era before, which ends with the closing record; null in era 0. */
  previousFolder: string | null;
  /** Sequence of the era's first record, and how many numbers (void ones too) and bytes it holds so far. */
  eraFirstSequence: number;
  eraRecordCount: number;
  eraBytes: number;
  /** Last record of the chain; 0 and '' before the first. */
  sequence: number;
  lastHash: string;
  lastWrittenAtMs: number;
  /** First offset of the chain, and the next one to land: the checkpoint. Null before the first claim. */
  first: bigint | null;
  next: bigint | null;
  /** Cluster of the last record's writer. */
  clusterId: string | null;
  /** Null: released, or never claimed. */
  holder: LedgerHolder | null;
  /** All files of commits up to here are known to be visible. */
  publishedThrough: number;
  /** Records whose files may not have been moved yet, oldest first. */
  pending: readonly (CommitRecord | RepairRecord | RewindRecord)[];
  lastCommit: LastCommit | null;
  leaderEpoch: number;
  totals: LedgerTotals;
  /** Commits and gaps between these sequences were taken back by a rewind. */
  retractions: readonly SequenceRange[];
  /** Keeps the records of all eras before this one. */
  snapshot: SnapshotPointer | null;
}

const noTotals: LedgerTotals = { landed: 0n, dead: 0n, filtered: 0n, control: 0n, gaps: 0n, files: 0 };

export function emptyState(topic: string, topicId: string, partition: number): ChainState {
  return {
    topic,
    topicId,
    partition,
    era: 0,
    eraFolder: '',
    previousFolder: null,
    eraFirstSequence: 1,
    eraRecordCount: 0,
    eraBytes: 0,
    sequence: 0,
    lastHash: '',
    lastWrittenAtMs: 0,
    first: null,
    next: null,
    clusterId: null,
    holder: null,
    publishedThrough: 0,
    pending: [],
    lastCommit: null,
    leaderEpoch: -1,
    totals: noTotals,
    retractions: [],
    snapshot: null,
  };
}

/** The state after `record`, which must be the next one of the chain; otherwise LedgerError `broken-chain`. */
export function applyRecord(
  state: ChainState,
  record: LedgerRecord,
  hash: string,
  byteCount: number,
  path: string,
): ChainState {
  checkLink(state, record, path);
  const publishedThrough = Math.max(state.publishedThrough, record.publishedThrough);
  const next: ChainState = {
    ...state,
    eraRecordCount: state.eraRecordCount + (record.sequence - state.sequence),
    eraBytes: state.eraBytes + byteCount,
    sequence: record.sequence,
    lastHash: hash,
    lastWrittenAtMs: record.writtenAtMs,
    clusterId: record.owner.clusterId,
    publishedThrough,
    pending: state.pending.filter((earlier) => earlier.sequence > publishedThrough),
  };
  switch (record.kind) {
    case 'claim':
      next.holder = { owner: record.owner, claimSequence: record.sequence, claimedAtMs: record.writtenAtMs };
      return next;
    case 'release':
      next.holder = null;
      return next;
    case 'repair':
      next.holder = null;
      next.pending = [...next.pending, record];
      return next;
    case 'gap':
      next.next = record.next;
      next.totals = { ...state.totals, gaps: state.totals.gaps + (record.next - record.first) };
      return next;
    case 'commit':
      return applyCommit(next, record);
    case 'rewind':
      return applyRewind(next, record);
    case 'era-end':
      return stateAfterEraEnd(record, hash, state.eraFolder);
  }
}

/** Whether a rewind has taken the record back: it counts as never written. */
export function isRetracted(state: Pick<ChainState, 'retractions'>, record: LedgerRecord): boolean {
  if (record.kind !== 'commit' && record.kind !== 'gap') return false;
  return state.retractions.some(({ first, last }) => record.sequence >= first && record.sequence <= last);
}

/** The state an era begins with, from the closing record of the one before alone. */
export function stateAfterEraEnd(record: EraEndRecord, hash: string, folder: string): ChainState {
  return {
    ...emptyState(record.topic, record.topicId, record.partition),
    era: record.era + 1,
    eraFolder: record.nextFolder,
    previousFolder: folder,
    eraFirstSequence: record.sequence + 1,
    sequence: record.sequence,
    lastHash: hash,
    lastWrittenAtMs: record.writtenAtMs,
    first: record.first,
    next: record.next,
    clusterId: record.owner.clusterId,
    holder: record.holder,
    publishedThrough: record.publishedThrough,
    lastCommit: record.lastCommit,
    leaderEpoch: record.leaderEpoch,
    totals: record.totals,
    retractions: record.retractions ?? [],
    snapshot: record.snapshot,
  };
}

/** Marks the moves of all records so far as done. */
export function withAllPublished(state: ChainState): ChainState {
  return { ...state, publishedThrough: state.sequence, pending: [] };
}

function applyCommit(state: ChainState, record: CommitRecord): ChainState {
  const { dead, filtered, control, gaps } = record.notLanded;
  const times = record.files.map((file) => file.maxTimeMs);
  return {
    ...state,
    next: record.next,
    pending: [...state.pending, record],
    leaderEpoch: record.leaderEpoch,
    lastCommit: {
      sequence: record.sequence,
      writtenAtMs: record.writtenAtMs,
      cause: record.cause,
      next: record.next,
      maxTimeMs: times.length === 0 ? null : largest(times),
    },
    totals: {
      landed: state.totals.landed + record.landedCount,
      dead: state.totals.dead + countOffsets(dead),
      filtered: state.totals.filtered + countOffsets(filtered),
      control: state.totals.control + countOffsets(control),
      gaps: state.totals.gaps + countOffsets(gaps),
      files: state.totals.files + record.files.length,
    },
  };
}

function applyRewind(state: ChainState, record: RewindRecord): ChainState {
  const { totals, next, retracts, leaderEpoch } = record;
  return {
    ...state,
    next,
    leaderEpoch,
    lastCommit: null,
    pending: [...state.pending, record],
    retractions: [...state.retractions, retracts],
    totals: {
      landed: state.totals.landed - totals.landed,
      dead: state.totals.dead - totals.dead,
      filtered: state.totals.filtered - totals.filtered,
      control: state.totals.control - totals.control,
      gaps: state.totals.gaps - totals.gaps,
      files: state.totals.files - totals.files,
    },
  };
}

type Expectation = [name: string, expected: unknown, actual: unknown];

function checkLink(state: ChainState, record: LedgerRecord, path: string): void {
  const wrong = linksOf(state, record).find(([, expected, actual]) => expected !== actual);
  if (!wrong) return;
  const [name, expected, actual] = wrong;
  throw new LedgerError('broken-chain', `${path}: expected ${name} ${String(expected)}, got ${String(actual)}`, {
    path,
  });
}

function linksOf(state: ChainState, record: LedgerRecord): Expectation[] {
  const links: Expectation[] = [
    ['sequence', state.sequence + (record.kind === 'repair' ? 2 : 1), record.sequence],
    ['era', state.era, record.era],
    ['topic id', state.topicId, record.topicId],
    ['partition', state.partition, record.partition],
    ['the hash of the record before', state.lastHash, record.previousHash],
  ];
  if (state.next === null) return [...links, ['a first record of kind', 'era-end', record.kind]];
  const isLanding = record.kind === 'commit' || record.kind === 'gap';
  if (record.kind === 'rewind') return [...links, ['checkpoint', state.next, record.from]];
  links.push(isLanding ? ['first offset', state.next, record.first] : ['next offset', state.next, record.next]);
  if (record.kind !== 'era-end') return links;
  const totals = Object.entries(state.totals).map(([name, value]): Expectation => {
    return [`total of ${name}`, value, record.totals[name as keyof LedgerTotals]];
  });
  return [...links, ['first offset', state.first, record.first], ...totals];
}

function largest(values: readonly bigint[]): bigint {
  return values.reduce((most, value) => {
    if (value > most) return value; // Math.max knows no bigint
    return most;
  });
}
