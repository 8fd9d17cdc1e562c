import { createKeysTopic, HttpIngest, IngestServer, TokenFile } from '../../ingest/index.ts';
import { BadInputError, isLoopbackAddress, systemClock } from '../../shared/index.ts';
import { exitCodes } from '../output.ts';
import { checkTopics, type Serving, type ServingFlags, serving, untilAborted } from './ingest-cluster.ts';

export interface IngestHttpFlags extends ServingFlags {
  listen: { host: string; port: number };
  topics?: string[];
  tokens?: string;
  open?: boolean;
  webTopics?: string[];
  origins?: string[];
  maxBody: number;
  maxEvent: number;
  maxEvents: number;
  maxRequests: number;
  bodyTimeout: number;
  idempotencyWindow: number;
  keysTopic?: string;
  deliveryTimeout: number;
}

/** Takes events over HTTP until a signal ends it. */
export async function runIngestHttp(flags: IngestHttpFlags): Promise<number> {
  checkAccess(flags);
  for (const origin of flags.origins ?? []) checkOrigin(origin);
  return await serving(flags, 'ingest', async (running) => {
    await checkTopics(running.cluster, [...(flags.topics ?? []), ...(flags.webTopics ?? [])]);
    if (flags.keysTopic !== undefined) await createKeysTopic(running.cluster, flags.keysTopic, flags.idempotencyWindow);
    const ingest = await httpIngestOf(flags, running);
    const server = await IngestServer.start({ ingest, ...flags.listen, logger: running.logger });
    process.stdout.write(`ready http=${server.url}${running.metricsText}\n`);
    await untilAborted(running.signal);
    await server.close();
    return exitCodes.complete;
  });
}

async function httpIngestOf(flags: IngestHttpFlags, { cluster, metrics, logger }: Serving): Promise<HttpIngest> {
  return new HttpIngest({
    cluster,
    topics: flags.topics ?? null,
    webTopics: flags.webTopics ?? [],
    origins: flags.origins ?? [],
    tokens: flags.tokens === undefined ? null : await TokenFile.open(flags.tokens, systemClock, logger),
    isOpen: flags.open ?? false,
    limits: {
      maxBodyBytes: flags.maxBody,
      maxEventBytes: flags.maxEvent,
      maxEvents: flags.maxEvents,
      maxRequests: flags.maxRequests,
      maxBodyMs: flags.bodyTimeout,
    },
    idempotencyWindowMs: flags.idempotencyWindow,
    keysTopic: flags.keysTopic ?? null,
    deliveryTimeoutMs: flags.deliveryTimeout,
    metrics,
    clock: systemClock,
    logger,
  });
}

/** Nobody opens a topic to the world by leaving an option out. */
export function checkAccess({ listen, tokens, open }: Pick<IngestHttpFlags, 'listen' | 'tokens' | 'open'>): void {
  if (tokens !== undefined && open) throw new BadInputError('expected --tokens or --open, got both');
  const isLocal = isLoopbackAddress(listen.host) || listen.host === 'localhost';
  if (isLocal || tokens !== undefined || open) return;
  throw new BadInputError(
    `expected --tokens FILE to listen on ${listen.host}, which other machines reach; --open takes events from all of them`,
  );
}

export function checkOrigin(origin: string): void {
  if (origin === '*' || /^https?:\/\/[^/\s]+$/.test(origin)) return;
  throw new BadInputError(`expected an origin like https://shop.example, got "${origin}"`);
}
