import { closeHours } from '../../hours/index.ts';
import { listTables } from '../../offsets/index.ts';
import {
  BadInputError,
  type Clock,
  createLogger,
  describeError,
  type Logger,
  systemClock,
} from '../../shared/index.ts';
import { openWarehouse } from '../../warehouse/index.ts';
import type { KafkaCluster } from '../../wire/client/index.ts';

export interface KeepHoursClosedOptions {
  cluster: KafkaCluster;
  /** Those of this cluster; a table is called as its topic. */
  topics: readonly string[];
  warehouseUrl: string;
  user: string | undefined;
  latenessMs: number;
  signal: AbortSignal;
}

const everyMs = 60_000;

/** The job close-hours for those who have no scheduler: looks again and again until the signal. Never rejects. */
export async function keepHoursClosed(
  options: KeepHoursClosedOptions,
  clock: Clock = systemClock,
  logger: Logger = createLogger('warn', { part: 'hours' }),
): Promise<void> {
  const { signal } = options;
  for (;;) {
    await clock.sleep(everyMs, signal).catch(() => {});
    if (signal.aborted) return;
    try {
      await closeOnce(options, clock, logger);
    } catch (error) {
      // A table that is just being made has not all of its parts yet.
      if (signal.aborted || error instanceof BadInputError) continue;
      logger.warn({ reason: describeError(error) }, 'HoursNotClosed');
    }
  }
}

async function closeOnce(
  { cluster, topics, warehouseUrl, user, latenessMs, signal }: KeepHoursClosedOptions,
  clock: Clock,
  logger: Logger,
): Promise<void> {
  const files = await openWarehouse(warehouseUrl, { access: 'write', ...(user === undefined ? {} : { user }) });
  try {
    const tables = await listTables(files, signal);
    for (const table of topics.filter((topic) => tables.includes(topic))) {
      await closeHours({ files, table, cluster, latenessMs, clock, logger, signal });
    }
  } finally {
    await files.close();
  }
}
