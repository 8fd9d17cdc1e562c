import type { LedgerFile, TableFile } from '../offsets/index.ts';
import { describeError } from '../shared/index.ts';
import { type ParquetFooter, type RangedReader, readParquetFooter, type WarehouseFiles } from '../warehouse/index.ts';

/** Ranges of a file in the warehouse. */
export function rangesOf(files: WarehouseFiles, path: string, signal?: AbortSignal): RangedReader {
  return async (offset, length) => await files.read(path, { offset, length, ...(signal ? { signal } : {}) });
}

/**
 * Compares a file of the ledger with what lies in the warehouse: size, and the footer's own account of rows, offsets, times,
 * content hash and schema; gives the differences. `mayBeStaged`: its move may not have been made yet, then the staged file counts.
 */
export async function auditFile(
  files: WarehouseFiles,
  root: string,
  file: LedgerFile,
  mayBeStaged: boolean,
  signal?: AbortSignal,
): Promise<string[]> {
  const found = await locate(files, root, file, mayBeStaged, signal);
  if (!found) return [`${file.path}: missing (${file.rowCount} rows)`];
  const problems: string[] = [];
  if (found.size !== file.size) problems.push(`${file.path}: ${found.size} bytes, the ledger says ${file.size}`);
  try {
    const footer = await readParquetFooter(rangesOf(files, found.path, signal), found.size);
    problems.push(...footerProblems(file, footer));
  } catch (error) {
    if (signal?.aborted) throw error;
    problems.push(`${file.path}: ${describeError(error)}`);
  }
  return problems;
}

/** The same for a file that a rewrite brought. `staged`: where it lies until its move is made. */
export async function auditAddedFile(
  files: WarehouseFiles,
  root: string,
  file: TableFile,
  staged: string | null,
  signal?: AbortSignal,
): Promise<string[]> {
  const place = { path: file.path, staged: staged ?? file.path };
  const found = await locate(files, root, place, staged !== null, signal);
  if (!found) return [`${file.path}: missing (${file.rowCount} rows)`];
  const problems: string[] = [];
  if (found.size !== file.size) problems.push(`${file.path}: ${found.size} bytes, the table's chain says ${file.size}`);
  try {
    const footer = await readParquetFooter(rangesOf(files, found.path, signal), found.size);
    problems.push(...differences(file.path, "the table's chain", commonClaims(file, footer)));
  } catch (error) {
    if (signal?.aborted) throw error;
    problems.push(`${file.path}: ${describeError(error)}`);
  }
  return problems;
}

/** Where a file of a record lies, and its size; null when it is at none of its places. */
export async function locate(
  files: WarehouseFiles,
  root: string,
  file: { path: string; staged: string },
  mayBeStaged: boolean,
  signal: AbortSignal | undefined,
): Promise<{ path: string; size: number } | null> {
  // A move may come between two looks: staged, then visible.
  const places = mayBeStaged ? [file.path, file.staged, file.path] : [file.path];
  for (const place of places) {
    const path = `${root}/${place}`;
    const status = await files.stat(path, signal ? { signal } : {});
    if (status?.type === 'file') return { path, size: status.size };
  }
  return null;
}

type Claim = [name: string, expected: bigint | number | string, found: number | string | undefined];

/** `sluice.*` pairs of the footer are what the engine counted when it wrote the file. */
function footerProblems(file: LedgerFile, footer: ParquetFooter): string[] {
  const claims: Claim[] = [
    ...commonClaims(file, footer),
    ['first offset', file.firstOffset, footer.metadata.get('sluice.first-offset')],
    ['last offset', file.lastOffset, footer.metadata.get('sluice.last-offset')],
  ];
  return differences(file.path, 'the ledger', claims);
}

type FileFacts = Pick<LedgerFile, 'rowCount' | 'minTimeMs' | 'maxTimeMs' | 'contentHash' | 'schemaId'>;

function commonClaims(file: FileFacts, footer: ParquetFooter): Claim[] {
  return [
    ['rows', file.rowCount, footer.rowCount],
    ['rows in row groups', file.rowCount, footer.rowGroups.reduce((sum, group) => sum + group.rowCount, 0)],
    ['smallest time', file.minTimeMs, footer.metadata.get('sluice.min-time-ms')],
    ['largest time', file.maxTimeMs, footer.metadata.get('sluice.max-time-ms')],
    ['content hash', file.contentHash, footer.metadata.get('sluice.content-hash')],
    ['schema', file.schemaId, footer.metadata.get('sluice.schema-id')],
  ];
}

function differences(path: string, who: string, claims: readonly Claim[]): string[] {
  return claims
    .filter(([, expected, found]) => String(expected) !== String(found ?? ''))
    .map(([name, expected, found]) => `${path}: its footer says ${name} ${found ?? 'nothing'}, ${who} ${expected}`);
}

/** Whether a dead-letter file is there with the size the ledger says: the problem, or null. */
export async function auditDeadLetterFile(
  files: WarehouseFiles,
  root: string,
  file: { path: string; staged: string; size: number; count: number },
  mayBeStaged: boolean,
  signal?: AbortSignal,
): Promise<string | null> {
  const found = await locate(files, root, file, mayBeStaged, signal);
  if (!found) return `${file.path}: missing (${file.count} dead letters)`;
  return found.size === file.size ? null : `${file.path}: ${found.size} bytes, the ledger says ${file.size}`;
}
