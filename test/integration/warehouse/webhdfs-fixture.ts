import { afterEach } from 'vitest';
import type { Logger } from '../../../src/shared/index.ts';
import { type OpenWarehouseOptions, openWarehouse, type WarehouseFiles } from '../../../src/warehouse/index.ts';
import { WebHdfsFaultServer } from '../../support/webhdfs-fault-server.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A fault server for one test. */
export async function startServer(
  options: Parameters<typeof WebHdfsFaultServer.start>[0] = {},
): Promise<WebHdfsFaultServer> {
  const server = await WebHdfsFaultServer.start(options);
  closing.push(() => server.stop());
  return server;
}

/** For tests in which nothing fails: a busy machine is no fault. */
export const patient = { idleMs: 10_000, totalMs: 20_000 };

/** A client with pauses and time limits of milliseconds, at `/wh`. */
export async function connect(server: WebHdfsFaultServer, options: OpenWarehouseOptions = {}): Promise<WarehouseFiles> {
  const retry = { firstDelayMs: 1, maxDelayMs: 4, giveUpAfterMs: 5_000, alarmEveryMs: 100, ...options.retry };
  const timeouts = { connectMs: 500, idleMs: 150, totalMs: 1_000, continueMs: 20, refusalMs: 5, ...options.timeouts };
  const files = await openWarehouse(server.url('/wh'), { user: 'sluice', ...options, retry, timeouts });
  closing.push(() => files.close());
  return files;
}

/** Keeps what was logged: `[level, event, fields]`. */
export function recordingLogger(): Logger & { entries: [string, string, Record<string, unknown>][] } {
  const entries: [string, string, Record<string, unknown>][] = [];
  const at = (level: string) => (fields: object, event: string) =>
    void entries.push([level, event, fields as Record<string, unknown>]);
  const logger: Logger & { entries: typeof entries } = {
    entries,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
  };
  return logger;
}
