/**
 * What can be done about a table's chain that cannot be read. The discipline is that of a partition's chain (ledger-repair.ts): only the
 * last record can be made void, by the next record; nothing is deleted; the damaged file stays where it is.
 *
 * What is lost with the record is done again by whoever did it: a closer closes, a compactor compacts. A rewrite that had begun
 * to move files aside is the one that needs care: those files are the table's still, so the same record brings them back, under
 * new names, because no path is ever used twice. All intents but those to rewind are over with it, so whoever prepares
 * a rewrite finds its record refused and begins anew.
 */
import { randomBytes } from 'node:crypto';
import { type Clock, systemClock } from '../../shared/index.ts';
import { TablePaths, type WarehouseFiles } from '../../warehouse/index.ts';
import { sha256Hex } from '../canonical-json.ts';
import { readRecords } from '../chain-history.ts';
import { DamagedRecordError, readTail, signalOption } from '../chain-reader.ts';
import { createChecked } from '../era-turn.ts';
import { LedgerError } from '../ledger-error.ts';
import { absolutePath, recordName, relativePath } from '../ledger-paths.ts';
import { closeAnnouncedEra } from '../ledger-repair.ts';
import { appendRecord } from '../record-appender.ts';
import { liveFiles } from './live-files.ts';
import { type TableFormat, tableFormat } from './table-format.ts';
import { moveRewrittenFiles } from './table-moves.ts';
import { rewriteFileName, rewritesFolder } from './table-paths.ts';
import {
  type AddedFile,
  type TableFile,
  type TableRepairRecord,
  type TableWriter,
  tableFormatVersion,
} from './table-record.ts';
import { afterEraEnd, emptyTableState, type OpenIntent, type TableState } from './table-state.ts';
import { encodeStateFile } from './table-state-file.ts';
import { awayBy, setUnknownManifestsAside, stagedBefore, visibleOf } from './table-void-files.ts';

/** A table's chain whose last record cannot be read. */
export interface TableDamage {
  table: string;
  /** Absolute path of the damaged record, its number, what is wrong with it. */
  path: string;
  sequence: number;
  problem: string;
  bytes: Buffer;
  /** The state before it. */
  before: TableState;
  /** Absolute paths of files that the record may have brought, seen or staged. */
  brought: string[];
  /** Files of the table that the record had moved aside: where they lie, relative to the table. */
  away: { staged: string; file: TableFile }[];
  /** Who may have written it: the intents that were open. */
  intents: OpenIntent[];
}

/** Null: the chain is in order. Throws the LedgerError of a damage that cannot be made void. */
export async function examineTableDamage(
  files: WarehouseFiles,
  table: string,
  signal?: AbortSignal,
): Promise<TableDamage | null> {
  try {
    await readTail(files, tableFormat(table), signal);
    return null;
  } catch (error) {
    if (!(error instanceof DamagedRecordError) || !error.isLast) throw error;
    const { sequence, message } = error;
    const before = error.before as unknown as TableState;
    const path = error.path!;
    if (before.sequence === 0) {
      throw new LedgerError(
        'broken-chain',
        `${path}: the chain holds nothing else yet: stop whoever writes to the table and remove ${rewritesFolder(table)}`,
        { path },
      );
    }
    const bytes = await files.read(path, signalOption(signal));
    const brought = [
      ...(await visibleOf(files, table, sequence, signal)),
      ...(await stagedBefore(files, table, sequence, signal)),
    ];
    const away = await filesAway(files, before, sequence, signal);
    const intents = [...before.intents.values()].filter(({ operation }) => operation !== 'rewind');
    const problem = message.slice(path.length + 2, message.indexOf('; the partition stops'));
    return { table, path, sequence, problem, bytes, before, brought, away, intents };
  }
}

async function filesAway(
  files: WarehouseFiles,
  before: TableState,
  sequence: number,
  signal: AbortSignal | undefined,
): Promise<TableDamage['away']> {
  const staged = await awayBy(files, before.table, sequence, signal);
  if (staged.length === 0) return [];
  const prefix = `_sluice/replaced/${String(sequence).padStart(20, '0')}/`.length;
  const byPath = new Map(staged.map((path) => [path.slice(prefix), path]));
  const found: TableDamage['away'] = [];
  for await (const live of liveFiles(files, before.table, { state: before, ...signalOption(signal) })) {
    const { sequence: _sequence, staged: _staged, ...file } = live;
    const place = byPath.get(file.path);
    if (place !== undefined) found.push({ staged: place, file });
  }
  return found;
}

/** Makes the damaged record void. The caller has made sure that whoever wrote it has ended. */
export async function voidTableRecord(
  files: WarehouseFiles,
  damage: TableDamage,
  by: { writer: TableWriter; reason: string; clock?: Clock; signal?: AbortSignal },
): Promise<TableRepairRecord> {
  const { table, before, sequence, bytes } = damage;
  const { signal, writer, reason, clock = systemClock } = by;
  const unique = (): string => randomBytes(8).toString('hex');
  for (const record of before.pending) await moveRewrittenFiles(files, record, before, signal);
  const aside = `${new TablePaths(table).system}/repair/table-${sequence}-${unique()}`;
  await files.create(`${aside}/record.json`, { bytes }, signalOption(signal));
  await setUnknownManifestsAside(files, before, aside, signal);
  await closeAnnouncedEra(files, rewritesFolder(table), before.era, signal);
  const record: TableRepairRecord = {
    formatVersion: tableFormatVersion,
    kind: 'repair',
    era: before.era,
    sequence: sequence + 1,
    table,
    writer,
    attempt: unique(),
    writtenAtMs: Math.round(await files.nowMs(signalOption(signal))),
    previousHash: before.lastHash,
    publishedThrough: before.sequence,
    voids: sequence,
    damaged: { size: bytes.length, sha256: sha256Hex(bytes) },
    aside: relativePath(table, aside),
    replaced: damage.away.map(({ file }) => file),
    added: damage.away.map(({ staged, file }, index) => returning(file, staged, sequence + 1, index)),
    reason,
  };
  const format = tableFormat(table);
  const context = { files, format, clock, unique, attempts: 5, retryMs: 200 };
  const result = await appendRecord(context, before.eraFolder, record, signal);
  if (result.outcome === 'lost') {
    throw new LedgerError(
      'fenced',
      `${damage.path} is not the last record any more: somebody could read it and has gone on`,
    );
  }
  const path = `${format.folder}/${before.eraFolder}/${recordName(record.sequence)}`;
  const { encoded } = result;
  const state = format.apply(before, { record, hash: encoded.hash, size: encoded.bytes.length, path });
  await moveRewrittenFiles(files, record, state, signal);
  return record;
}

function returning(file: TableFile, staged: string, sequence: number, index: number): AddedFile {
  const folder = file.path.slice(0, file.path.lastIndexOf('/'));
  return { ...file, staged, path: `${folder}/${rewriteFileName(file.topic, sequence, index)}` };
}

/**
 * Writes a lost or altered state file of the chain again, from the records of all eras before it. It must come to the very bytes
 * that the chain has recorded. Gives its path; null: there is no such damage. Throws LedgerError when that cannot be done.
 * `isTrial`: writes nothing.
 */
export async function restoreTableState(
  files: WarehouseFiles,
  table: string,
  { isTrial = false, signal }: { isTrial?: boolean; signal?: AbortSignal } = {},
): Promise<string | null> {
  const format = tableFormat(table);
  const tail = await readTail(files, withoutStateFiles(format), signal).catch((error: unknown) => {
    if (error instanceof DamagedRecordError && error.isLast) return error.before as unknown as TableState;
    throw error;
  });
  if (!tail.stateFile) return null;
  const path = absolutePath(table, tail.stateFile.path);
  const there = await files.stat(path, signalOption(signal));
  const isWhole = there && sha256Hex(await files.read(path, signalOption(signal))) === tail.stateFile.sha256;
  if (isWhole) return null;
  const closing = tail.eraFirstSequence - 1;
  let state = emptyTableState(table);
  for await (const record of readRecords(files, format, tail, signal)) {
    if (record.sequence >= closing) break;
    const { hash, bytes } = format.encode(record);
    state = format.apply(state, { record, hash, size: bytes.length, path });
  }
  const bytes = encodeStateFile(state);
  if (sha256Hex(bytes) !== tail.stateFile.sha256) {
    throw new LedgerError(
      'unreadable-record',
      `${path}: the records come to another state than the chain has recorded`,
      {
        path,
      },
    );
  }
  if (isTrial) return path;
  if (there) await moveOutOfTheWay(files, table, path, signal);
  await createChecked(files, path, bytes, signal);
  return path;
}

async function moveOutOfTheWay(
  files: WarehouseFiles,
  table: string,
  path: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const aside = `${new TablePaths(table).system}/repair/table-state-${randomBytes(8).toString('hex')}`;
  await files.mkdirs(aside, signalOption(signal));
  await files.publishIfAbsent(path, `${aside}/state.ndjson`, signalOption(signal));
}

/** Reads where the chain stands, but not what its tables hold. */
function withoutStateFiles(format: TableFormat): TableFormat {
  return {
    ...format,
    begin: (_files, { record, hash, path }, folder) => {
      if (record.kind === 'era-end') return afterEraEnd(emptyTableState(format.table), record, hash, folder);
      throw new LedgerError('broken-chain', `${path}: expected the record that closes its era`, { path });
    },
  };
}
