import { z } from 'zod';
import { catalogPlace, parseClientCommand, projectTable, syncCatalog as syncTable } from '../src/catalog/index.ts';
import { BadInputError } from '../src/shared/index.ts';
import type { JobFlow } from './job-flow.ts';
import {
  type JobResult,
  outcomeOf,
  parseJobInput,
  planTables,
  type TableChild,
  tablesInput,
  usingTables,
} from './table-jobs.ts';

/** Names the client, on the machine that works: an input, which comes through a queue, must not say what is run there. */
export const catalogClientVariable = 'SLUICE_CATALOG_CLIENT';

const inputSchema = z.strictObject({
  ...tablesInput,
  dialect: z.enum(['hive', 'spark']).default('hive'),
  database: z.string().optional(),
  /** Names in the catalog of those tables that have another one there. */
  names: z.record(z.string(), z.string()).optional(),
  /** The warehouse as the catalog's readers call it. */
  location: z.string().optional(),
  /** Only hours that are complete or amended. */
  completeOnly: z.boolean().default(true),
});

export type SyncCatalogInput = z.infer<typeof inputSchema>;

/** What was done for one table, in numbers: the names would not fit into a queue. */
export interface CatalogChange {
  /** As the catalog calls it, in backticks. */
  name: string;
  partitionCount: number;
  missing: number;
  extra: number;
  columns: number;
  statementCount: number;
  /** Whether the catalog was right afterwards. */
  isEqual: boolean;
}

export interface SyncCatalogResult extends JobResult {
  tables: CatalogChange[];
  statementCount: number;
}

/**
 * Makes a catalog say what the ledgers of the tables say, one child a table: behind the job that closes hours, so that an hour can be
 * queried when it is complete. Partial when a catalog differs afterwards, because somebody else changed it at the same time.
 */
export const syncCatalog: JobFlow<SyncCatalogInput, TableChild<SyncCatalogInput>, CatalogChange, SyncCatalogResult> = {
  name: 'sync-catalog',
  childAttempts: 3,
  parseInput: (value) => parseJobInput('sync-catalog', inputSchema, value),
  plan: planTables,
  runChild({ input, table }, context) {
    const client = clientCommand();
    return usingTables(input, 'read', context, async (files) => {
      const { dialect, database, names = {}, location, completeOnly } = input;
      const { signal } = context;
      const projected = await projectTable(files, table, {
        ...catalogPlace(files, table, { database, name: names[table], location }),
        ...{ dialect, signal, isCompleteOnly: completeOnly },
      });
      const { before, statements, ...report } = await syncTable(projected, { client, dialect, signal });
      const { missing, extra, columns } = before;
      return {
        ...{ name: report.name, partitionCount: report.partitionCount, isEqual: report.isEqual },
        ...{ missing: missing.length, extra: extra.length, columns: columns.length, statementCount: statements.length },
      };
    });
  },
  async finish(_input, tables, failures) {
    const isPartial = tables.some(({ isEqual }) => !isEqual);
    const statementCount = tables.reduce((sum, table) => sum + table.statementCount, 0);
    return { outcome: outcomeOf(failures, isPartial), failures, tables, statementCount };
  },
};

function clientCommand(): string[] {
  const command = process.env[catalogClientVariable];
  if (command !== undefined) return parseClientCommand(command);
  throw new BadInputError(
    `sync-catalog: expected ${catalogClientVariable} where the job runs, such as ${catalogClientVariable}='spark-sql -f'`,
  );
}
