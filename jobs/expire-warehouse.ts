import { z } from 'zod';
import { TableChain } from '../src/offsets/index.ts';
import { type ExpireReport, expireHours } from '../src/rewrites/index.ts';
import { BadInputError, systemClock } from '../src/shared/index.ts';
import { type ContractFile, contractOf, readContractFile } from '../src/warehouse/index.ts';
import type { JobContext, JobFlow, PlannedChild } from './job-flow.ts';
import { type JobResult, outcomeOf, parseJobInput, planTables, tablesInput, usingTables } from './table-jobs.ts';

const inputSchema = z.strictObject({
  ...tablesInput,
  /** The retention of all these tables, whatever their contracts say. */
  olderThanMs: z.int().positive().optional(),
  /** Path of a contract with `retention`, for all tables or in a section for each. */
  contractFile: z.string().nullable().default(null),
  /** The retention of tables of which neither says anything. */
  defaultOlderThanMs: z.int().positive().optional(),
  /** How long what was taken out can be brought back. Default one day. */
  graceMs: z.int().min(0).optional(),
});

export type ExpireWarehouseInput = z.infer<typeof inputSchema>;

export interface ExpireWarehouseChild {
  input: ExpireWarehouseInput;
  table: string;
  olderThanMs: number;
}

export interface ExpireWarehouseResult extends JobResult {
  tables: ExpireReport[];
  hours: number;
  rows: number;
}

/**
 * The retention of the warehouse: hours past it leave their table as one record of its chain, what left it longer ago than the grace
 * time is deleted. One child a table that has a retention; tables without one are left alone. Partial when an hour could not be taken out.
 */
export const expireWarehouse: JobFlow<ExpireWarehouseInput, ExpireWarehouseChild, ExpireReport, ExpireWarehouseResult> =
  {
    name: 'expire-warehouse',
    childAttempts: 3,
    parseInput: (value) => parseJobInput('expire-warehouse', inputSchema, value),

    async plan(input, context) {
      const contract = input.contractFile === null ? null : await readContractFile(input.contractFile, noSalt);
      const children = await planWithRetention(input, contract, context);
      if (children.length > 0) return children;
      throw new BadInputError(
        'expire-warehouse: expected a retention: "olderThanMs" in the input, "retention" in the contract, or loader.retention in the settings',
      );
    },

    runChild({ input, table, olderThanMs }, context) {
      return usingTables(input, 'write', context, async (files) => {
        const { logger, signal, onProgress } = context;
        const chain = await TableChain.open(files, table, { logger, signal });
        return await expireHours(
          { files, table, chain, clock: systemClock, logger, signal },
          {
            olderThanMs,
            ...(input.graceMs === undefined ? {} : { tidy: { graceMs: input.graceMs } }),
            onHour: (hour) => onProgress({ step: table, rows: String(hour.rows) }),
          },
        );
      });
    },

    async finish(_input, tables, failures) {
      const done = tables.flatMap(({ hours }) => hours.filter(({ sequence }) => sequence !== null));
      const isPartial = tables.some(({ failed }) => failed > 0);
      const rows = done.reduce((sum, hour) => sum + hour.rows, 0);
      return { outcome: outcomeOf(failures, isPartial), failures, tables, hours: done.length, rows };
    },
  };

/** Nothing is hashed here. */
const noSalt = { needsSalt: false };

async function planWithRetention(
  input: ExpireWarehouseInput,
  contract: ContractFile | null,
  context: JobContext,
): Promise<PlannedChild<ExpireWarehouseChild>[]> {
  return (await planTables(input, context)).flatMap(({ step, data: { table } }) => {
    const olderThanMs = input.olderThanMs ?? contractOf(contract, table)?.retentionMs ?? input.defaultOlderThanMs;
    return olderThanMs === undefined ? [] : [{ step, data: { input, table, olderThanMs } }];
  });
}
