import { IngestMetrics } from '../../ingest/index.ts';
import { BadInputError, createLogger, type Logger, type LogLevel } from '../../shared/index.ts';
import type { KafkaCluster } from '../../wire/client/index.ts';
import { type ClusterFlags, withCluster } from '../kafka/with-cluster.ts';
import { serveMetrics } from '../operation/serve-metrics.ts';
import { stopSignal } from '../signals.ts';

/** Flags of every command that takes events in until it is stopped. */
export interface ServingFlags extends ClusterFlags {
  metrics?: { host: string; port: number };
  logLevel: LogLevel;
}

export interface Serving {
  cluster: KafkaCluster;
  metrics: IngestMetrics;
  logger: Logger;
  signal: AbortSignal;
  /** `metrics=URL` behind the ready line, or nothing. */
  metricsText: string;
}

/** Connects, answers GET /metrics if asked to, and runs `work` until it ends. */
export async function serving<T>(
  flags: ServingFlags,
  part: string,
  work: (serving: Serving) => Promise<T>,
): Promise<T> {
  const { signal } = stopSignal();
  const logger = createLogger(flags.logLevel, { part });
  return await withCluster(
    flags,
    async (cluster) => {
      const metrics = new IngestMetrics();
      const server = flags.metrics ? await serveMetrics(flags.metrics, metrics.registry, logger) : null;
      try {
        const metricsText = server ? ` metrics=${server.url}/metrics` : '';
        return await work({ cluster, metrics, logger, signal, metricsText });
      } finally {
        await server?.close();
      }
    },
    { signal },
  );
}

/** Throws BadInputError that names what is missing. */
export async function checkTopics(cluster: KafkaCluster, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  const found = new Set((await cluster.topics({}, names)).map(({ name }) => name));
  const missing = names.filter((name) => !found.has(name));
  if (missing.length === 0) return;
  throw new BadInputError(
    `expected existing topics, got ${missing.map((name) => `"${name}"`).join(', ')}; sluice topics create makes them`,
  );
}

export function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
