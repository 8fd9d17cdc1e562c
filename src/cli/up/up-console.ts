import { join } from 'node:path';
import type { RunningConsole } from '../../console/index.ts';
import { defaultConsolePort, openConsole } from '../console/open-console.ts';
import type { UpOptions, UpSettings } from './up-settings.ts';

/** The console beside broker and loader, for browsers on this machine unless told otherwise; null with `--no-console`. */
export async function openUpConsole(
  options: UpOptions,
  settings: UpSettings,
  broker: string,
): Promise<RunningConsole | null> {
  if (options.console === false) return null;
  const chosen = options.console ?? null;
  const { warehouseUrl, topics, loader } = settings;
  const timeField = options.timeField ?? loader.timeField ?? (options.demo ? 'ts' : null);
  const { rules, accounts, config } = options;
  return await openConsole({
    listen: chosen ? { ...chosen, isDefault: false } : { host: '127.0.0.1', port: defaultConsolePort, isDefault: true },
    brokers: [broker],
    clientConfig: null,
    warehouseUrl,
    user: loader.user,
    accounts,
    origin: undefined,
    auditLog: join(settings.brokerData, '..', 'console-audit.ndjson'),
    rules: rules === undefined ? null : { file: rules, topics, timeField },
    jobs: config === undefined ? {} : { config },
    areJobsOptional: true,
  });
}
