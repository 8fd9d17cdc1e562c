import { SluiceError } from '../shared/index.ts';
import { runCatalogClient } from './catalog-client.ts';
import { type CatalogListing, readListing } from './catalog-listing.ts';
import { createTable, describeTable, qualifiedName, scriptOf } from './catalog-statements.ts';
import { type CatalogDrift, compareCatalog, hasDrift } from './compare-catalog.ts';
import type { CatalogDialect } from './hive-type.ts';
import { mendStatements } from './mend-statements.ts';
import type { CatalogTable } from './project-table.ts';

export interface SyncReport {
  /** As the catalog calls it, in backticks. */
  name: string;
  partitionCount: number;
  /** What was wrong before; a table that was not there has all its partitions missing. */
  before: CatalogDrift;
  /** Statements that were run to mend it. */
  statements: readonly string[];
  /** What is wrong now: nothing, unless somebody else changed the catalog at the same time. */
  after: CatalogDrift;
  isEqual: boolean;
}

/**
 * Makes a catalog say what the ledger says: asks it through the user's client, runs only what mends a difference, and asks again. A
 * catalog that is right costs one run of the client. May be killed at any time and be repeated.
 *
 * @throws BadInputError when the catalog's table of that name is not ours to alter (nothing was changed)
 * @throws SluiceError when the client fails, or prints something else
 */
export async function syncCatalog(
  table: CatalogTable,
  options: { client: readonly string[]; dialect: CatalogDialect; signal: AbortSignal },
): Promise<SyncReport> {
  const { client, dialect, signal } = options;
  const ask = async (statements: readonly string[]): Promise<CatalogListing> => {
    const output = await runCatalogClient(client, scriptOf([...statements, ...describeTable(table)]), signal);
    return readOutput(output, table);
  };
  const found = await ask([createTable(table, dialect)]);
  const before = compareCatalog(table, found);
  const statements = mendStatements(table, found, dialect);
  const after = statements.length === 0 ? before : compareCatalog(table, await ask(statements));
  const { length: partitionCount } = table.partitions;
  return { name: qualifiedName(table), partitionCount, before, statements, after, isEqual: !hasDrift(after) };
}

/** A client that prints nothing of the table would make every partition look missing. */
function readOutput(output: string, { folders }: CatalogTable): CatalogListing {
  const got = JSON.stringify(output.trim().slice(0, 200));
  const message = `expected the client to print what DESCRIBE FORMATTED says, got ${got}`;
  try {
    const listing = readListing(output, folders);
    if (listing.columns !== null && listing.location !== null) return listing;
  } catch (cause) {
    throw new SluiceError('catalog-client-failed', message, { cause });
  }
  throw new SluiceError('catalog-client-failed', message);
}
