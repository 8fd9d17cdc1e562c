import { type Command, CommanderError } from 'commander';
import { BadInputError } from '../../shared/index.ts';
import { exitCodes, printJson, printTable } from '../output.ts';
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
  for (const one of [command, ...command.commands]) {
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
  const columns: unknown = command.getOptionValue('columns');
  const contract = typeof columns === 'string' ? contractSettings(columns) : new Map();
  return command.options.map((option) => {
    const key = option.attributeName();
    const source = command.getOptionValueSource(key);
    const value: unknown = command.getOptionValue(key);
    const shown = source === 'default' && option.defaultValueDescription ? option.defaultValueDescription : value;
    const words = source === 'env' ? `environment ${option.envVar}` : source === 'cli' ? 'option' : 'default';
    const setting = { name: option.long ?? option.flags, value: shown ?? null, source: words };
    return withoutSecrets(besideContract(setting, key, contract, source === 'cli' || source === 'env'));
  });
}
