import type { WarehouseFiles } from '../warehouse/index.ts';

/** Readers such as Spark and Hive do not see names that begin like this. */
function isHidden(name: string): boolean {
  return name.startsWith('_') || name.startsWith('.');
}

/** Every file that readers of the table see: path relative to the table -> bytes. Memory: one entry a file. */
export async function listVisibleFiles(
  files: WarehouseFiles,
  tableRoot: string,
  signal?: AbortSignal,
): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const path = folder === '' ? tableRoot : `${tableRoot}/${folder}`;
    for (const entry of await files.list(path, signal ? { signal } : {})) {
      if (isHidden(entry.name)) continue;
      const child = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.type === 'directory') folders.push(child);
      else found.set(child, entry.size);
    }
  }
  return found;
}
