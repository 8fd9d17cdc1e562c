/** Making and removing the folders of partitions. A folder counts only once a topic file lists it. */
import { join } from 'node:path';
import { makeDirectoryIfMissing } from './durable-file.ts';
import { writePartitionMetadata } from './identity-files.ts';
import type { LogFileSystem } from './log-file-system.ts';
import { offsetFileName } from './names.ts';

/** An empty log that begins at offset 0. Its parent must be synced afterwards. What an unfinished attempt left there is overwritten. */
export async function makePartitionDirectory(
  fileSystem: LogFileSystem,
  directory: string,
  topicId: string,
): Promise<void> {
  await makeDirectoryIfMissing(fileSystem, directory);
  await writePartitionMetadata(fileSystem, directory, topicId);
  const file = await fileSystem.open(join(directory, offsetFileName(0n, '.log')), 'create');
  await file.close();
  await fileSystem.syncDirectory(directory);
}

export async function removePartitionDirectory(fileSystem: LogFileSystem, directory: string): Promise<void> {
  for (const name of await fileSystem.list(directory)) await fileSystem.removeFile(join(directory, name));
  await fileSystem.removeDirectory(directory);
}

/** Bytes of all its segments: an unfinished creation has none. */
export async function logBytesIn(fileSystem: LogFileSystem, directory: string): Promise<number> {
  let total = 0;
  for (const name of await fileSystem.list(directory)) {
    if (name.endsWith('.log')) total += (await fileSystem.stat(join(directory, name)))?.sizeBytes ?? 0;
  }
  return total;
}
