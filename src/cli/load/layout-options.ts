import type { Command } from 'commander';
import type { ContractedOptions } from '../../loader/index.ts';
import type { LayoutOptions } from '../../warehouse/index.ts';
import { parseBytes, parseDuration, parseInteger, parseList } from '../arguments.ts';

/** Flags that say where rows go, and when files are closed. */
export interface LayoutFlags {
  zone?: string;
  pathFormat?: string;
  partitionBy?: string[];
  maxPartitionValues?: number;
  rollBytes?: number;
  rollRecords?: number;
  rollAge?: number;
  rollEvery?: number;
  freshness?: number;
}

export function addLayoutOptions(command: Command): Command {
  return command
    .option('--zone <name>', 'IANA time zone of the folders, for a new table (default: UTC)')
    .option('--path-format <pattern>', 'time folders of a new table (default: dt=yyyy-MM-dd/hr=HH)')
    .option('--partition-by <fields>', 'fields with folders of their own, for a new table: country', parseList)
    .option(
      '--max-partition-values <n>',
      'rows with more values than this become dead letters',
      parseInteger(1, 100_000),
    )
    .option('--roll-bytes <size>', 'close files at this size (default: 128MB)', parseBytes)
    .option('--roll-records <n>', 'close files at so many rows at the latest', parseInteger(1))
    .option('--roll-age <duration>', 'commit no later than this after a record was read (default: 60s)', parseDuration)
    .option(
      '--roll-every <duration>',
      'commit at full 15m, 1h, ... on the clock of the zone, instead of by age',
      parseDuration,
    )
    .option('--freshness <duration>', 'how old a record may be when readers see it, instead of an age', parseDuration);
}

export function layoutOptionsOf(flags: LayoutFlags): ContractedOptions {
  const { zone, pathFormat, partitionBy, maxPartitionValues, rollBytes, rollRecords, rollAge, rollEvery, freshness } =
    flags;
  const layout: LayoutOptions = {
    ...(zone === undefined ? {} : { zone }),
    ...(pathFormat === undefined ? {} : { pathFormat }),
    ...(partitionBy === undefined ? {} : { partitionBy }),
    ...(maxPartitionValues === undefined ? {} : { maxPartitionValues }),
  };
  return {
    layout,
    ...(rollBytes === undefined ? {} : { rollBytes }),
    ...(rollRecords === undefined ? {} : { rollRecords }),
    ...(rollAge === undefined ? {} : { rollAgeMs: rollAge }),
    ...(rollEvery === undefined ? {} : { rollEveryMs: rollEvery }),
    ...(freshness === undefined ? {} : { freshnessMs: freshness }),
  };
}
