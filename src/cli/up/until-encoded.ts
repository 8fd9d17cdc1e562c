import { type Clock, systemClock } from '../../shared/index.ts';
import type { KafkaCluster } from '../../wire/client/index.ts';
import type { UpStatus } from './up-status.ts';

const timeLimitMs = 10_000;
const lookEveryMs = 50;

/**
 * Waits until the loader has encoded what is in the topics now, so that its last commit holds all that was acknowledged before
 * the stop. After ten seconds, or when `signal` says that something failed, it gives up: what has not landed waits in the log.
 */
export async function untilEncoded(
  cluster: KafkaCluster,
  topics: readonly string[],
  status: UpStatus,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeLimitMs)]);
  try {
    const ends = await logEnds(cluster, topics, limit);
    while (!areEncodedUpTo(status, ends)) await clock.sleep(lookEveryMs, limit);
  } catch (error) {
    if (!limit.aborted) throw error;
  }
}

async function logEnds(
  cluster: KafkaCluster,
  names: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, bigint>> {
  const ends = new Map<string, bigint>();
  for (const { name, partitions } of await cluster.topics({ signal }, names)) {
    const numbers = partitions.map(({ partition }) => partition);
    const offsets = await cluster.listOffsets(name, numbers, 'latest', { isolation: 'read_committed', signal });
    for (const [partition, { offset }] of offsets) ends.set(`${name}/${partition}`, offset);
  }
  return ends;
}

function areEncodedUpTo(status: UpStatus, ends: ReadonlyMap<string, bigint>): boolean {
  const encoded = new Map(
    status.partitions().map((p) => [`${p.topic}/${p.partition}`, p.encoded ?? p.checkpoint ?? 0n]),
  );
  return [...ends].every(([place, end]) => (encoded.get(place) ?? 0n) >= end);
}
