import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SluiceError } from '../../shared/index.ts';
import type { WarehouseFiles } from './warehouse-files.ts';

const pieceBytes = 8 * 1024 * 1024;

/** Copies a file of the warehouse to the local disk, piece by piece. Throws SluiceError `wrong-size` when it is not of `size` bytes. */
export async function copyToLocal(
  files: WarehouseFiles,
  path: string,
  localPath: string,
  size: number,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(dirname(localPath), { recursive: true });
  await checkSize(files, path, size, signal);
  const file = await open(localPath, 'wx');
  try {
    for (let at = 0; at < size; ) {
      const bytes = await files.read(path, { offset: at, length: Math.min(pieceBytes, size - at), signal });
      if (bytes.length === 0) throw new SluiceError('wrong-size', `${path}: ended after ${at} of ${size} bytes`);
      await file.writeFile(bytes);
      at += bytes.length;
    }
  } finally {
    await file.close();
  }
}

/**
 * Where a library can read a file of the warehouse: in its place when the warehouse is a local folder, else in a copy at `copyPath`.
 * `paths`: where the file may lie, the likelier place first (a file whose move is not known to be made may lie at both). Throws as
 * `copyToLocal` does when it lies at none of them.
 */
export async function localPathOf(
  files: WarehouseFiles,
  paths: readonly string[],
  copyPath: string,
  size: number,
  signal: AbortSignal,
): Promise<string> {
  for (const [i, path] of paths.entries()) {
    try {
      if (files.url.startsWith('file:')) {
        await checkSize(files, path, size, signal);
        return join(fileURLToPath(files.url), path);
      }
      await copyToLocal(files, path, copyPath, size, signal);
      return copyPath;
    } catch (error) {
      const isGone = error instanceof SluiceError && error.code === 'wrong-size' && error.isRetriable;
      if (!isGone || i === paths.length - 1) throw error;
    }
  }
  throw new SluiceError('wrong-size', 'expected a place to look for the file, got none');
}

async function checkSize(files: WarehouseFiles, path: string, size: number, signal: AbortSignal): Promise<void> {
  const status = await files.stat(path, { signal });
  if (status?.size === size) return;
  throw new SluiceError('wrong-size', `${path}: expected ${size} bytes, found ${status?.size ?? 'no file'}`, {
    isRetriable: status === null, // a rewrite may have moved it a moment ago
  });
}
