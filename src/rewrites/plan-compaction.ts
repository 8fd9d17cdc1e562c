import { type LiveFile, liveFiles, SchemaStore, type TableState } from '../offsets/index.ts';
import { TablePaths, type TableSchema, type WarehouseFiles } from '../warehouse/index.ts';
import type { RewriteContext } from './rewrite-context.ts';

export interface CompactionRules {
  /** Size of the files to come; those below half of it count as small. */
  targetBytes: number;
  /** Only this folder of the table (`dt=2026-11-21/hr=07`); null: all. */
  folder: string | null;
  /** Files with events younger than this are left alone: their hour may still grow. */
  olderThanMs: number;
  /** All files of a folder in one, because rows that agree in a key may be anywhere in it. */
  wholeFolders: boolean;
}

/** Files that become one. */
export interface CompactionGroup {
  folder: string;
  /** The widest of the files' schemas. */
  schema: TableSchema;
  files: LiveFile[];
}

/**
 * Which files of the table should be merged: small ones of hours that are over, of all partitions together, as many as make a
 * file of the target size. Memory: one entry per small file.
 */
export async function planCompaction(
  context: RewriteContext,
  state: TableState,
  rules: CompactionRules,
): Promise<CompactionGroup[]> {
  const { files, table, signal } = context;
  const oldMs = (await files.nowMs({ signal })) - rules.olderThanMs;
  const options = { state, signal, ...(rules.folder === null ? {} : { hour: rules.folder }) };
  const byFolder = new Map<string, LiveFile[]>();
  for await (const file of liveFiles(files, table, options)) {
    if (!rules.wholeFolders && file.size > rules.targetBytes / 2) continue;
    const key = `${folderOf(file.path)}\0${file.topicId}`;
    byFolder.set(key, [...(byFolder.get(key) ?? []), file]);
  }
  const schemas = new Schemas(files, table, signal);
  const groups: CompactionGroup[] = [];
  for (const [key, found] of [...byFolder].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (found.some((file) => file.maxTimeMs > BigInt(oldMs))) continue;
    const visible = await onlyVisible(files, table, found, signal);
    if (rules.wholeFolders && visible.length < found.length) continue; // a commit is just being made visible
    for (const alike of await schemas.groups(visible)) {
      const folder = key.slice(0, key.indexOf('\0'));
      for (const bin of bins(alike.files, rules)) groups.push({ folder, schema: alike.schema, files: bin });
    }
  }
  return groups;
}

export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

/** A file that still lies in staging is its owner's to move: it is left for the next time. */
export async function onlyVisible(
  files: WarehouseFiles,
  table: string,
  found: readonly LiveFile[],
  signal: AbortSignal,
): Promise<LiveFile[]> {
  const { root } = new TablePaths(table);
  const visible: LiveFile[] = [];
  for (const file of found) {
    const isThere = file.staged === null || (await files.stat(`${root}/${file.path}`, { signal }));
    if (isThere) visible.push(file);
  }
  return visible;
}

/** Neighbours by name, so mostly of one partition and in the order of their offsets. */
function bins(files: readonly LiveFile[], { targetBytes, wholeFolders }: CompactionRules): LiveFile[][] {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  if (wholeFolders) return sorted.some(({ sequence }) => sequence !== null) ? [sorted] : [];
  const found: LiveFile[][] = [];
  let bin: LiveFile[] = [];
  let bytes = 0;
  for (const file of sorted) {
    if (bin.length > 0 && bytes + file.size > targetBytes) {
      found.push(bin);
      bin = [];
      bytes = 0;
    }
    bin.push(file);
    bytes += file.size;
  }
  found.push(bin);
  return found.filter(({ length }) => length > 1);
}

const integers = new Set<string>(['int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32']);

/** Whether a value counts the same in the content hash under both types. */
function isSameCell(a: string, b: string): boolean {
  return a === b || (integers.has(a) && integers.has(b)) || (a.startsWith('decimal(') && b.startsWith('decimal('));
}

/** The schemas that files were written with. */
class Schemas {
  readonly #store: SchemaStore;
  readonly #signal: AbortSignal;
  readonly #known = new Map<number, TableSchema>();

  constructor(files: WarehouseFiles, table: string, signal: AbortSignal) {
    this.#store = new SchemaStore(files, table);
    this.#signal = signal;
  }

  /** Files whose rows are the same rows under one schema, the widest of each group. */
  async groups(files: readonly LiveFile[]): Promise<{ schema: TableSchema; files: LiveFile[] }[]> {
    const ids = [...new Set(files.map(({ schemaId }) => schemaId))].sort((a, b) => b - a);
    const found: { schema: TableSchema; ids: number[] }[] = [];
    for (const id of ids) {
      const schema = await this.#read(id);
      const home = found.find((group) => isPartOf(schema, group.schema));
      if (home) home.ids.push(id);
      else found.push({ schema, ids: [id] });
    }
    return found.map((group) => ({
      schema: group.schema,
      files: files.filter(({ schemaId }) => group.ids.includes(schemaId)),
    }));
  }

  async #read(id: number): Promise<TableSchema> {
    const schema = this.#known.get(id) ?? (await this.#store.read(id, { signal: this.#signal }));
    this.#known.set(id, schema);
    return schema;
  }
}

function isPartOf(part: TableSchema, whole: TableSchema): boolean {
  const byName = new Map(whole.columns.map(({ name, type }) => [name, type]));
  return (
    part.keyType === whole.keyType &&
    part.columns.every(({ name, type }) => {
      const other = byName.get(name);
      return other !== undefined && isSameCell(type, other);
    })
  );
}
