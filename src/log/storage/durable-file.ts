/**
 * Small files that must be either the old or the new one after a crash: written under a temporary name (`<name>.tmp`), synced,
 * renamed, and the folder synced. JSON files carry the CRC32C of their content, so that a flipped bit is noticed:
 *
 *   {"checksum":"<8 hex digits>", ...fields}   the checksum is over JSON.stringify of the object without `checksum`.
 *
 * A file without `checksum` is accepted: that is how a person edits one by hand.
 */
import { dirname } from 'node:path';
import { crc32c } from '../../wire/index.ts';
import { errnoOf, isDiskFull } from './log-error.ts';
import type { LogFileSystem } from './log-file-system.ts';

export const temporarySuffix = '.tmp';

export interface FileContent {
  path: string;
  bytes: Buffer;
}

export async function writeFileDurably(fileSystem: LogFileSystem, path: string, bytes: Buffer): Promise<void> {
  await writeFilesDurably(fileSystem, dirname(path), [{ path, bytes }]);
}

/** Several files of one folder, each the old or the new one after a crash; the folder is synced once. */
export async function writeFilesDurably(
  fileSystem: LogFileSystem,
  directory: string,
  files: FileContent[],
): Promise<void> {
  for (const { path, bytes } of files) {
    const temporary = path + temporarySuffix;
    try {
      await writeNewFile(fileSystem, temporary, bytes);
    } catch (error) {
      if (isDiskFull(error)) await removeFileIfThere(fileSystem, temporary);
      throw error;
    }
    await fileSystem.rename(temporary, path);
  }
  await fileSystem.syncDirectory(directory);
}

/** The bytes are durable when this resolves; the name is not, until its folder is synced. */
export async function writeNewFile(fileSystem: LogFileSystem, path: string, bytes: Buffer): Promise<void> {
  const file = await fileSystem.open(path, 'create');
  try {
    await file.write([bytes], 0);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** null when there is no such file. */
export async function readFileIfThere(fileSystem: LogFileSystem, path: string): Promise<Buffer | null> {
  const status = await fileSystem.stat(path);
  if (!status) return null;
  const file = await fileSystem.open(path, 'read');
  try {
    const bytes = Buffer.alloc(status.sizeBytes);
    return bytes.subarray(0, await file.read(bytes, 0));
  } finally {
    await file.close();
  }
}

export async function removeFileIfThere(fileSystem: LogFileSystem, path: string): Promise<void> {
  try {
    await fileSystem.removeFile(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/** Whether it was missing; then its name is not durable until the parent is synced. */
export async function makeDirectoryIfMissing(fileSystem: LogFileSystem, path: string): Promise<boolean> {
  try {
    await fileSystem.makeDirectory(path);
    return true;
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    return false;
  }
}

export async function writeJsonDurably(fileSystem: LogFileSystem, path: string, content: object): Promise<void> {
  const text = JSON.stringify({ checksum: checksumOf(content), ...content }, null, 1);
  await writeFileDurably(fileSystem, path, Buffer.from(`${text}\n`));
}

/** null when there is no such file; 'damaged' when it is not JSON or its checksum does not fit. */
export async function readJson(
  fileSystem: LogFileSystem,
  path: string,
): Promise<Record<string, unknown> | 'damaged' | null> {
  const bytes = await readFileIfThere(fileSystem, path);
  if (!bytes) return null;
  try {
    const { checksum, ...content } = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;
    return checksum === undefined || checksum === checksumOf(content) ? content : 'damaged';
  } catch {
    return 'damaged';
  }
}

function checksumOf(content: object): string {
  return crc32c(Buffer.from(JSON.stringify(content)))
    .toString(16)
    .padStart(8, '0');
}
