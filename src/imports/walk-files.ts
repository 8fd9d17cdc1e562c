import type { FileStatus, WarehouseFiles } from '../warehouse/index.ts';

export function joinPath(folder: string, name: string): string {
  return folder === '/' ? `/${name}` : `${folder}/${name}`;
}

/** All files below a folder, folder by folder, without what `isHidden` says. Holds one path of folders in memory. */
export async function* walkFiles(
  files: WarehouseFiles,
  folder: string,
  isHidden: (status: FileStatus) => boolean,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ path: string; status: FileStatus }> {
  for (const status of await files.list(folder, signal ? { signal } : {})) {
    if (isHidden(status)) continue;
    const path = joinPath(folder, status.name);
    if (status.type === 'directory') yield* walkFiles(files, path, isHidden, signal);
    else yield { path, status };
  }
}
