/**
 * Finishes at start-up what a crash interrupted between folders and topic files:
 *
 * * a folder `...-delete` whose topic is still listed: the topic was being deleted, and its other folders and its file follow;
 * * a partition folder that no topic file lists: it was being created, nobody can have written to it, and it goes. One that holds
 *   records cannot come from us: then the broker does not start, rather than delete data.
 */
import { join } from 'node:path';
import type { Logger } from '../../shared/index.ts';
import { LogError } from './log-error.ts';
import type { LogFileSystem } from './log-file-system.ts';
import {
  deletedDirectoryName,
  parsePartitionDirectoryName,
  partitionDirectoryName,
  topicIdOfDeletedDirectory,
} from './names.ts';
import { logBytesIn, removePartitionDirectory } from './partition-directory.ts';
import { readTopicFiles, removeTopicFile, type TopicFile } from './topic-file.ts';

export interface SweepOptions {
  fileSystem: LogFileSystem;
  dataDirectory: string;
  logger: Logger;
}

/** The topics that exist. */
export async function sweepDataDirectory(options: SweepOptions): Promise<TopicFile[]> {
  const { fileSystem, dataDirectory } = options;
  const listed = await readTopicFiles(fileSystem, dataDirectory);
  const names = await fileSystem.list(dataDirectory);
  const idsUnderDeletion = new Set(names.map(topicIdOfDeletedDirectory));
  for (const topic of listed.filter((other) => idsUnderDeletion.has(other.topicId)))
    await finishDeletion(options, topic);
  const topics = listed.filter((other) => !idsUnderDeletion.has(other.topicId));
  for (const name of await fileSystem.list(dataDirectory)) {
    if (topicIdOfDeletedDirectory(name)) await removePartitionDirectory(fileSystem, join(dataDirectory, name));
  }
  await removeUnlisted(options, topics);
  await fileSystem.syncDirectory(dataDirectory);
  return topics;
}

/** Also what deleteTopic does: the first rename that is durable is the point of no return. */
export async function finishDeletion(
  { fileSystem, dataDirectory, logger }: SweepOptions,
  topic: TopicFile,
): Promise<void> {
  const removed: string[] = [];
  for (let partition = 0; partition < topic.partitionCount; partition++) {
    const from = join(dataDirectory, partitionDirectoryName(topic.name, partition));
    const to = join(dataDirectory, deletedDirectoryName(topic.name, partition, topic.topicId));
    if (await fileSystem.stat(from)) await fileSystem.rename(from, to);
    if (await fileSystem.stat(to)) removed.push(to);
  }
  await fileSystem.syncDirectory(dataDirectory);
  await removeTopicFile(fileSystem, dataDirectory, topic.name);
  for (const directory of removed) await removePartitionDirectory(fileSystem, directory);
  logger.info({ topic: topic.name, topicId: topic.topicId }, 'TopicDeleted');
}

async function removeUnlisted({ fileSystem, dataDirectory, logger }: SweepOptions, topics: TopicFile[]): Promise<void> {
  const counts = new Map(topics.map((topic) => [topic.name, topic.partitionCount]));
  for (const name of await fileSystem.list(dataDirectory)) {
    const parsed = parsePartitionDirectoryName(name);
    if (!parsed || parsed.partition < (counts.get(parsed.topic) ?? 0)) continue;
    const directory = join(dataDirectory, name);
    if (!(await fileSystem.stat(directory))?.isDirectory) continue;
    if ((await logBytesIn(fileSystem, directory)) > 0) throw unknownData(directory, parsed.topic);
    await removePartitionDirectory(fileSystem, directory);
    logger.info({ directory }, 'UnfinishedPartitionRemoved');
  }
}

function unknownData(directory: string, topic: string): LogError {
  const message = `${directory} holds records, but topics/${topic}.json does not list it: restore that file, or move the folder away`;
  return new LogError('KAFKA_STORAGE_ERROR', message);
}
