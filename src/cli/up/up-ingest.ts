import { HttpIngest, IngestServer, TokenFile } from '../../ingest/index.ts';
import { createLogger, systemClock } from '../../shared/index.ts';
import type { KafkaCluster } from '../../wire/client/index.ts';
import { listenChoice, onFreePort } from '../free-port.ts';
import { checkAccess, checkOrigin } from '../ingest/run-ingest-http.ts';
import type { UpOptions } from './up-settings.ts';

/** As `sluice ingest http` has it. */
const defaultPort = 8070;

/**
 * Events over HTTP beside broker and loader: on a port of its own, because whoever may send events, from wherever, has nothing to do with who
 * may see the console. Null with `--no-ingest`.
 */
export async function openUpIngest(options: UpOptions, cluster: KafkaCluster): Promise<IngestServer | null> {
  if (options.ingest === false) return null;
  const { tokens, open, webTopics = [], origins = [], maxBody } = options;
  const logger = createLogger('warn', { part: 'ingest' });
  return await onFreePort(listenChoice(options.ingest, defaultPort), async (listen) => {
    const ingest = new HttpIngest({
      ...{ cluster, topics: null, webTopics, origins, isOpen: open ?? false },
      tokens: tokens === undefined ? null : await TokenFile.open(tokens, systemClock, logger),
      ...(maxBody === undefined ? {} : { limits: { maxBodyBytes: maxBody } }),
      ...{ clock: systemClock, logger },
    });
    return await IngestServer.start({ ingest, ...listen, logger });
  });
}

/** Before anything is started. Throws BadInputError. */
export function checkUpIngest({ ingest, tokens, open, origins }: UpOptions): void {
  if (ingest === false) return;
  const { host, port } = listenChoice(ingest, defaultPort);
  checkAccess({ listen: { host, port }, ...(tokens === undefined ? {} : { tokens }), ...(open ? { open } : {}) });
  for (const origin of origins ?? []) checkOrigin(origin);
}
