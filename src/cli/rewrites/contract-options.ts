import type { Command } from 'commander';
import type { RangeLoadSettings } from '../../loader/index.ts';
import type { WarehouseFiles } from '../../warehouse/index.ts';
import { addFormatOptions, type FormatFlags } from '../load/format-options.ts';

/** Flags that say how records become rows, as `sluice load` takes them. */
export interface ContractFlags extends FormatFlags {
  columns?: string;
  timeField?: string;
  scratch?: string;
}

export function addContractOptions(command: Command): Command {
  const kept = "that of the table's newest load";
  return addFormatOptions(command, { formatDefault: kept })
    .option('--columns <file>', `contract of the table (default: ${kept})`)
    .option('--time-field <field>', `field with the event time (default: ${kept})`)
    .option('--scratch <dir>', 'local folder for files being written');
}

/** What the flags say of how records become rows; what they leave out the table keeps from its newest load. */
export async function contractSettings(flags: ContractFlags): Promise<RangeLoadSettings> {
  const { contractOptions } = await import('../../loader/index.ts');
  const { timeField: given, format: name, registry } = flags;
  const options = { ...(given === undefined ? {} : { timeField: given }), format: name, registry };
  const { contract, format, timeField } = await contractOptions(flags.columns ?? null, { given: options });
  return {
    ...(flags.columns === undefined ? {} : { contract: contract ?? null }),
    ...(format === null || format === undefined ? {} : { format }),
    ...(timeField === undefined ? {} : { timeField }),
    ...(flags.scratch === undefined ? {} : { scratchDirectory: flags.scratch }),
  };
}

/** Says on stderr which of the flags are not what the table's newest load went by: its rows would differ from these. */
export async function tellDifferences(
  files: WarehouseFiles,
  table: string,
  settings: RangeLoadSettings,
): Promise<void> {
  const { differencesFromLoad } = await import('../../loader/index.ts');
  for (const difference of await differencesFromLoad(files, table, settings)) {
    process.stderr.write(`sluice: table ${table}: ${difference}\n`);
  }
}
