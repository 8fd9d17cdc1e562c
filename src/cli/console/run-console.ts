import { BadInputError } from '../../shared/index.ts';
import { readConfig } from '../config.ts';
import { listenChoice } from '../free-port.ts';
import { warehouseUrlOf } from '../jobs/open-jobs.ts';
import { clientConfigOf } from '../kafka/client-config.ts';
import { exitCodes } from '../output.ts';
import { stopSignal } from '../signals.ts';
import { defaultConsolePort, openConsole } from './open-console.ts';

/** Options of `sluice console` as commander hands them over; undefined: not given. */
export interface ConsoleFlags {
  brokers: string[];
  commandConfig?: string;
  warehouse?: string;
  user?: string;
  listen?: { host: string; port: number };
  accounts?: string;
  origin?: string;
  auditLog?: string;
  rules?: string;
  topics?: string[];
  timeField?: string;
  redis?: string;
  statsPrefix: string;
  state?: string;
  config?: string;
}

/** `sluice console`: until SIGTERM or SIGINT. */
export async function runConsole(flags: ConsoleFlags): Promise<number> {
  const { signal } = stopSignal();
  const { brokers, commandConfig, rules, topics, redis, state, config } = flags;
  const { loader, jobs } = readConfig(config ?? null);
  const redisUrl = redis ?? jobs.redis;
  const warehouse = flags.warehouse ?? loader.warehouse;
  if (warehouse === undefined)
    throw new BadInputError('expected --warehouse URL, or loader.warehouse in the settings file');
  const ruleTopics = topics ?? loader.topics;
  if (rules !== undefined && !ruleTopics) throw new BadInputError('expected --topics LIST with --rules');
  const served = await openConsole({
    listen: listenChoice(flags.listen, defaultConsolePort),
    brokers,
    clientConfig: clientConfigOf(commandConfig === undefined ? {} : { commandConfig }, config ?? null),
    warehouseUrl: warehouseUrlOf(warehouse),
    user: flags.user ?? loader.user,
    accounts: flags.accounts,
    origin: flags.origin,
    auditLog: flags.auditLog,
    rules: rules === undefined ? null : { file: rules, topics: ruleTopics!, timeField: flags.timeField ?? null },
    counters: redisUrl === undefined ? null : { url: redisUrl, prefix: flags.statsPrefix },
    timeField: flags.timeField ?? loader.timeField ?? 'ts',
    areJobsOptional: false,
    jobs: {
      ...(redis === undefined ? {} : { redis }),
      ...(state === undefined ? {} : { state }),
      ...(config === undefined ? {} : { config }),
    },
  });
  try {
    process.stdout.write(`ready console=${served.url}\n`);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    return exitCodes.complete;
  } finally {
    await served.close();
  }
}
