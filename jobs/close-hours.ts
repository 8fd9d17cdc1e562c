import { z } from 'zod';
import { type CloseHoursReport, closeHours as closeTableHours } from '../src/hours/index.ts';
import { KafkaCluster } from '../src/wire/client/index.ts';
import type { JobFlow } from './job-flow.ts';
import {
  clusterInput,
  type JobResult,
  outcomeOf,
  parseJobInput,
  planTables,
  type TableChild,
  tablesInput,
  usingTables,
} from './table-jobs.ts';

const inputSchema = z.strictObject({ ...tablesInput, ...clusterInput, latenessMs: z.int().min(0).optional() });

export type CloseHoursInput = z.infer<typeof inputSchema>;

export interface CloseHoursResult extends JobResult {
  tables: CloseHoursReport[];
}

/**
 * One look of the closer at every table: closes hours that are over and completes those that are proven. Partial while a
 * closed hour waits for a checkpoint: that is normal shortly after the hour, and worth a look when it stays.
 */
export const closeHours: JobFlow<CloseHoursInput, TableChild<CloseHoursInput>, CloseHoursReport, CloseHoursResult> = {
  name: 'close-hours',
  childAttempts: 3,
  parseInput: (value) => parseJobInput('close-hours', inputSchema, value),
  plan: planTables,
  runChild({ input, table }, context) {
    return usingTables(input, 'write', context, async (files) => {
      const { brokers, clientConfig, latenessMs } = input;
      const { logger, signal } = context;
      const cluster = new KafkaCluster({ brokers, clientConfig, clientId: 'sluice-close-hours', logger });
      try {
        const lateness = latenessMs === undefined ? {} : { latenessMs };
        return await closeTableHours({ files, table, cluster, logger, signal, ...lateness });
      } finally {
        await cluster.close();
      }
    });
  },
  async finish(_input, tables, failures) {
    const isPartial = tables.some(({ waiting }) => waiting.length > 0);
    return { outcome: outcomeOf(failures, isPartial), failures, tables };
  },
};
