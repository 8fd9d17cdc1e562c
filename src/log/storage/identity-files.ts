/**
 * Kafka's two identity files.
 *
 *   meta.properties (data directory)        partition.metadata (partition folder)
 *     version=1                               version: 0
 *     cluster.id=<22 letters of base64url>    topic_id: <22 letters of base64url>
 *     node.id=1
 *     #crc32c=<8 hex digits>
 */
import { join } from 'node:path';
import { crc32c } from '../../wire/index.ts';
import { readFileIfThere, writeFileDurably, writeNewFile } from './durable-file.ts';
import { LogError } from './log-error.ts';
import type { LogFileSystem } from './log-file-system.ts';

export interface MetaProperties {
  clusterId: string;
  nodeId: number;
}

export async function readMetaProperties(
  fileSystem: LogFileSystem,
  dataDirectory: string,
): Promise<MetaProperties | null> {
  const path = join(dataDirectory, 'meta.properties');
  const bytes = await readFileIfThere(fileSystem, path);
  if (!bytes) return null;
  const values = new Map(bytes.toString('utf8').split('\n').map(splitProperty));
  const clusterId = values.get('cluster.id') ?? '';
  const nodeId = Number(values.get('node.id') ?? Number.NaN);
  const checksum = values.get('#crc32c');
  const isIntact = checksum === undefined || propertiesText({ clusterId, nodeId }).includes(`#crc32c=${checksum}\n`);
  if (isIntact && values.get('version') === '1' && /^[\w-]{22}$/.test(clusterId) && Number.isInteger(nodeId))
    return { clusterId, nodeId };
  throw new LogError(
    'KAFKA_STORAGE_ERROR',
    `expected version=1, cluster.id and node.id in ${path}, but it is damaged: restore it`,
  );
}

export async function writeMetaProperties(
  fileSystem: LogFileSystem,
  dataDirectory: string,
  meta: MetaProperties,
): Promise<void> {
  const text = propertiesText(meta);
  await writeFileDurably(fileSystem, join(dataDirectory, 'meta.properties'), Buffer.from(text));
}

/** 22 letters for the cluster id, from 16 random bytes. */
export function clusterIdFrom(random: Buffer): string {
  return random.toString('base64url');
}

/** The folder must be synced afterwards. */
export async function writePartitionMetadata(
  fileSystem: LogFileSystem,
  directory: string,
  topicId: string,
): Promise<void> {
  const text = `version: 0\ntopic_id: ${Buffer.from(topicId, 'hex').toString('base64url')}`;
  await writeNewFile(fileSystem, join(directory, 'partition.metadata'), Buffer.from(text));
}

/** The topic id as 32 hex digits, or null when the file is missing or damaged. */
export async function readPartitionMetadata(fileSystem: LogFileSystem, directory: string): Promise<string | null> {
  const bytes = await readFileIfThere(fileSystem, join(directory, 'partition.metadata'));
  const match = /^version: 0\ntopic_id: ([\w-]{22})\s*$/.exec(bytes?.toString('utf8') ?? '');
  return match ? Buffer.from(match[1]!, 'base64url').toString('hex') : null;
}

/** The last line is a comment to Kafka, and to us the checksum of the lines before; a person who edits the file may drop it. */
function propertiesText(meta: MetaProperties): string {
  const text = `version=1\ncluster.id=${meta.clusterId}\nnode.id=${meta.nodeId}\n`;
  return `${text}#crc32c=${crc32c(Buffer.from(text)).toString(16).padStart(8, '0')}\n`;
}

function splitProperty(line: string): [string, string] {
  const at = line.indexOf('=');
  return at < 0 ? ['', ''] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
}
