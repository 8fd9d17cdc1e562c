/**
 * Moves the files of committed records from staging to their visible names, and sweeps what dead claims left in staging.
 * Every move can be repeated by anybody: the commit record names both ends.
 */
import { faultPoint } from '../shared/index.ts';
import type { FileStatus, WarehouseFiles } from '../warehouse/index.ts';
import { signalOption } from './chain-reader.ts';
import { LedgerError } from './ledger-error.ts';
import { absolutePath, type ChainId, parseStagingName, stagingRoot } from './ledger-paths.ts';
import type { CommitRecord } from './ledger-record.ts';
import { mapBounded } from './map-bounded.ts';

const movesUnderWay = 8;
const maxMoveAttempts = 5;

/** One file of a commit: where it was uploaded and where readers find it, both absolute. */
export interface StagedMove {
  staged: string;
  path: string;
  size: number;
}

export function movesOf(table: string, commit: CommitRecord): StagedMove[] {
  const files = commit.deadLetters ? [...commit.files, commit.deadLetters] : commit.files;
  return files.map(({ staged, path, size }) => ({
    staged: absolutePath(table, staged),
    path: absolutePath(table, path),
    size,
  }));
}

/**
 * Makes all files of the commit visible. Throws LedgerError `missing-file` when one is at neither place (never guesses), unless
 * `isReplaced` knows that it was seen and has been taken out since.
 */
export async function moveStagedFiles(
  files: WarehouseFiles,
  table: string,
  commit: CommitRecord,
  signal?: AbortSignal,
  isReplaced: (path: string) => Promise<boolean> = async () => false,
): Promise<void> {
  const moves = movesOf(table, commit);
  const folders = [...new Set(moves.map((move) => move.path.slice(0, move.path.lastIndexOf('/'))))];
  await mapBounded(folders, movesUnderWay, (folder) => files.mkdirs(folder, signalOption(signal)));
  await mapBounded(moves, movesUnderWay, async (move) => {
    try {
      await moveOne(files, move, signal);
    } catch (error) {
      const isGone = error instanceof LedgerError && error.code === 'missing-file';
      if (!isGone || !(await isReplaced(move.path))) throw error;
    }
    faultPoint('ledger-file-moved');
  });
}

/** Gives one file its new name. Throws LedgerError `missing-file` when it is at neither place. */
export async function moveOne(files: WarehouseFiles, move: StagedMove, signal: AbortSignal | undefined): Promise<void> {
  let lastError: unknown;
  for (let attempt = 0; attempt < maxMoveAttempts; attempt++) {
    signal?.throwIfAborted();
    try {
      if ((await files.publishIfAbsent(move.staged, move.path, signalOption(signal))) === 'published') return;
      if (await isVisible(files, move, signal)) return;
      if (!(await files.stat(move.staged, signalOption(signal)))) {
        // The owner before us may be making the very same moves: it can have come between the two looks.
        if (await isVisible(files, move, signal)) return;
        throw missing(move);
      }
      // Folders that are empty are removed when their hour expires.
      await files.mkdirs(move.path.slice(0, move.path.lastIndexOf('/')), signalOption(signal));
    } catch (error) {
      if (error instanceof LedgerError) throw error;
      lastError = error; // an answer got lost: look again, the move can be repeated
    }
  }
  throw (
    lastError ??
    new LedgerError('missing-file', `${move.path}: the rename from ${move.staged} is refused again and again`)
  );
}

async function isVisible(files: WarehouseFiles, move: StagedMove, signal: AbortSignal | undefined): Promise<boolean> {
  const status = await files.stat(move.path, signalOption(signal));
  if (!status) return false;
  if (status.type === 'file' && status.size === move.size) return true;
  throw new LedgerError(
    'file-mismatch',
    `${move.path}: expected a file of ${move.size} bytes that was uploaded as ${move.staged}, found ${describe(status)}`,
    { path: move.path },
  );
}

function missing(move: StagedMove): LedgerError {
  return new LedgerError(
    'missing-file',
    `${move.path}: committed, but neither there nor at ${move.staged}; restore the file, nothing can be loaded behind it`,
    { path: move.path },
  );
}

function describe(status: FileStatus): string {
  return status.type === 'file' ? `${status.size} bytes` : 'a folder';
}

/**
 * Removes the staging folders of claims before `claimSequence`. Call it only as the holder, after the moves of all earlier
 * commits: what is left there was never committed, and cannot be committed any more.
 */
export async function sweepStaging(
  files: WarehouseFiles,
  chain: ChainId,
  claimSequence: number,
  signal?: AbortSignal,
): Promise<void> {
  const root = stagingRoot(chain);
  const entries = await files.list(root, signalOption(signal));
  const dead = entries.filter(({ name }) => (parseStagingName(name) ?? claimSequence) < claimSequence);
  for (const { name } of dead) await files.delete(`${root}/${name}`, { recursive: true, ...signalOption(signal) });
}
