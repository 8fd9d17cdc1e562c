/**
 * What a void record of a table's chain may have brought is taken out of readers' sight. Nothing is deleted. First what is staged goes,
 * so that nothing more can become visible, then what has become visible.
 */
import { TablePaths, TimeFolders, type WarehouseFiles } from '../../warehouse/index.ts';
import { signalOption } from '../chain-reader.ts';
import { readLayout } from '../layout-store.ts';
import { absolutePath } from '../ledger-paths.ts';
import { foldersOfTable, moveAside } from '../void-files.ts';
import { rewriteFolders } from './table-paths.ts';
import type { TableRepairRecord } from './table-record.ts';
import type { TableState } from './table-state.ts';

/** Can be repeated, by anybody who knows the record. */
export async function setTableVoidAside(
  files: WarehouseFiles,
  record: TableRepairRecord,
  table: string,
  signal?: AbortSignal,
): Promise<void> {
  const aside = absolutePath(table, record.aside);
  await files.mkdirs(aside, signalOption(signal));
  await moveAside(() => stagedBefore(files, table, record.voids, signal), files, aside, signal);
  await moveAside(() => visibleOf(files, table, record.voids, signal), files, aside, signal);
  const returning = new Set(record.added.map(({ staged }) => absolutePath(table, staged)));
  const strange = async (): Promise<string[]> => {
    const away = await awayBy(files, table, record.voids, signal);
    return away.map((path) => absolutePath(table, path)).filter((path) => !returning.has(path));
  };
  await moveAside(strange, files, aside, signal);
}

/** Everything that rewrites have staged with an intent of that number or before: none of them is open any more. */
export async function stagedBefore(
  files: WarehouseFiles,
  table: string,
  sequence: number,
  signal?: AbortSignal,
): Promise<string[]> {
  const { staging } = rewriteFolders(table);
  const folders = await files.list(staging, signalOption(signal));
  const found: string[] = [];
  for (const { name } of folders.filter((folder) => /^\d{20}$/.test(folder.name) && Number(folder.name) <= sequence)) {
    for (const file of await files.list(`${staging}/${name}`, signalOption(signal))) {
      found.push(`${staging}/${name}/${file.name}`);
    }
  }
  return found;
}

/** Files under visible names that carry the record's number, dead letters too. */
export async function visibleOf(
  files: WarehouseFiles,
  table: string,
  sequence: number,
  signal?: AbortSignal,
): Promise<string[]> {
  const paths = new TablePaths(table);
  const number = String(sequence).padStart(20, '0');
  const isOurs = new RegExp(`^part\\+.*\\+rewrite\\+${number}\\+\\d{6}\\.parquet$`);
  const found: string[] = [];
  for await (const folder of foldersOfTable(files, paths.root, signal)) {
    const entries = await files.list(folder, signalOption(signal));
    found.push(...entries.filter(({ name }) => isOurs.test(name)).map(({ name }) => `${folder}/${name}`));
  }
  for (const path of await filesBelow(files, `${paths.system}/dead`, signal)) {
    if (path.endsWith(`+r${number}.jsonl`)) found.push(path);
  }
  return found;
}

/** What lies in the folder of the files that the record replaced: their paths within the table, below that folder. */
export async function awayBy(
  files: WarehouseFiles,
  table: string,
  sequence: number,
  signal?: AbortSignal,
): Promise<string[]> {
  const { root } = new TablePaths(table);
  const folder = `${rewriteFolders(table).replaced}/${String(sequence).padStart(20, '0')}`;
  return (await filesBelow(files, folder, signal)).map((path) => path.slice(root.length + 1));
}

/**
 * A void record may have said that an hour is complete, and its manifest may be seen: then the next closer would find its own
 * name taken. So manifests that the chain does not know go aside, and `_SUCCESS` of hours that are not complete without them.
 */
export async function setUnknownManifestsAside(
  files: WarehouseFiles,
  before: TableState,
  aside: string,
  signal?: AbortSignal,
): Promise<void> {
  const { table } = before;
  const { root, system } = new TablePaths(table);
  const times = new TimeFolders(await readLayout(files, table, signal));
  await files.mkdirs(aside, signalOption(signal));
  const find = async (): Promise<string[]> => {
    const found: string[] = [];
    for (const { name: hour } of await files.list(`${system}/manifests`, signalOption(signal))) {
      const known = before.hours.get(hour)?.revision ?? 0;
      const kept = await files.list(`${system}/manifests/${hour}`, signalOption(signal));
      const folder = times.period(hour)?.folder;
      if (folder === undefined || !kept.some(({ name }) => Number(name.slice(0, 10)) > known)) continue;
      for (const { name } of await files.list(`${root}/${folder}`, signalOption(signal))) {
        const revision = Number(/^_manifest-(\d+)\.json$/.exec(name)?.[1] ?? 0);
        if (revision > known || (name === '_SUCCESS' && known === 0)) found.push(`${root}/${folder}/${name}`);
      }
    }
    return found;
  };
  await moveAside(find, files, aside, signal);
}

async function filesBelow(files: WarehouseFiles, folder: string, signal: AbortSignal | undefined): Promise<string[]> {
  const found: string[] = [];
  for (const { name, type } of await files.list(folder, signalOption(signal))) {
    if (type === 'directory') found.push(...(await filesBelow(files, `${folder}/${name}`, signal)));
    else found.push(`${folder}/${name}`);
  }
  return found;
}
