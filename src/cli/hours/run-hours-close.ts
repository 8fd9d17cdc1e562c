import { closeHours } from '../../hours/index.ts';
import { BadInputError, createLogger } from '../../shared/index.ts';
import { withCluster } from '../kafka/with-cluster.ts';
import { usingWarehouse, type WarehouseOptions } from '../offsets/warehouse-options.ts';
import { exitCodes, printJson } from '../output.ts';
import { stopSignal } from '../signals.ts';

export interface CloseFlags extends WarehouseOptions {
  lateness: number;
  hour?: string[];
  zone?: string;
}

/** One look of the closer. */
export async function runHoursClose(table: string, flags: CloseFlags): Promise<number> {
  const { brokers, commandConfig, lateness, hour: hours = [], zone } = flags;
  if (!brokers) throw new BadInputError('expected --brokers HOST:PORT: hours are closed with the ends of the log');
  const { signal } = stopSignal();
  const logger = createLogger('warn', { part: 'hours' });
  const cluster = { brokers, ...(commandConfig === undefined ? {} : { commandConfig }) };
  const report = await usingWarehouse(flags, 'write', (files) =>
    withCluster(
      cluster,
      (kafka) =>
        closeHours({
          ...{ files, table, cluster: kafka, latenessMs: lateness, hours, logger, signal },
          ...(zone === undefined ? {} : { zone }),
        }),
      { signal },
    ),
  );
  if (flags.json) printJson(report);
  else print(report);
  const unproven = report.waiting.filter(({ hour }) => hours.includes(hour));
  return unproven.length > 0 ? exitCodes.notReady : exitCodes.complete;
}

function print({ table, closed, completed, revised, waiting }: Awaited<ReturnType<typeof closeHours>>): void {
  const line = (what: string, hours: readonly string[]): string => `  ${what.padEnd(10)}${listed(hours)}\n`;
  process.stdout.write(`${table}\n${line('closed', closed)}${line('completed', completed)}${line('revised', revised)}`);
  for (const { hour, reason } of waiting) process.stdout.write(`  waiting   ${hour}: ${reason}\n`);
}

function listed(hours: readonly string[]): string {
  if (hours.length === 0) return 'none';
  if (hours.length <= 4) return hours.join(', ');
  return `${hours.length} hours, ${hours[0]} to ${hours.at(-1)}`;
}
