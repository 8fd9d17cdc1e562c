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
import { replacedPath } from './table-paths.ts';
import type { RewriteRecord } from './table-record.ts';
import type { TableState } from './table-state.ts';

const movesUnderWay = 8;

/** `state` is at or behind the record: a file that a later rewrite has moved on is none of our business. */
export async function moveRewrittenFiles(
  files: WarehouseFiles,
  record: RewriteRecord,
  state: TableState,
  signal?: AbortSignal,
): Promise<void> {
  const { table } = state;
  const away = record.replaced.map(({ path, size }) => ({
    staged: absolutePath(table, path),
    path: absolutePath(table, replacedPath(record.sequence, path)),
    size,
  }));
  await moveAll(files, away, () => true, signal);
  faultPoint('rewrite-replaced-moved');
  const deadLetters = record.accounts.flatMap((account) => (account.deadLetters ? [account.deadLetters] : []));
  const added = [...record.added, ...deadLetters].map(({ staged, path, size }) => ({
    staged: absolutePath(table, staged),
    path: absolutePath(table, path),
    size,
  }));
  const replaced = record.added.filter(({ path }) => state.replaced.has(path));
  const gone = new Set(replaced.map(({ path }) => absolutePath(table, path)));
  await moveAll(files, added, (move) => gone.has(move.path), signal);
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
