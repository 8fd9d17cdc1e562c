import { type AddedFile, type RewriteRecord, replacedPath, rewriteFileName, type TableFile } from '../offsets/index.ts';
import { BadInputError } from '../shared/index.ts';
import { TablePaths } from '../warehouse/index.ts';
import { folderOf } from './plan-compaction.ts';
import type { RewriteContext } from './rewrite-context.ts';
import { RewriteSession } from './rewrite-session.ts';

export interface UndoReport {
  table: string;
  /** The rewrite that was taken back, and the record that did so. */
  undone: number;
  operation: string;
  sequence: number;
  restoredFiles: number;
  restoredRows: bigint;
  removedFiles: number;
}

/**
 * Takes a rewrite back, an undo too: one more record, by which the files it brought are replaced by those it had replaced. Only
 * within the grace time, and not when a later rewrite has built upon it (take that one back first).
 */
export async function undoRewrite(context: RewriteContext, sequence: number, reason: string): Promise<UndoReport> {
  const { chain, signal, table } = context;
  await chain.finishMoves({ signal });
  const { target, brought } = await findRewrite(context, sequence);
  await checkRestorable(context, target, brought);
  const session = await RewriteSession.begin(context, { operation: 'undo', scope: null, reason });
  return await session.run(async () => {
    const record = await session.commit(
      (state) => ({
        replaced: brought,
        // Under new names: a move of the old rewrite that comes late must not find its file again.
        added: target.replaced.map(
          (file, index): AddedFile => ({
            ...file,
            staged: replacedPath(sequence, file.path),
            path: `${folderOf(file.path)}/${rewriteFileName(file.topic, state.sequence + 1, index)}`,
          }),
        ),
        deduplicated: [],
        replayed: [],
        accounts: [],
      }),
      { undoes: sequence },
    );
    return {
      table,
      undone: sequence,
      operation: target.operation,
      sequence: record.sequence,
      restoredFiles: record.added.length,
      restoredRows: rowsOf(record.added),
      removedFiles: record.replaced.length,
    };
  });
}

function rowsOf(files: readonly TableFile[]): bigint {
  return files.reduce((sum, file) => sum + BigInt(file.rowCount), 0n);
}

/** The rewrite, and the files it brought, by the names that they have now: a later undo may have given them back under new ones. */
async function findRewrite(
  { chain, signal, table }: RewriteContext,
  sequence: number,
): Promise<{ target: RewriteRecord; brought: TableFile[] }> {
  let target: RewriteRecord | null = null;
  const restored = new Map<string, TableFile>();
  for await (const record of chain.history({ signal })) {
    if (record.sequence === sequence && record.kind !== 'rewrite') {
      throw new BadInputError(`${table}: record ${sequence} is a record of kind ${record.kind}, not a rewrite`);
    }
    if (record.kind === 'repair' && target) {
      for (const { staged, ...file } of record.added) restored.set(originalPath(staged), file);
    }
    if (record.kind !== 'rewrite') continue;
    if (record.sequence === sequence) target = record;
    if (!target || record.undoes === null) continue;
    for (const { staged, ...file } of record.added) restored.set(originalPath(staged), file);
  }
  if (!target)
    throw new BadInputError(`${table}: expected the number of a rewrite, got ${sequence} (see "sluice undo")`);
  const brought = target.added.map(({ staged: _staged, ...file }) => {
    let current: TableFile = file;
    for (let next = restored.get(current.path); next; next = restored.get(current.path)) current = next;
    return current;
  });
  return { target, brought };
}

/** `_sluice/replaced/<sequence>/<path>` -> path. */
function originalPath(staged: string): string {
  return staged.split('/').slice(3).join('/');
}

async function checkRestorable(
  context: RewriteContext,
  target: RewriteRecord,
  brought: readonly TableFile[],
): Promise<void> {
  const { chain, files, signal, table } = context;
  const { root } = new TablePaths(table);
  const summary = chain.state.rewrites.get(target.sequence);
  if (!summary || summary.isExpired) {
    throw new BadInputError(`${table}: what rewrite ${target.sequence} replaced was deleted after its grace time`);
  }
  const later = brought.find(({ path }) => chain.state.replaced.has(path));
  if (!summary.isActive) throw new BadInputError(`${table}: rewrite ${target.sequence} is undone already`);
  if (later) throw new BadInputError(`${table}: a later rewrite has replaced ${later.path}: undo that one first`);
  for (const { path, size } of target.replaced) {
    const place = `${root}/${replacedPath(target.sequence, path)}`;
    const status = await files.stat(place, { signal });
    if (status?.size === size) continue;
    throw new BadInputError(
      `${place}: expected ${size} bytes, found ${status?.size ?? 'no file'}: it cannot be undone`,
    );
  }
}
