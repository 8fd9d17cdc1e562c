import { join } from 'node:path';
import type { RunningConsole } from '../../console/index.ts';
import { defaultConsolePort, openConsole } from '../console/open-console.ts';
import { listenChoice } from '../free-port.ts';
import { timeFieldOf, type UpOptions, type UpSettings } from './up-settings.ts';

/** The console beside broker and loader, for browsers on this machine unless told otherwise; null with `--no-console`. */
export async function openUpConsole(
  options: UpOptions,
  settings: UpSettings,
  broker: string,
): Promise<RunningConsole | null> {
  if (options.console === false) return null;
  const { warehouseUrl, topics, loader } = settings;
  const timeField = timeFieldOf(options, settings);
  const { rules, accounts, config, redis } = options;
  return await openConsole({
    listen: listenChoice(options.console, defaultConsolePort),
    brokers: [broker],
    clientConfig: null,
    warehouseUrl,
    user: loader.user,
    accounts,
    origin: undefined,
    auditLog: join(settings.brokerData, '..', 'console-audit.ndjson'),
    rules: rules === undefined ? null : { file: rules, topics, timeField },
    jobs: { ...(config === undefined ? {} : { config }), ...(redis === undefined ? {} : { redis }) },
    counters: redis === undefined ? null : { url: redis, prefix: 'stats' },
    timeField: timeField ?? '_timestamp',
    areJobsOptional: true,
  });
}
