import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import {
  type CatalogDialect,
  type CatalogListing,
  type CatalogTable,
  catalogPlace,
  projectTable,
  readListing,
} from '../../catalog/index.ts';
import { BadInputError } from '../../shared/index.ts';
import type { WarehouseFiles } from '../../warehouse/index.ts';
import type { WarehouseOptions } from '../offsets/warehouse-options.ts';

/** Which table of the catalog is meant. */
export interface PlaceFlags extends WarehouseOptions {
  dialect: CatalogDialect | 'duckdb';
  database?: string;
  name?: string;
  location?: string;
  completeOnly?: boolean;
}

export interface DdlFlags extends PlaceFlags {
  partitions?: string;
  describe?: string;
}

export interface CheckFlags extends PlaceFlags {
  dialect: CatalogDialect;
  partitions: string;
  describe?: string;
}

export interface SyncFlags extends PlaceFlags {
  dialect: CatalogDialect;
  run: string;
}

/** The table as the catalog should have it. Says on the standard error which columns it cannot have. */
export async function projectFor(
  files: WarehouseFiles,
  table: string,
  flags: PlaceFlags,
  signal: AbortSignal,
): Promise<CatalogTable> {
  const { dialect, completeOnly = false } = flags;
  const projected = await projectTable(files, table, {
    ...catalogPlace(files, table, flags),
    ...{ signal, isCompleteOnly: completeOnly },
    dialect: dialect === 'duckdb' ? 'hive' : dialect,
  });
  if (dialect !== 'duckdb') warnOfLeftOut(projected);
  return projected;
}

function warnOfLeftOut({ leftOut }: CatalogTable): void {
  for (const { name, problem } of leftOut) {
    process.stderr.write(
      `sluice: the catalog cannot have the column ${JSON.stringify(name)}: ${problem}; it is left out\n`,
    );
  }
}

/** What the catalog's client has printed, from one file or two. */
export async function readListingFiles(
  { partitions, describe }: { partitions: string; describe?: string },
  folders: readonly string[],
): Promise<CatalogListing> {
  const texts = [...(describe === undefined ? [] : [await readInput(describe)]), await readInput(partitions)];
  return readListing(texts.join('\n'), folders);
}

async function readInput(path: string): Promise<string> {
  if (path === '-') return await text(process.stdin);
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new BadInputError(`expected a file that can be read, got "${path}"`, { cause });
  }
}
