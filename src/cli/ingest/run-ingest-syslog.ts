import { EventWriter, SyslogServer } from '../../ingest/index.ts';
import { BadInputError, systemClock } from '../../shared/index.ts';
import { exitCodes } from '../output.ts';
import { checkTopics, type ServingFlags, serving, untilAborted } from './ingest-cluster.ts';

export interface IngestSyslogFlags extends ServingFlags {
  topic: string;
  udp?: { host: string; port: number };
  tcp?: { host: string; port: number };
  maxMessage: number;
  maxPending: number;
  maxConnections: number;
}

/** Syslog has no answer: what was taken is tried to be written for as long as the log may be away. */
const deliveryTimeoutMs = 3_600_000;

/** Takes syslog until a signal ends it. */
export async function runIngestSyslog(flags: IngestSyslogFlags): Promise<number> {
  const { topic, udp = null, tcp = null } = flags;
  if (!udp && !tcp) throw new BadInputError('expected --udp HOST:PORT or --tcp HOST:PORT, or both');
  return await serving(flags, 'syslog', async ({ cluster, metrics, logger, signal, metricsText }) => {
    await checkTopics(cluster, [topic]);
    const writer = new EventWriter({ cluster, maxInFlightBytes: flags.maxPending, deliveryTimeoutMs, logger });
    try {
      const server = await SyslogServer.start({
        udp,
        tcp,
        topic,
        writer,
        maxMessageBytes: flags.maxMessage,
        maxPendingBytes: flags.maxPending,
        maxConnections: flags.maxConnections,
        metrics,
        clock: systemClock,
        logger,
      });
      const places = [
        ...(server.udpAddress ? [`udp=${server.udpAddress}`] : []),
        ...(server.tcpAddress ? [`tcp=${server.tcpAddress}`] : []),
      ];
      process.stdout.write(`ready ${places.join(' ')}${metricsText}\n`);
      await untilAborted(signal);
      await server.close();
    } finally {
      await writer.close();
    }
    return exitCodes.complete;
  });
}
