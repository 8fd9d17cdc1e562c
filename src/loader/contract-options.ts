import { chooseFormat, type FormatChoice } from '../values/index.ts';
import { readContractFile, type TableContract } from '../warehouse/index.ts';
import type { LoadOptions } from './load-options.ts';

/** What a contract can say of a load, besides the columns. */
export type ContractedOptions = Pick<
  LoadOptions,
  'timeField' | 'layout' | 'rollBytes' | 'rollRecords' | 'rollAgeMs' | 'rollEveryMs' | 'freshnessMs'
>;

/** What was said elsewhere. `given` (a command line, the input of a job) counts more than the contract, `defaults` (settings) less. */
export interface ContractSurroundings {
  given?: ContractedOptions & FormatChoice;
  defaults?: ContractedOptions & FormatChoice;
}

/**
 * Reads the contract of a load, when there is one (`path`), and puts what it says of the event time, the folders, the rolls and the
 * format of the values between what was given and what is the default. @throws BadInputError
 */
export async function contractOptions(
  path: string | null,
  { given = {}, defaults = {} }: ContractSurroundings = {},
): Promise<ContractedOptions & Pick<LoadOptions, 'contract' | 'format'>> {
  const contract = path === null ? null : await readContractFile(path);
  const all = contract?.all ?? null;
  const { format, registry, ...options } = given;
  const { format: defaultFormat, registry: defaultRegistry, ...settings } = defaults;
  const isDeclared = format !== undefined || all?.format !== undefined;
  const choice: FormatChoice = {
    format: isDeclared ? format : defaultFormat,
    registry: registry ?? (all?.format === undefined || format !== undefined ? defaultRegistry : undefined),
  };
  return {
    ...firstSaid(options, all === null ? {} : saidBy(all), settings),
    contract,
    format: await chooseFormat(choice, all ? { section: all.format, path: all.source } : undefined),
  };
}

function saidBy({ timeField, layout, roll = {} }: TableContract): ContractedOptions {
  const { bytes, records, ageMs, scheduleMs, freshnessMs } = roll;
  const said = { timeField, layout, rollBytes: bytes, rollRecords: records, rollAgeMs: ageMs };
  return defined({ ...said, rollEveryMs: scheduleMs, freshnessMs });
}

/** Key by key the first of them that says something; the parts of a layout are keys of their own. */
function firstSaid(...sources: ContractedOptions[]): ContractedOptions {
  const inOrder = [...sources].reverse().map(defined);
  const layouts = inOrder.map(({ layout }) => defined(layout ?? {}));
  const layout = Object.assign({}, ...layouts) as NonNullable<ContractedOptions['layout']>;
  const { layout: _last, ...options } = Object.assign({}, ...inOrder) as ContractedOptions;
  return { ...options, ...(Object.keys(layout).length > 0 && { layout }) };
}

/** Without what is undefined, and a time field of null, which says nothing. */
function defined<T extends object>(options: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== null)) as T;
}
