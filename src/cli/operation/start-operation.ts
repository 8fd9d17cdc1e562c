import type { LoadOptions } from '../../loader/index.ts';
import { LoadOperation } from '../../operation/index.ts';
import { createLogger, systemClock } from '../../shared/index.ts';

/** What of a load its operation needs to know. */
export type WatchedLoad = Pick<
  LoadOptions,
  'brokers' | 'clientConfig' | 'topics' | 'warehouseUrl' | 'user' | 'rollBytes' | 'rollAgeMs'
>;

export interface OperationFlags {
  /** Where to answer HTTP; undefined: nowhere. */
  http?: { host: string; port: number } | undefined;
  /** Health fails when checkpoints have stood still for so long, ms. */
  stallMs?: number | undefined;
}

/** Health, metrics, control and traces of a load that this process runs; says on stdout (or stderr) where it listens. */
export async function startOperation(
  load: WatchedLoad,
  flags: OperationFlags,
  output: NodeJS.WritableStream = process.stdout,
): Promise<LoadOperation> {
  const operation = await LoadOperation.start({
    brokers: load.brokers,
    clientConfig: load.clientConfig ?? null,
    topics: load.topics,
    warehouseUrl: load.warehouseUrl,
    warehouseOptions: load.user === undefined ? {} : { user: load.user },
    roll: { rollBytes: load.rollBytes ?? 128 * 1024 * 1024, rollAgeMs: load.rollAgeMs ?? 60_000 },
    http: flags.http ? { ...flags.http, token: process.env['SLUICE_HTTP_TOKEN'] || null } : null,
    ...(flags.stallMs === undefined ? {} : { stallMs: flags.stallMs }),
    env: process.env,
    clock: systemClock,
    logger: createLogger('warn', { part: 'operation' }),
  });
  if (operation.url !== null) output.write(`ready http=${operation.url}\n`);
  return operation;
}
