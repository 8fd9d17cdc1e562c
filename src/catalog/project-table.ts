import { fileURLToPath } from 'node:url';
import { liveFiles, readLayout, SchemaStore, TableChain, type TableState } from '../offsets/index.ts';
import { BadInputError } from '../shared/index.ts';
import { type Column, TablePaths, TimeFolders, tableFolder, type WarehouseFiles } from '../warehouse/index.ts';
import { type CatalogDialect, hiveColumn } from './hive-type.ts';
import { type CatalogPartition, parsePartition } from './partition-name.ts';

/** A column with its type in the words of the dialect. */
export interface CatalogColumn {
  name: string;
  type: string;
}

/** How the catalog calls a table, and where its readers find it. */
export interface CatalogPlace {
  database: string | null;
  name: string;
  /** URL of the table's folder as the readers know it: `hdfs://cluster/warehouse/events`. */
  location: string;
}

/** A table as its ledger says a catalog should have it. */
export interface CatalogTable extends CatalogPlace {
  columns: readonly CatalogColumn[];
  /** Columns of the files that a catalog cannot have because of their names, with the reason. */
  leftOut: readonly { name: string; problem: string }[];
  /** Names of the folders, outermost first; all of type string. */
  folders: readonly string[];
  /** Folders with live files, in the order of their names. */
  partitions: readonly CatalogPartition[];
  /** Time folders whose rows have expired, and that hold nothing that came later. */
  expired: readonly CatalogPartition[];
}

export interface ProjectOptions extends CatalogPlace {
  dialect: CatalogDialect;
  /** Only hours that are complete or amended. */
  isCompleteOnly: boolean;
  signal?: AbortSignal;
}

/**
 * What a catalog should say of a table, from the ledger alone: the newest schema, the live files, the states of the hours. No data
 * folder is listed. A file that a commit has just brought counts once it lies under its visible name.
 *
 * @throws BadInputError when nothing was ever loaded into such a table
 */
export async function projectTable(
  files: WarehouseFiles,
  table: string,
  options: ProjectOptions,
): Promise<CatalogTable> {
  const { database, name, location, dialect, isCompleteOnly, signal } = options;
  const schema = await new SchemaStore(files, table).current(signal ? { signal } : {});
  if (!schema) throw new BadInputError(`expected a table that has been loaded, got "${table}"`);
  const layout = await readLayout(files, table, signal);
  const times = new TimeFolders(layout);
  const { state } = await TableChain.open(files, table, signal ? { signal } : {});
  const folders = [...times.format.names, ...layout.partitionBy];
  const live = await liveFolders(files, table, state, signal);
  const partitions = [...live]
    .filter((folder) => !isCompleteOnly || isComplete(state, times.keyOf(folder)))
    .sort()
    .map((folder) => partitionOf(folder, folders));
  const liveTimes = new Set([...live].map((folder) => folder.split('/', times.format.names.length).join('/')));
  const expired = [...state.expired.keys()]
    .map((key) => times.period(key)!.folder)
    .filter((folder) => !liveTimes.has(folder))
    .sort();
  return {
    ...{ database, name, location, folders, partitions },
    ...columnsOf(withoutFolders(schema.columns, layout.partitionBy), schema.keyType, times.format.names, dialect),
    expired: expired.map((folder) => partitionOf(folder, times.format.names)),
  };
}

/**
 * The warehouse as readers of a catalog call it, where that follows from our own URL: Hadoop knows `file://` and the `webhdfs://` of
 * one NameNode. @throws BadInputError for any other
 */
function readerUrl(warehouseUrl: string): string {
  if (warehouseUrl.startsWith('file:')) return `file://${fileURLToPath(warehouseUrl)}`;
  if (/^s?webhdfs:\/\/[^,/%]+\/[^%]*$/.test(warehouseUrl)) return warehouseUrl;
  const expected =
    "expected --location URL: the warehouse as the catalog's readers call it, such as hdfs://nameservice/warehouse";
  throw new BadInputError(`${expected} (they do not know ${warehouseUrl})`);
}

/**
 * Where a catalog has a table, by what somebody said of it. `location`: the warehouse as the catalog's readers call it; no part of it is
 * percent-decoded by them. @throws BadInputError when it is not said and does not follow from our own URL
 */
export function catalogPlace(
  { url }: Pick<WarehouseFiles, 'url'>,
  table: string,
  said: { database?: string | undefined; name?: string | undefined; location?: string | undefined },
): CatalogPlace {
  const { database = null, name = table, location = readerUrl(url) } = said;
  return { database, name, location: `${location.replace(/\/+$/, '')}/${tableFolder(table)}` };
}

async function liveFolders(
  files: WarehouseFiles,
  table: string,
  state: TableState,
  signal: AbortSignal | undefined,
): Promise<Set<string>> {
  const { root } = new TablePaths(table);
  const folders = new Set<string>();
  const unsure = new Map<string, string[]>();
  for await (const { path, staged } of liveFiles(files, table, { state, ...(signal ? { signal } : {}) })) {
    const folder = path.slice(0, path.lastIndexOf('/'));
    if (staged === null) folders.add(folder);
    else unsure.set(folder, [...(unsure.get(folder) ?? []), path]);
  }
  for (const [folder, paths] of unsure) {
    for (const path of paths) {
      if (folders.has(folder)) break;
      if (await files.stat(`${root}/${path}`, signal ? { signal } : {})) folders.add(folder);
    }
  }
  return folders;
}

function isComplete({ hours, expired }: TableState, key: string | null): boolean {
  return key !== null && !expired.has(key) && hours.get(key)?.state === 'complete';
}

/** Fields with folders of their own are no columns. */
function withoutFolders(columns: readonly Column[], partitionBy: readonly string[]): Column[] {
  const fields = partitionBy.map((name) => name.toLowerCase());
  return columns.filter(({ name }) => !fields.includes(name.toLowerCase()));
}

/** The columns in the order of the files: those of the schema, then the system columns. `times`: names that folders have taken. */
function columnsOf(
  columns: readonly Column[],
  keyType: 'bytes' | 'string',
  times: readonly string[],
  dialect: CatalogDialect,
): Pick<CatalogTable, 'columns' | 'leftOut'> {
  const known: CatalogColumn[] = [];
  const leftOut: { name: string; problem: string }[] = [];
  for (const { name, type } of columns) {
    const column = hiveColumn(name, type, dialect);
    if (times.includes(name.toLowerCase())) leftOut.push({ name, problem: 'the folders of the time have that name' });
    else if (column.problem === null) known.push({ name, type: column.type });
    else leftOut.push({ name, problem: column.problem });
  }
  const system = [
    { name: '_partition', type: 'int' },
    { name: '_offset', type: 'bigint' },
    { name: '_timestamp', type: 'timestamp' },
    { name: '_key', type: keyType === 'string' ? 'string' : 'binary' },
  ];
  return { columns: [...known, ...system], leftOut };
}

function partitionOf(folder: string, names: readonly string[]): CatalogPartition {
  const partition = parsePartition(folder, names);
  if (partition) return partition;
  throw new BadInputError(
    `expected folders ${names.map((name) => `${name}=...`).join('/')} in the ledger, got "${folder}"`,
  );
}
