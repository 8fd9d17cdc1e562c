import { z } from 'zod';
import { auditWarehouse, readLogBounds } from '../src/loader/index.ts';
import { listTopics } from '../src/offsets/index.ts';
import type { WarehouseFiles } from '../src/warehouse/index.ts';
import { KafkaCluster } from '../src/wire/client/index.ts';
import type { JobContext, JobFlow } from './job-flow.ts';
import {
  clusterInput,
  type JobResult,
  parseJobInput,
  planTables,
  type TableChild,
  tablesInput,
  usingTables,
} from './table-jobs.ts';

const inputSchema = z.strictObject({
  ...tablesInput,
  /** Left out: HDFS alone; named: the checkpoints are compared with the log as well. */
  brokers: clusterInput.brokers.optional(),
  clientConfig: clusterInput.clientConfig,
  /** Read `_offset` of every file, and name what is missing or double. */
  deep: z.boolean().default(false),
});

export type AuditInput = z.infer<typeof inputSchema>;

export interface TableAudit {
  table: string;
  fileCount: number;
  /** Differences, in words. */
  problems: string[];
}

export interface AuditResult extends JobResult {
  tables: TableAudit[];
}

/** Offset conservation of every table, one child a table. A difference is a failure: somebody must look at it. */
export const audit: JobFlow<AuditInput, TableChild<AuditInput>, TableAudit, AuditResult> = {
  name: 'audit',
  childAttempts: 3,
  parseInput: (value) => parseJobInput('audit', inputSchema, value),
  plan: planTables,
  runChild: ({ input, table }, context) =>
    usingTables(input, 'read', context, (files) => auditTable(files, table, input, context)),
  async finish(_input, tables, failures) {
    const differing = tables.filter(({ problems }) => problems.length > 0);
    const found = differing.map(({ table, problems }) => ({ step: table, error: problems.join('; ') }));
    const all = [...failures, ...found];
    return { outcome: all.length > 0 ? 'failed' : 'complete', failures: all, tables };
  },
};

export async function auditTable(
  files: WarehouseFiles,
  table: string,
  input: Pick<AuditInput, 'brokers' | 'clientConfig' | 'deep'>,
  { logger, signal }: JobContext,
): Promise<TableAudit> {
  const { brokers, clientConfig, deep } = input;
  const topics = (await listTopics(files, table, signal)).map(({ topic }) => topic);
  const cluster = brokers && new KafkaCluster({ brokers, clientConfig, clientId: 'sluice-audit', logger });
  try {
    const logBounds = cluster ? await readLogBounds(cluster, topics, signal) : undefined;
    const report = await auditWarehouse(files, { table, deep, logBounds, signal });
    const problems = report.problems.map(({ topic, partition, message }) =>
      topic === null ? message : `${topic}/${partition}: ${message}`,
    );
    return { table, fileCount: report.fileCount, problems };
  } finally {
    await cluster?.close();
  }
}
