import { readLogBounds, readTimesAt } from '../loader/index.ts';
import { type Clock, describeError } from '../shared/index.ts';
import type { KafkaCluster } from '../wire/client/index.ts';
import type { LoadStatus } from './load-status.ts';

/**
 * Asks the log itself, on its own connections, how far it is and how old the oldest record behind each checkpoint is: so
 * that a load which has stopped reading cannot hide its lag. Runs until the signal; never rejects.
 */
export async function watchLog(
  status: LoadStatus,
  options: { cluster: KafkaCluster; topics: readonly string[]; clock: Clock; everyMs: number; signal: AbortSignal },
): Promise<void> {
  const { clock, everyMs, signal } = options;
  while (!signal.aborted) {
    try {
      await lookOnce(status, options);
      status.logProblem = null;
    } catch (error) {
      if (signal.aborted) return;
      status.logProblem ??= { sinceMs: clock.nowMs(), reason: '' };
      status.logProblem.reason = describeError(error);
    }
    await clock.sleep(everyMs, signal).catch(() => {});
  }
}

async function lookOnce(
  status: LoadStatus,
  { cluster, topics, signal }: { cluster: KafkaCluster; topics: readonly string[]; signal: AbortSignal },
): Promise<void> {
  const bounds = await readLogBounds(cluster, topics, signal);
  const behind = (pick: (topic: string, partition: number) => bigint | null) =>
    bounds.flatMap(({ topic, partition, start, end }) => {
      const offset = pick(topic, partition);
      return offset !== null && offset >= start && offset < end ? [{ topic, partition, offset }] : [];
    });
  const uncommitted = behind((topic, partition) => status.find(topic, partition)?.checkpoint ?? null);
  const unread = behind((topic, partition) => status.find(topic, partition)?.owner?.read ?? null);
  const uncommittedTimes = await readTimesAt(cluster, uncommitted, signal);
  const unreadTimes = await readTimesAt(cluster, unread, signal);
  for (const { topic, partition, end } of bounds) {
    const timeOf = (times: Map<string, bigint>) => {
      const time = times.get(`${topic}/${partition}`);
      return time === undefined ? null : Number(time);
    };
    const oldestUncommittedMs = timeOf(uncommittedTimes);
    status.applyLog({ topic, partition, appended: end, oldestUncommittedMs, oldestUnreadMs: timeOf(unreadTimes) });
  }
}
