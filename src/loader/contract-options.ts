import { BadInputError } from '../shared/index.ts';
import { readContractFile } from '../warehouse/index.ts';
import type { LoadOptions } from './load-options.ts';

/**
 * What a contract in a file says to a load of JSON values, for those who name it by its path: jobs do, so that the salt of its hashes stays out of Redis.
 * `timeField`: what has been said elsewhere, which counts more. @throws BadInputError
 */
export async function contractOptions(
  path: string | null,
  timeField: string | null,
): Promise<Pick<LoadOptions, 'contract' | 'timeField' | 'layout'>> {
  if (path === null) return { timeField };
  const contract = await readContractFile(path);
  const { format, partitionBy, timeField: declared } = contract.all ?? {};
  if (format !== undefined)
    throw new BadInputError(`${path}: format: only "sluice load" knows formats, here values are JSON`);
  const layout = partitionBy === undefined ? {} : { layout: { partitionBy } };
  return { contract, timeField: timeField ?? declared ?? null, ...layout };
}
