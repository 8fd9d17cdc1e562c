import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
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
  const status = await files.stat(path, { signal });
  if (status?.size !== size) {
    throw new SluiceError('wrong-size', `${path}: expected ${size} bytes, found ${status?.size ?? 'no file'}`, {
      isRetriable: status === null, // a rewrite may have moved it a moment ago
    });
  }
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
