import type { Command } from 'commander';
import type { RangeLoadSettings } from '../../loader/index.ts';
import { addFormatOptions, type FormatFlags } from '../load/format-options.ts';

/** Flags that say how records become rows, as `sluice load` takes them. */
export interface ContractFlags extends FormatFlags {
  columns?: string;
  timeField?: string;
  scratch?: string;
}

export function addContractOptions(command: Command): Command {
  return addFormatOptions(command)
    .option('--columns <file>', 'contract of the table, as of the load (default: its kept columns)')
    .option('--time-field <field>', "field with the event time (default: that of the table's newest load)")
    .option('--scratch <dir>', 'local folder for files being written');
}

/** The same settings as the load has that is given these flags. */
export async function contractSettings(flags: ContractFlags): Promise<RangeLoadSettings> {
  const { contractOptions } = await import('../../loader/index.ts');
  const { timeField: given, format: name, registry } = flags;
  const options = { ...(given === undefined ? {} : { timeField: given }), format: name, registry };
  const { contract, format, timeField } = await contractOptions(flags.columns ?? null, { given: options });
  return {
    contract: contract ?? null,
    format: format ?? null,
    ...(timeField === undefined ? {} : { timeField }),
    ...(flags.scratch === undefined ? {} : { scratchDirectory: flags.scratch }),
  };
}
