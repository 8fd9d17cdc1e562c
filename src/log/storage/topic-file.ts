/**
 * `topics/<topic>.json`: that a topic exists, and how. Written, durably, after the folders of its partitions: the commit point of
 * createTopic and addPartitions. With a checksum (durable-file.ts):
 *
 *   {"checksum":"...", "version":0, "name":"orders", "topicId":"<32 hex>", "partitionCount":8, "isInternal":false,
 *    "config":{"retentionMs":604800000}}        config: the topic's own settings, under the names of TopicConfig
 */
import { join } from 'node:path';
import { readJson, removeFileIfThere, writeJsonDurably } from './durable-file.ts';
import { LogError } from './log-error.ts';
import type { LogFileSystem } from './log-file-system.ts';
import type { TopicConfig } from './log-types.ts';

export const topicsDirectoryName = 'topics';
const suffix = '.json';

export interface TopicFile {
  name: string;
  topicId: string;
  partitionCount: number;
  isInternal: boolean;
  config: Partial<TopicConfig>;
}

export async function writeTopicFile(
  fileSystem: LogFileSystem,
  dataDirectory: string,
  topic: TopicFile,
): Promise<void> {
  await writeJsonDurably(fileSystem, pathOf(dataDirectory, topic.name), { version: 0, ...topic });
}

export async function removeTopicFile(fileSystem: LogFileSystem, dataDirectory: string, name: string): Promise<void> {
  await removeFileIfThere(fileSystem, pathOf(dataDirectory, name));
  await fileSystem.syncDirectory(join(dataDirectory, topicsDirectoryName));
}

/** Throws when one is damaged: guessing its retention could delete data. */
export async function readTopicFiles(fileSystem: LogFileSystem, dataDirectory: string): Promise<TopicFile[]> {
  const names = (await fileSystem.list(join(dataDirectory, topicsDirectoryName))).filter((name) =>
    name.endsWith(suffix),
  );
  return Promise.all(names.map((name) => readTopicFile(fileSystem, dataDirectory, name.slice(0, -suffix.length))));
}

async function readTopicFile(fileSystem: LogFileSystem, dataDirectory: string, name: string): Promise<TopicFile> {
  const path = pathOf(dataDirectory, name);
  const content = await readJson(fileSystem, path);
  if (content === 'damaged' || content === null || !isTopicFile(content, name)) {
    const example =
      '{"version":0,"name":...,"topicId":<as in partition.metadata>,"partitionCount":...,"isInternal":false,"config":{}}';
    throw new LogError(
      'KAFKA_STORAGE_ERROR',
      `expected the description of topic ${name} in ${path}, but it is damaged: write ${example}`,
    );
  }
  return content;
}

function isTopicFile(content: object, name: string): content is TopicFile {
  const topic = content as Partial<TopicFile> & { version?: unknown };
  return (
    topic.version === 0 &&
    topic.name === name &&
    typeof topic.topicId === 'string' &&
    /^[0-9a-f]{32}$/.test(topic.topicId) &&
    Number.isInteger(topic.partitionCount) &&
    topic.partitionCount! > 0 &&
    typeof topic.isInternal === 'boolean' &&
    typeof topic.config === 'object'
  );
}

function pathOf(dataDirectory: string, name: string): string {
  return join(dataDirectory, topicsDirectoryName, name + suffix);
}
