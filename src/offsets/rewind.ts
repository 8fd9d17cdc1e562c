import { TablePaths, type WarehouseFiles } from '../warehouse/index.ts';
import { readHistory } from './chain-history.ts';
import { signalOption } from './chain-reader.ts';
import { type ChainState, isRetracted } from './chain-state.ts';
import { LedgerError } from './ledger-error.ts';
import { absolutePath, type ChainId, relativePath } from './ledger-paths.ts';
import type { CommitRecord, GapRecord, LedgerTotals, RewindRecord } from './ledger-record.ts';
import { mapBounded } from './map-bounded.ts';
import { countOffsets } from './offset-intervals.ts';
import { moveOne } from './staged-moves.ts';

const movesUnderWay = 8;

type RewindPlan = Pick<RewindRecord, 'retracts' | 'files' | 'totals' | 'leaderEpoch' | 'aside'>;

/** What a rewind to `to` takes back. Throws LedgerError `bad-record` when no commit or gap begins there. */
export async function planRewind(
  files: WarehouseFiles,
  chain: ChainId,
  state: ChainState,
  to: bigint,
  signal?: AbortSignal,
): Promise<RewindPlan> {
  const retracted: (CommitRecord | GapRecord)[] = [];
  let boundaryBefore: CommitRecord | null = null;
  for await (const record of readHistory(files, chain, state, signal)) {
    if ((record.kind !== 'commit' && record.kind !== 'gap') || isRetracted(state, record)) continue;
    if (record.first >= to) retracted.push(record);
    else if (record.next > to) throw noBoundary(chain, to, record.first, record.next);
    else if (record.kind === 'commit') boundaryBefore = record;
  }
  const [first, last] = [retracted[0], retracted.at(-1)];
  if (!first || !last || first.first !== to) throw noBoundary(chain, to, state.first ?? 0n, state.next ?? 0n);
  const commits = retracted.filter((record) => record.kind === 'commit');
  const all = commits.flatMap((commit) => [...commit.files, ...(commit.deadLetters ? [commit.deadLetters] : [])]);
  const { system } = new TablePaths(chain.table);
  const aside = `${system}/rewound/${chain.topicId}-${chain.partition}-${state.sequence + 1}`;
  return {
    retracts: { first: first.sequence, last: last.sequence },
    files: all.map(({ path, size }) => ({ path, size })),
    totals: retracted.reduce(addTotals, { landed: 0n, dead: 0n, filtered: 0n, control: 0n, gaps: 0n, files: 0 }),
    leaderEpoch: boundaryBefore?.leaderEpoch ?? -1,
    aside: relativePath(chain.table, aside),
  };
}

function noBoundary(chain: ChainId, to: bigint, before: bigint, behind: bigint): LedgerError {
  return new LedgerError(
    'bad-record',
    `partition ${chain.partition}: expected an offset at which a commit begins, got ${to}; the nearest are ${before} and ${behind} ("sluice offsets history" lists all)`,
  );
}

function addTotals(totals: LedgerTotals, record: CommitRecord | GapRecord): LedgerTotals {
  if (record.kind === 'gap') return { ...totals, gaps: totals.gaps + (record.next - record.first) };
  const { dead, filtered, control, gaps } = record.notLanded;
  return {
    landed: totals.landed + record.landedCount,
    dead: totals.dead + countOffsets(dead),
    filtered: totals.filtered + countOffsets(filtered),
    control: totals.control + countOffsets(control),
    gaps: totals.gaps + countOffsets(gaps),
    files: totals.files + record.files.length,
  };
}

/** Moves the files of retracted commits out of the readers' sight. Safe to repeat; one that is gone is nobody's loss. */
export async function setRetractedAside(
  files: WarehouseFiles,
  table: string,
  record: RewindRecord,
  signal?: AbortSignal,
): Promise<void> {
  const moves = record.files.map(({ path, size }) => ({
    staged: absolutePath(table, path),
    path: absolutePath(table, `${record.aside}/${path}`),
    size,
  }));
  const folders = [...new Set(moves.map(({ path }) => path.slice(0, path.lastIndexOf('/'))))];
  await mapBounded(folders, movesUnderWay, (folder) => files.mkdirs(folder, signalOption(signal)));
  await mapBounded(moves, movesUnderWay, async (move) => {
    try {
      await moveOne(files, move, signal);
    } catch (error) {
      if (!(error instanceof LedgerError) || error.code !== 'missing-file') throw error;
    }
  });
}
