import { existsSync, readFileSync } from 'node:fs';
import { isMap, isNode, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import { defaultConfigPath, readConfig } from '../config.ts';
import { besideContract, contractSettings } from './contract-settings.ts';
import type { ShownSetting } from './shown-setting.ts';

/** What stands for each key of the settings file that is left out; null: nothing does. */
const defaults: Readonly<Record<string, unknown>> = {
  'broker.data': 'data/log',
  'broker.listen': '127.0.0.1:9092',
  'broker.defaultPartitions': 4,
  'kafka.commandConfig': null,
  'loader.topics': ['events'],
  'loader.warehouse': 'data/warehouse',
  'loader.user': null,
  'loader.group': 'sluice-loader',
  'loader.workers': 1,
  'loader.timeField': null,
  'loader.columns': null,
  'loader.rollBytes': '128MB',
  'loader.rollAge': '5s',
  'loader.rollEvery': null,
  'loader.freshness': null,
  'loader.zone': null,
  'loader.pathFormat': null,
  'loader.partitionBy': null,
  'loader.format': null,
  'loader.registry': null,
  'loader.retention': null,
  'loader.memory': '1GB',
  'loader.engine': 'duckdb',
  'loader.codec': 'zstd',
  'jobs.redis': null,
  'jobs.state': 'data/jobs',
  'jobs.brokers': null,
};

/** Keys that the environment stands for: as the option, so before the file, or when the file says nothing. */
const environment: Readonly<Record<string, { variable: string; isFirst: boolean }>> = {
  'kafka.commandConfig': { variable: 'SLUICE_COMMAND_CONFIG', isFirst: true },
  'loader.user': { variable: 'HADOOP_USER_NAME', isFirst: false },
};

/** Settings that only the environment has, and whether their value may be shown. */
const environmentOnly: Readonly<Record<string, boolean>> = {
  SLUICE_HTTP_TOKEN: false,
  OTEL_EXPORTER_OTLP_ENDPOINT: true,
};

/**
 * Every key of the settings file, in force, with the line it stands on; what the contract at loader.columns says counts more than
 * the settings. Throws BadInputError when the file is wrong.
 */
export function fileSettings(path: string | null, env: NodeJS.ProcessEnv): ShownSetting[] {
  readConfig(path);
  const written = writtenSettings(path ?? defaultConfigPath);
  const names = [...new Set([...Object.keys(defaults), ...written.keys()])];
  const settings = names.map((name): ShownSetting => {
    const found = written.get(name);
    const { variable = '', isFirst = false } = environment[name] ?? {};
    const fromEnvironment = env[variable];
    if (found && !(fromEnvironment && isFirst)) return { name, ...found };
    if (fromEnvironment) return { name, value: fromEnvironment, source: `environment ${variable}` };
    return { name, value: defaults[name] ?? null, source: 'default' };
  });
  const columns = settings.find(({ name }) => name === 'loader.columns')?.value;
  const contract = typeof columns === 'string' ? contractSettings(columns) : new Map();
  const inForce = settings.map((setting) => {
    const [section, key] = setting.name.split('.', 2);
    return section === 'loader' ? besideContract(setting, key!, contract, false) : setting;
  });
  return [...inForce, ...environmentSettings(env)].map(withoutSecrets);
}

function environmentSettings(env: NodeJS.ProcessEnv): ShownSetting[] {
  return Object.entries(environmentOnly).map(([name, isShown]) => {
    const value = env[name] ? (isShown ? env[name] : '(hidden)') : null;
    return { name, value, source: value === null ? 'default' : `environment ${name}` };
  });
}

/** Every value of the file below its two levels of keys, with `file:line`. */
function writtenSettings(file: string): Map<string, { value: unknown; source: string }> {
  const found = new Map<string, { value: unknown; source: string }>();
  if (!existsSync(file)) return found;
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(file, 'utf8'), { lineCounter: lines });
  const visit = (node: unknown, name: string): void => {
    if (!isMap(node)) return;
    for (const { key, value } of node.items) {
      const path = `${name}${isScalar(key) ? String(key.value) : ''}`;
      const isSection = !path.includes('.') || /^(jobs\.schedules(\.[^.]+)?|kafka\.properties)$/.test(path);
      if (isSection && isMap(value)) visit(value, `${path}.`);
      else if (value !== null) found.set(path, { value: plain(value), source: `${file}:${lineOf(key, lines)}` });
    }
  };
  visit(document.contents, '');
  return found;
}

function plain(node: unknown): unknown {
  return isNode(node) ? (node as Node).toJSON() : node;
}

function lineOf(key: unknown, lines: LineCounter): number {
  const start = isNode(key) ? (key as Node).range?.[0] : undefined;
  return start === undefined ? 0 : lines.linePos(start).line;
}

/** Passwords stay where they are. */
export function withoutSecrets(setting: ShownSetting): ShownSetting {
  if (setting.value === null) return setting;
  if (/password|jaas|secret|token/i.test(setting.name)) return { ...setting, value: '(hidden)' };
  if (typeof setting.value !== 'string') return setting;
  return { ...setting, value: setting.value.replace(/(\/\/[^/@:]*):[^/@]*@/, '$1:(hidden)@') };
}
