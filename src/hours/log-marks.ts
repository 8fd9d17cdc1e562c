import { createHash } from 'node:crypto';
import { listTopics, type TopicIdentity } from '../offsets/index.ts';
import { BadInputError, SluiceError } from '../shared/index.ts';
import type { WarehouseFiles } from '../warehouse/index.ts';
import type { KafkaCluster } from '../wire/client/index.ts';

/** What the closer asks the cluster. */
export type HourCluster = Pick<KafkaCluster, 'clusterId' | 'topics' | 'listOffsets'>;

/** Where the log of one partition ends. */
export interface LogMark {
  topic: string;
  topicId: string;
  partition: number;
  /** The high watermark, exclusive: everything that producers had been promised until then lies before it. */
  end: bigint;
}

const noId = '0'.repeat(32);

/**
 * The end of every partition of the topics that a table loads, as it is now. The high watermark, not the last stable offset:
 * a transaction that was open at the time belongs to what has to be landed first.
 *
 * @throws BadInputError when there is no such table; SluiceError `topic-gone` when the topic of the table is not there any more,
 * or was created anew: then no offset of the cluster says anything about the table.
 */
export async function readMarks(
  files: WarehouseFiles,
  table: string,
  cluster: HourCluster,
  signal?: AbortSignal,
): Promise<LogMark[]> {
  const known = await listTopics(files, table, signal);
  if (known.length === 0) throw new BadInputError(`expected a table that has been loaded, got "${table}"`);
  const clusterId = await cluster.clusterId({ signal });
  const topics = known.map(({ topic }) => topic);
  const found = await cluster.topics({ signal }, topics);
  const marks: LogMark[] = [];
  for (const identity of known) {
    const topic = found.find(({ name }) => name === identity.topic);
    const ownId =
      topic && (topic.topicId.replaceAll('-', '') === noId ? hashedId(clusterId, topic.name) : topic.topicId);
    if (!topic || ownId !== identity.topicId) throw topicGone(identity, clusterId, ownId ?? null);
    const partitions = topic.partitions.map(({ partition }) => partition).sort((a, b) => a - b);
    const options = { isolation: 'read_uncommitted', signal } as const;
    const ends = await cluster.listOffsets(topic.name, partitions, 'latest', options);
    for (const partition of partitions) {
      marks.push({ topic: topic.name, topicId: identity.topicId, partition, end: ends.get(partition)!.offset });
    }
  }
  return marks;
}

/** As the ledger names topics of clusters without ids (docs/formats.md, Ledger). */
function hashedId(clusterId: string, topic: string): string {
  return createHash('sha256').update(`${clusterId}\n${topic}`).digest('hex').slice(0, 32);
}

function topicGone({ topic, topicId }: TopicIdentity, clusterId: string, came: string | null): SluiceError {
  const what = came === null ? 'it has no such topic' : `there it has id ${came}`;
  return new SluiceError(
    'topic-gone',
    `expected topic ${topic} with id ${topicId} in cluster ${clusterId}, but ${what}: hours are closed with offsets of the very log that was loaded`,
  );
}
