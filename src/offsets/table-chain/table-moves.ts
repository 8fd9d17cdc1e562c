/**
 * Makes a committed rewrite visible: first the replaced files go to `_sluice/replaced/<sequence>/`, then the added ones get
 * their visible names. So a reader of the folders may briefly miss rows, but never sees one twice. Every move can be
 * repeated by anybody: the record names both ends, and no path is ever used a second time.
 */
import { faultPoint } from '../../shared/index.ts';
import type { WarehouseFiles } from '../../warehouse/index.ts';
import { signalOption } from '../chain-reader.ts';
import { LedgerError } from '../ledger-error.ts';
import { absolutePath } from '../ledger-paths.ts';
import { mapBounded } from '../map-bounded.ts';
import { moveOne, type StagedMove } from '../staged-moves.ts';
import { clearHours, withdrawHours } from './retired-hours.ts';
import { replacedPath } from './table-paths.ts';
import type { RewriteRecord, TableRepairRecord } from './table-record.ts';
import type { TableState } from './table-state.ts';
import { setTableVoidAside } from './table-void-files.ts';

const movesUnderWay = 8;

/** `state` is at or behind the record: a file that a later rewrite has moved on is none of our business. */
export async function moveRewrittenFiles(
  files: WarehouseFiles,
  record: RewriteRecord | TableRepairRecord,
  state: TableState,
  signal?: AbortSignal,
): Promise<void> {
  const { table } = state;
  const replaced = record.added.filter(({ path }) => state.replaced.has(path));
  const gone = new Set(replaced.map(({ path }) => absolutePath(table, path)));
  if (record.kind === 'repair') {
    // Its `replaced` were moved away by the record that it makes void: they are at the other end of the moves to come.
    await setTableVoidAside(files, record, table, signal);
    await moveAll(files, movesOf(table, record.added), (move) => gone.has(move.path), signal);
    return;
  }
  // Those of a record that was undone meanwhile are the closer's again.
  const hours = (record.hours ?? []).filter(({ hour }) => state.expired.get(hour) === record.sequence);
  await withdrawHours(files, table, hours, signal);
  const away = record.replaced.map(({ path, size }) => ({
    staged: absolutePath(table, path),
    path: absolutePath(table, replacedPath(record.sequence, path)),
    size,
  }));
  await moveAll(files, away, () => true, signal);
  faultPoint('rewrite-replaced-moved');
  const deadLetters = record.accounts.flatMap((account) => (account.deadLetters ? [account.deadLetters] : []));
  const added = movesOf(table, [...record.added, ...deadLetters]);
  await moveAll(files, added, (move) => gone.has(move.path), signal);
  await clearHours(files, table, hours, signal);
}

function movesOf(table: string, files: readonly { staged: string; path: string; size: number }[]): StagedMove[] {
  return files.map(({ staged, path, size }) => ({
    staged: absolutePath(table, staged),
    path: absolutePath(table, path),
    size,
  }));
}

async function moveAll(
  files: WarehouseFiles,
  moves: readonly StagedMove[],
  mayBeGone: (move: StagedMove) => boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  const folders = [...new Set(moves.map((move) => move.path.slice(0, move.path.lastIndexOf('/'))))];
  await mapBounded(folders, movesUnderWay, (folder) => files.mkdirs(folder, signalOption(signal)));
  await mapBounded(moves, movesUnderWay, async (move) => {
    try {
      await moveOne(files, move, signal);
    } catch (error) {
      if (!(error instanceof LedgerError) || error.code !== 'missing-file' || !mayBeGone(move)) throw error;
    }
    faultPoint('rewrite-file-moved');
  });
}
