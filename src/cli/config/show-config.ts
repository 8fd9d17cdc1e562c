import { type Command, CommanderError, type Option } from 'commander';
import { BadInputError } from '../../shared/index.ts';
import { exitCodes, printJson, printTable } from '../output.ts';
import { withDescendants } from '../with-descendants.ts';
import { besideContract, contractSettings } from './contract-settings.ts';
import { fileSettings, withoutSecrets } from './file-settings.ts';
import type { ShownSetting } from './shown-setting.ts';

/** `sluice config show [command...]`. */
export async function showConfig(words: string[], options: { config?: string; json?: boolean }): Promise<number> {
  const settings = words.length > 0 ? await commandSettings(words) : fileSettings(options.config ?? null, process.env);
  if (options.json) printJson(settings);
  else {
    printTable(settings, [
      { header: 'SETTING', cell: ({ name }) => name },
      { header: 'VALUE', cell: ({ value }) => (value === null ? '' : textOf(value)) },
      { header: 'SOURCE', cell: ({ source }) => source },
    ]);
  }
  return exitCodes.complete;
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(String).join(',');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Reads the command line with the command's own parser, and runs nothing. */
async function commandSettings(words: string[]): Promise<ShownSetting[]> {
  const command = await findCommand(words);
  let parsed: Command | null = null;
  // All of them: a command without its action replaced would run.
  for (const one of withDescendants(command)) {
    one.exitOverride().configureOutput({ writeErr: () => {} });
    one.action(() => {
      parsed = one;
    });
  }
  try {
    await command.parseAsync(words.slice(1), { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) throw new BadInputError(error.message.replace(/^error: /, ''));
    throw error;
  }
  if (!parsed) throw new BadInputError(`expected a command with its options, got "${words.join(' ')}"`);
  return settingsOf(parsed);
}

async function findCommand([name]: string[]): Promise<Command> {
  switch (name) {
    case 'load':
      return (await import('../commands/load.ts')).loadCommand();
    case 'up':
      return (await import('../commands/up.ts')).upCommand();
    case 'broker':
      return (await import('../commands/broker.ts')).brokerCommand();
    case 'jobs':
      return (await import('../commands/jobs.ts')).jobsCommand();
    default:
      throw new BadInputError(`expected load, up, broker or jobs, got "${name}"`);
  }
}

function settingsOf(command: Command): ShownSetting[] {
  const file = settingsBehind(command);
  const columns: unknown = command.getOptionValue('columns') ?? file.get('columns')?.value;
  const contract = typeof columns === 'string' ? contractSettings(columns) : new Map();
  return command.options.map((option) => {
    const key = option.attributeName();
    const source = command.getOptionValueSource(key);
    const isGiven = source === 'cli' || source === 'env';
    const name = option.long ?? option.flags;
    const behind = isGiven ? undefined : file.get(key);
    const setting = behind
      ? { ...behind, name }
      : { name, value: shownValue(command, option), source: sourceOf(source, option) };
    return withoutSecrets(besideContract(setting, key, contract, isGiven));
  });
}

function shownValue(command: Command, option: Option): unknown {
  const key = option.attributeName();
  const isDefault = command.getOptionValueSource(key) === 'default';
  const shown = isDefault ? option.defaultValueDescription : undefined;
  return shown ?? (command.getOptionValue(key) as unknown) ?? null;
}

function sourceOf(source: string | undefined, { envVar }: Option): string {
  if (source === 'env') return `environment ${envVar}`;
  return source === 'cli' ? 'option' : 'default';
}

/** Where a job's options are in the settings file. */
const jobSettings: Readonly<Record<string, string>> = {
  brokers: 'jobs.brokers',
  redis: 'jobs.redis',
  state: 'jobs.state',
  commandConfig: 'kafka.commandConfig',
  ...Object.fromEntries(
    ['topics', 'warehouse', 'user', 'timeField', 'columns', 'rollBytes', 'engine', 'codec', 'format', 'registry'].map(
      (key) => [key, `loader.${key}`],
    ),
  ),
};

/** What the settings say for the options of a job, by the option's name; only what somebody wrote down. */
function settingsBehind(command: Command): Map<string, ShownSetting> {
  const found = new Map<string, ShownSetting>();
  if (command.parent?.name() !== 'run' && command.name() !== 'run') return found;
  const config: unknown = command.getOptionValue('config');
  const settings = fileSettings(typeof config === 'string' ? config : null, process.env);
  for (const [key, name] of Object.entries(jobSettings)) {
    const setting = settings.find((one) => one.name === name);
    if (setting && setting.source !== 'default') found.set(key, setting);
  }
  return found;
}
