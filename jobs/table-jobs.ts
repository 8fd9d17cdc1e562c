import { z } from 'zod';
import { listTables } from '../src/offsets/index.ts';
import { BadInputError } from '../src/shared/index.ts';
import { openWarehouse, type WarehouseFiles } from '../src/warehouse/index.ts';
import type { FailedChild, JobContext, PlannedChild } from './job-flow.ts';

/** How a job ended, in the words of the exit codes: 0, 3, 1. */
export type JobOutcome = 'complete' | 'partial' | 'failed';

/** What every job gives back, whatever else. */
export interface JobResult {
  outcome: JobOutcome;
  failures: FailedChild[];
}

/** Which tables of which warehouse: what all jobs that go over tables begin their input with. */
export const tablesInput = {
  warehouseUrl: z.string(),
  user: z.string().optional(),
  /** Left out: every table of the warehouse. */
  tables: z.array(z.string()).min(1).optional(),
};

/** Which cluster, for jobs that look into the log. */
export const clusterInput = {
  brokers: z.array(z.string()).min(1),
  /** TLS, SASL, rack: a client.properties that every worker has, or its keys with secrets as references. */
  clientConfig: z.union([z.string(), z.record(z.string(), z.string())]).optional(),
};

export interface TablesInput {
  warehouseUrl: string;
  user?: string | undefined;
  tables?: string[] | undefined;
}

/** A child: one table. */
export interface TableChild<I> {
  input: I;
  table: string;
}

/** Reads an input by its schema; throws BadInputError that names the job, the key and what was expected. */
export function parseJobInput<T>(job: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const [key] = issue.path;
  const ways = issue.path.length === 1 && isMissing(value, key!) ? placesOf[String(key)] : undefined;
  if (ways !== undefined) throw new BadInputError(`${job}: expected ${ways}, found neither`);
  throw new BadInputError(`${job}: ${issue.path.join('.') || 'input'}: ${issue.message}`);
}

/** Where what every job needs can be said: on the command line of `jobs run`, and in the settings file. */
const placesOf: Readonly<Record<string, string>> = {
  warehouseUrl: '--warehouse URL, or loader.warehouse in the settings file',
  brokers: '--brokers HOST:PORT[,HOST:PORT], or jobs.brokers in the settings file',
  topics: '--topics T[,U], or loader.topics in the settings file',
};

function isMissing(value: unknown, key: PropertyKey): boolean {
  return typeof value === 'object' && value !== null && (value as Record<PropertyKey, unknown>)[key] === undefined;
}

export async function usingTables<T>(
  input: TablesInput,
  access: 'read' | 'write',
  context: JobContext,
  work: (files: WarehouseFiles) => Promise<T>,
): Promise<T> {
  const { logger, signal } = context;
  const files = await openWarehouse(input.warehouseUrl, { user: input.user, access, logger, signal });
  try {
    return await work(files);
  } finally {
    await files.close();
  }
}

/** One child a table: those that were named, or all that the warehouse has. */
export async function planTables<I extends TablesInput>(
  input: I,
  context: JobContext,
): Promise<PlannedChild<TableChild<I>>[]> {
  const found = await usingTables(input, 'read', context, (files) => listTables(files, context.signal));
  const unknown = input.tables?.find((table) => !found.includes(table));
  if (unknown !== undefined) {
    throw new BadInputError(
      `expected a table "${unknown}" in ${input.warehouseUrl}, found ${found.join(', ') || 'none'}`,
    );
  }
  return (input.tables ?? found).map((table) => ({ step: table, data: { input, table } }));
}

/** The outcome of a job whose children either did their work or failed. */
export function outcomeOf(failures: readonly FailedChild[], isPartial: boolean): JobOutcome {
  if (failures.length > 0) return 'failed';
  return isPartial ? 'partial' : 'complete';
}
