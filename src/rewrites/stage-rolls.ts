import type { SealedRoll } from '../loader/index.ts';
import type { AddedFile, RangeAccount, TableState } from '../offsets/index.ts';
import { rewriteFileName } from '../offsets/index.ts';
import { TablePaths } from '../warehouse/index.ts';
import type { RewriteContext } from './rewrite-context.ts';
import type { RewriteSession, StagedFile } from './rewrite-session.ts';

/** A staged file and the folder in which it will be seen. */
export interface PlacedFile {
  folder: string;
  file: StagedFile;
}

/** The account of a roll whose files are staged; its dead letters get their name with the record's number. */
export interface StagedAccount extends Omit<RangeAccount, 'deadLetters'> {
  deadLetters: { staged: string; size: number; count: number; first: bigint; last: bigint } | null;
}

interface RollPlace {
  topic: string;
  topicId: string;
  partition: number;
}

/** Uploads the files of a roll. */
export async function stageRoll(
  session: RewriteSession,
  place: RollPlace,
  roll: SealedRoll,
): Promise<{ files: PlacedFile[]; account: StagedAccount }> {
  const { topicId, partition } = place;
  const files: PlacedFile[] = [];
  for (const sealed of roll.files) {
    const { localPath, folder, firstOffset, lastOffset, size, ...facts } = sealed;
    const { rowCount, contentHash } = facts;
    const ranges = [{ topicId, partition, first: firstOffset, next: lastOffset + 1n, rowCount, contentHash }];
    const staged = await session.stage(localPath, size, 'parquet');
    files.push({ folder, file: { ...facts, ...place, size, staged, ranges } });
  }
  const { first, next, landedCount, notLanded, deadLetters: sealed } = roll;
  const deadLetters = sealed && {
    staged: await session.stage(sealed.localPath, sealed.size, 'jsonl'),
    size: sealed.size,
    count: sealed.count,
    first: sealed.firstOffset,
    last: sealed.lastOffset,
  };
  return { files, account: { topicId, partition, first, next, landedCount, notLanded, deadLetters } };
}

/** The files with the names that they get by the next record of the table's chain. */
export function named(files: readonly PlacedFile[], state: TableState): AddedFile[] {
  return files.map(({ folder, file }, index) => {
    return { ...file, path: `${folder}/${rewriteFileName(file.topic, state.sequence + 1, index)}` };
  });
}

/** The same for accounts: a dead-letter file is named as a commit's is, with `r` and the number of the table's record. */
export function namedAccounts(
  { table }: RewriteContext,
  accounts: readonly StagedAccount[],
  state: TableState,
): RangeAccount[] {
  const paths = new TablePaths(table);
  const sequence = String(state.sequence + 1).padStart(20, '0');
  return accounts.map(({ deadLetters, ...account }) => {
    if (!deadLetters) return { ...account, deadLetters };
    const { staged, size, count, first, last } = deadLetters;
    const folder = paths.deadLetterFolder(account.topicId, account.partition).slice(paths.root.length + 1);
    const [from, to] = [first, last].map((offset) => String(offset).padStart(20, '0'));
    return {
      ...account,
      deadLetters: { staged, size, count, path: `${folder}/dead+${from}+${to}+r${sequence}.jsonl` },
    };
  });
}
