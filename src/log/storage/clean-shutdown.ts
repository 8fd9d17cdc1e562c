/**
 * `.kafka_cleanshutdown`: everything was synced and completed before the process ended, so start-up need not scan. Written as the
 * last act of a clean shutdown; removed, durably, at start-up before anything can be appended, and only after recovery
 * has finished (KAFKA-15375: a start-up that is interrupted must not count as clean). Content: {"checksum":"...", "version":0}.
 */
import { join } from 'node:path';
import { readJson, removeFileIfThere, writeJsonDurably } from './durable-file.ts';
import type { LogFileSystem } from './log-file-system.ts';

const fileName = '.kafka_cleanshutdown';

export async function wasCleanShutdown(fileSystem: LogFileSystem, dataDirectory: string): Promise<boolean> {
  const content = await readJson(fileSystem, join(dataDirectory, fileName));
  return content !== null && content !== 'damaged' && content['version'] === 0;
}

export async function writeCleanShutdownMarker(fileSystem: LogFileSystem, dataDirectory: string): Promise<void> {
  await writeJsonDurably(fileSystem, join(dataDirectory, fileName), { version: 0 });
}

export async function removeCleanShutdownMarker(fileSystem: LogFileSystem, dataDirectory: string): Promise<void> {
  await removeFileIfThere(fileSystem, join(dataDirectory, fileName));
  await fileSystem.syncDirectory(dataDirectory);
}
