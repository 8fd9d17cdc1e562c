import { BadInputError, createLogger, type LogLevel, SluiceError, systemClock } from '../../shared/index.ts';
import { SchemaRegistry, startRegistryServer } from '../../values/index.ts';
import { type ClusterFlags, withCluster } from '../kafka/with-cluster.ts';
import { stopSignal } from '../signals.ts';

export interface RegistryFlags extends ClusterFlags {
  listen: { host: string; port: number };
  topic: string;
  replicationFactor?: number;
  logLevel: LogLevel;
}

/** Serves a schema registry until a signal ends it. */
export async function runRegistry(flags: RegistryFlags): Promise<void> {
  const { signal } = stopSignal();
  const logger = createLogger(flags.logLevel, { part: 'registry' });
  await withCluster(
    flags,
    async (cluster) => {
      const { topic, replicationFactor } = flags;
      const options = { cluster, topic, replicationFactor, clock: systemClock, logger };
      const registry = await SchemaRegistry.open(options, signal).catch((error: unknown) => {
        if (error instanceof SluiceError && error.code === 'registry-topic') throw new BadInputError(error.message);
        throw error;
      });
      try {
        const server = await startRegistryServer({ registry, ...flags.listen, logger });
        const { host, port } = server.address;
        process.stdout.write(`ready registry=http://${host.includes(':') ? `[${host}]` : host}:${port}\n`);
        if (!signal.aborted) {
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
        }
        await server.close();
      } finally {
        await registry.close();
      }
    },
    { signal },
  );
}
