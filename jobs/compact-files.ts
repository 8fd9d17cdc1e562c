import { z } from 'zod';
import { TableChain } from '../src/offsets/index.ts';
import { type CompactReport, compactTable } from '../src/rewrites/index.ts';
import { systemClock } from '../src/shared/index.ts';
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

const inputSchema = z.strictObject({
  ...tablesInput,
  targetBytes: z.int().positive().optional(),
  /** Hours with events younger than this are left alone. */
  olderThanMs: z.int().min(0).optional(),
  sortBy: z.array(z.string()).optional(),
});

export type CompactFilesInput = z.infer<typeof inputSchema>;

export interface CompactFilesResult extends JobResult {
  tables: CompactReport[];
  filesBefore: number;
  filesAfter: number;
}

/** Merges the small files of hours that are over, one child a table; the table's chain keeps several at a time apart. */
export const compactFiles: JobFlow<
  CompactFilesInput,
  TableChild<CompactFilesInput>,
  CompactReport,
  CompactFilesResult
> = {
  name: 'compact-files',
  childAttempts: 3,
  parseInput: (value) => parseJobInput('compact-files', inputSchema, value),
  plan: planTables,
  runChild({ input, table }, context) {
    return usingTables(input, 'write', context, async (files) => {
      const { logger, signal, onProgress } = context;
      const chain = await TableChain.open(files, table, { logger, signal });
      const { targetBytes, olderThanMs, sortBy } = input;
      let rows = 0;
      return await compactTable(
        { files, table, chain, clock: systemClock, logger, signal },
        {
          ...(targetBytes === undefined ? {} : { targetBytes }),
          ...(olderThanMs === undefined ? {} : { olderThanMs }),
          ...(sortBy === undefined ? {} : { sortBy }),
          onGroup: (group) => onProgress({ step: table, rows: String((rows += group.rows)) }),
        },
      );
    });
  },
  async finish(_input, tables, failures) {
    const done = tables.flatMap(({ groups }) => groups.filter(({ sequence }) => sequence !== null));
    const filesBefore = done.reduce((sum, { files }) => sum + files, 0);
    const isPartial = tables.some(({ failed }) => failed > 0);
    return { outcome: outcomeOf(failures, isPartial), failures, tables, filesBefore, filesAfter: done.length };
  },
};
