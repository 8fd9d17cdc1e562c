import type { Registry } from 'prom-client';
import { OperationServer } from '../../operation/index.ts';
import type { Logger } from '../../shared/index.ts';

/** Answers GET /metrics there. Throws BadInputError when it cannot listen. */
export async function serveMetrics(
  { host, port }: { host: string; port: number },
  registry: Registry,
  logger: Logger,
): Promise<OperationServer> {
  return await OperationServer.start({
    host,
    port,
    token: null,
    logger,
    routes: [
      {
        method: 'GET',
        pattern: /^\/metrics$/,
        answer: async () => ({ status: 200, text: await registry.metrics(), type: registry.contentType }),
      },
    ],
  });
}
