import type { ContractSurroundings } from '../../loader/index.ts';
import type { SluiceConfig } from '../config.ts';

/** What section `loader` of the settings says of event time, folders, rolls and format, as a load takes it. */
export function settingsOfLoad(loader: SluiceConfig['loader']): NonNullable<ContractSurroundings['defaults']> {
  const { timeField, rollBytes, rollAge, rollEvery, freshness, zone, pathFormat, partitionBy, format, registry } =
    loader;
  return {
    ...(timeField === undefined ? {} : { timeField }),
    ...(rollBytes === undefined ? {} : { rollBytes }),
    ...(rollAge === undefined ? {} : { rollAgeMs: rollAge }),
    ...(rollEvery === undefined ? {} : { rollEveryMs: rollEvery }),
    ...(freshness === undefined ? {} : { freshnessMs: freshness }),
    ...{ format, registry },
    layout: {
      ...(zone === undefined ? {} : { zone }),
      ...(pathFormat === undefined ? {} : { pathFormat }),
      ...(partitionBy === undefined ? {} : { partitionBy }),
    },
  };
}
