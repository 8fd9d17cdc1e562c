import { type BrokerConfig, defaultBrokerConfig, startBroker } from '../../log/index.ts';
import { createLogger, definedOnly, type LogLevel } from '../../shared/index.ts';
import { stopSignal } from '../signals.ts';

/** What an orchestrator sees when the disk has failed: start again, which recovers (sysexits.h: EX_SOFTWARE). */
const storageFailedExitCode = 70;

export interface BrokerFlags {
  data: string;
  listen: { host: string; port: number };
  advertise?: { host: string; port: number };
  defaultPartitions: number;
  autoCreateTopics: boolean;
  retention?: number;
  retentionBytes?: number;
  segmentBytes?: number;
  maxMessageBytes?: number;
  maxConnections?: number;
  maxConnectionsPerIp?: number;
  offsetsRetention?: number;
  groupInitialDelay?: number;
  logLevel: LogLevel;
}

/** Runs a broker until a signal ends it. */
export async function runBroker(flags: BrokerFlags): Promise<void> {
  const { signal } = stopSignal();
  const broker = await startBroker({
    dataDirectory: flags.data,
    ...flags.listen,
    advertised: flags.advertise,
    config: brokerConfig(flags),
    topicDefaults: definedOnly({
      retentionMs: flags.retention,
      retentionBytes: flags.retentionBytes,
      segmentBytes: flags.segmentBytes,
      maxMessageBytes: flags.maxMessageBytes,
    }),
    logger: createLogger(flags.logLevel, { part: 'broker' }),
    onFatal: () => process.exit(storageFailedExitCode),
  });
  process.stdout.write(`ready kafka=${formatAddress(broker.address)}\n`);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await broker.close();
}

function brokerConfig(flags: BrokerFlags): Partial<BrokerConfig> {
  const { limits, groups } = defaultBrokerConfig;
  return {
    defaultPartitions: flags.defaultPartitions,
    autoCreateTopics: flags.autoCreateTopics,
    limits: {
      ...limits,
      ...definedOnly({ maxConnections: flags.maxConnections, maxConnectionsPerIp: flags.maxConnectionsPerIp }),
    },
    groups: {
      ...groups,
      ...definedOnly({ offsetsRetentionMs: flags.offsetsRetention, initialRebalanceDelayMs: flags.groupInitialDelay }),
    },
  };
}

function formatAddress({ host, port }: { host: string; port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
