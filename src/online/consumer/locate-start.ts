import { type Logger, larger, SluiceError } from '../../shared/index.ts';
import type { KafkaCluster } from '../../wire/client/index.ts';
import type { HistoryBook } from '../history/history-book.ts';
import type { HistoryPartition } from '../history/table-history.ts';
import type { LogPlace } from './consumed-batch.ts';

export interface StartSurroundings {
  cluster: KafkaCluster;
  histories: HistoryBook | null;
  from: 'beginning' | 'end' | (() => number);
  prefer: 'log' | 'warehouse';
  expired: 'fail' | 'skip';
  /** Told how many offsets are gone, with `expired: 'skip'`. */
  onExpired: (count: bigint) => void;
  logger: Logger;
  signal: AbortSignal;
}

/** Where reading goes on: in the log, or in the rows of a table. */
export interface ReadStart {
  offset: bigint;
  history: HistoryPartition | null;
}

/**
 * Where to read a partition from an offset on; null: nothing is remembered, so `from` decides. The log is taken where it still has the
 * offset, else the table; what neither has is expired, and never passed over in silence.
 */
export async function locateStart(
  place: LogPlace,
  offset: bigint | null,
  surroundings: StartSurroundings,
): Promise<ReadStart> {
  const { from } = surroundings;
  if (offset === null && from === 'end') return { offset: await askLog(place, 'latest', surroundings), history: null };
  const logStart = await askLog(place, 'earliest', surroundings);
  if (offset === null) return await locateFirst(place, logStart, surroundings);
  if (offset >= logStart) return { offset, history: null };
  const history = await historyOf(place, surroundings);
  if (history && offset < history.next) {
    passExpired(place, offset, history.first, surroundings);
    return { offset: larger(offset, history.first), history };
  }
  passExpired(place, offset, logStart, surroundings);
  return { offset: logStart, history: null };
}

/** Nothing is remembered: the log where it is preferred and goes back as far, else the table, else what the log has. */
async function locateFirst(place: LogPlace, logStart: bigint, surroundings: StartSurroundings): Promise<ReadStart> {
  const { from, prefer } = surroundings;
  const inLog = await locateInLog(place, logStart, surroundings);
  if (prefer === 'log' && typeof from === 'function' && inLog > logStart) return { offset: inLog, history: null };
  const history = await historyOf(place, surroundings);
  const isInLog = history === null || (prefer === 'log' && history.first >= logStart);
  if (isInLog && typeof from === 'function' && inLog === logStart && logStart > 0n) {
    const { topic, partition } = place;
    surroundings.logger.warn({ topic, partition, logStart, from: new Date(from()).toISOString() }, 'LogMayBeginLater');
  }
  return isInLog ? { offset: inLog, history: null } : { offset: history.first, history };
}

async function locateInLog(place: LogPlace, logStart: bigint, surroundings: StartSurroundings): Promise<bigint> {
  const { from } = surroundings;
  if (typeof from !== 'function') return logStart;
  // The end first: what is appended between the two questions must not be passed over.
  const end = await askLog(place, 'latest', surroundings);
  const found = await askLog(place, BigInt(Math.floor(from())), surroundings);
  return found < 0n || found > end ? end : found;
}

async function askLog(
  { topic, partition }: LogPlace,
  at: 'earliest' | 'latest' | bigint,
  { cluster, signal }: StartSurroundings,
): Promise<bigint> {
  const options = { isolation: 'read_committed', signal } as const;
  return (await cluster.listOffsets(topic, [partition], at, options)).get(partition)!.offset;
}

async function historyOf(place: LogPlace, { histories, logger }: StartSurroundings): Promise<HistoryPartition | null> {
  if (!histories) return null;
  const found = await histories.using(place.topic, async ({ partitions }) =>
    partitions.find(({ topic, partition }) => topic === place.topic && partition === place.partition),
  );
  if (!found) {
    logger.warn({ topic: place.topic, partition: place.partition }, 'HistoryHasNoRows');
    return null;
  }
  if (/^0+$/.test(place.topicId) || found.topicId === place.topicId) return found;
  throw new SluiceError(
    'topic-gone',
    `expected rows of topic ${place.topic} with id ${place.topicId}, found those of id ${found.topicId}: the table holds another incarnation of the topic`,
  );
}

/** Throws `records-expired` unless it is allowed to go on without them. */
function passExpired(
  { topic, partition }: LogPlace,
  offset: bigint,
  next: bigint,
  { expired, onExpired, logger }: StartSurroundings,
): void {
  if (offset >= next) return;
  if (expired === 'fail') {
    throw new SluiceError(
      'records-expired',
      `expected to go on at ${topic}-${partition} offset ${offset}, but the oldest record left is ${next}: the log has expired past the position, ` +
        'and no table has the records; begin anew with another group, or allow the consumer to skip what has expired',
    );
  }
  logger.warn({ topic, partition, offset, next }, 'RecordsExpired');
  onExpired(next - offset);
}
