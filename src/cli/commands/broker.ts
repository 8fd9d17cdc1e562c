import { Command, Option } from 'commander';
import { type BrokerConfig, defaultBrokerConfig, startBroker } from '../../log/index.ts';
import { createLogger, type LogLevel } from '../../shared/index.ts';
import { parseBytes, parseDuration, parseHostPort, parseInteger } from '../arguments.ts';
import { stopSignal } from '../signals.ts';

/** What an orchestrator sees when the disk has failed: start again, which recovers (sysexits.h: EX_SOFTWARE). */
const storageFailedExitCode = 70;

interface BrokerCommandOptions {
  data: string;
  listen: { host: string; port: number };
  advertise?: { host: string; port: number };
  defaultPartitions: number;
  autoCreateTopics: boolean;
  retention?: number;
  retentionBytes?: number;
  segmentBytes?: number;
  maxMessageBytes?: number;
  maxConnections: number;
  maxConnectionsPerIp: number;
  offsetsRetention: number;
  groupInitialDelay: number;
  logLevel: LogLevel;
}

/** `sluice broker`: one broker on one data directory, until SIGTERM or SIGINT. */
export function brokerCommand(): Command {
  const { limits, groups } = defaultBrokerConfig;
  return new Command('broker')
    .description('Run a Kafka-protocol broker on a local directory; acks=all is answered when the record is on disk.')
    .requiredOption('--data <dir>', 'directory of the log; created when missing')
    .option('--listen <host:port>', 'where to accept clients; port 0 lets the system choose', parseHostPort, {
      host: '127.0.0.1',
      port: 9092,
    })
    .option('--advertise <host:port>', 'where clients are told to connect (default: where they came to)', parseHostPort)
    .option('--default-partitions <n>', 'partitions of topics created without a number', parseInteger(1, 10_000), 1)
    .option('--no-auto-create-topics', 'refuse unknown topics instead of creating them')
    .option(
      '--retention <duration>',
      'delete records older than this, e.g. 7d (topics may set their own)',
      parseDuration,
    )
    .option('--retention-bytes <size>', 'delete the oldest segments of a partition above this size', parseBytes)
    .option('--segment-bytes <size>', 'size of a segment file', parseBytes)
    .option('--max-message-bytes <size>', 'largest record batch', parseBytes)
    .option('--max-connections <n>', 'connections altogether', parseInteger(1), limits.maxConnections)
    .option('--max-connections-per-ip <n>', 'connections from one address', parseInteger(1), limits.maxConnectionsPerIp)
    .option(
      '--offsets-retention <duration>',
      'forget offsets of groups without members after this',
      parseDuration,
      groups.offsetsRetentionMs,
    )
    .option(
      '--group-initial-delay <duration>',
      'how long an empty group waits for more members',
      parseDuration,
      groups.initialRebalanceDelayMs,
    )
    .addOption(
      new Option('--log-level <level>', 'what to log on stderr')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .action(runBroker);
}

async function runBroker(options: BrokerCommandOptions): Promise<void> {
  const stop = stopSignal();
  const broker = await startBroker({
    dataDirectory: options.data,
    ...options.listen,
    advertised: options.advertise,
    config: brokerConfig(options),
    topicDefaults: topicDefaults(options),
    logger: createLogger(options.logLevel, { part: 'broker' }),
    onFatal: () => process.exit(storageFailedExitCode),
  });
  process.stdout.write(`ready kafka=${formatAddress(broker.address)}\n`);
  await new Promise<void>((resolve) => {
    if (stop.signal.aborted) resolve();
    stop.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await broker.close();
}

function brokerConfig(options: BrokerCommandOptions): Partial<BrokerConfig> {
  const { limits, groups } = defaultBrokerConfig;
  return {
    defaultPartitions: options.defaultPartitions,
    autoCreateTopics: options.autoCreateTopics,
    limits: { ...limits, maxConnections: options.maxConnections, maxConnectionsPerIp: options.maxConnectionsPerIp },
    groups: {
      ...groups,
      offsetsRetentionMs: options.offsetsRetention,
      initialRebalanceDelayMs: options.groupInitialDelay,
    },
  };
}

function topicDefaults(options: BrokerCommandOptions) {
  return {
    ...(options.retention !== undefined ? { retentionMs: options.retention } : {}),
    ...(options.retentionBytes !== undefined ? { retentionBytes: options.retentionBytes } : {}),
    ...(options.segmentBytes !== undefined ? { segmentBytes: options.segmentBytes } : {}),
    ...(options.maxMessageBytes !== undefined ? { maxMessageBytes: options.maxMessageBytes } : {}),
  };
}

function formatAddress({ host, port }: { host: string; port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
