import { z } from 'zod';
import { contractOptions, type LoadOptions } from '../src/loader/index.ts';
import { parseTableSchema } from '../src/warehouse/index.ts';
import { clusterInput } from './table-jobs.ts';

/** What says how records become rows and files; each key as the option of `sluice load` of that name. */
const contracted = {
  timeField: z.string().nullable().optional(),
  /** json, avro, ... or a YAML file that every worker has. */
  format: z.string().optional(),
  registry: z.array(z.string()).min(1).optional(),
  rollBytes: z.int().positive().optional(),
  rollRecords: z.int().positive().optional(),
  rollAgeMs: z.int().positive().optional(),
  rollEveryMs: z.int().positive().optional(),
  freshnessMs: z.int().positive().optional(),
  zone: z.string().optional(),
  pathFormat: z.string().optional(),
  partitionBy: z.array(z.string()).min(1).optional(),
};

/** The input of every job that loads. */
export const loadInput = {
  ...clusterInput,
  topics: z.array(z.string()).min(1),
  warehouseUrl: z.string(),
  user: z.string().optional(),
  /** A declared table schema as plain JSON; null: inferred. */
  schema: z.unknown().nullable().default(null),
  /** Path of a contract, which every worker has to be able to read; null: none. What stands beside it here counts more. */
  contractFile: z.string().nullable().default(null),
  ...contracted,
  /** What counts less than the contract: of the settings file. */
  defaults: z.strictObject(contracted).default({}),
  memoryBytes: z.int().positive().optional(),
  engine: z.enum(['duckdb', 'parquetjs']).optional(),
  codec: z.enum(['zstd', 'snappy', 'gzip', 'none']).optional(),
};

const shape = z.strictObject(loadInput);
const contractedShape = z.strictObject(contracted);
export type LoadInput = z.infer<typeof shape>;

/** As `runLoad` takes it. The contract, and the files that it names, are read here, so on the machine of the worker. */
export async function loadOptionsOf(input: LoadInput): Promise<Omit<LoadOptions, 'topics'>> {
  const { brokers, clientConfig, warehouseUrl, user, memoryBytes, engine, codec, schema, contractFile } = input;
  return {
    brokers,
    clientConfig: clientConfig ?? null,
    warehouseUrl,
    ...(user === undefined ? {} : { user }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(engine === undefined ? {} : { engine }),
    ...(codec === undefined ? {} : { codec }),
    schema: schema === null ? null : parseTableSchema(schema),
    ...(await contractOptions(contractFile, { given: saidBy(input), defaults: saidBy(input.defaults) })),
  };
}

type Said = NonNullable<NonNullable<Parameters<typeof contractOptions>[1]>['given']>;

function saidBy(input: z.infer<typeof contractedShape>): Said {
  const { timeField, format, registry, rollBytes, rollRecords, rollAgeMs, rollEveryMs, freshnessMs } = input;
  const { zone, pathFormat, partitionBy } = input;
  const layout = { zone, pathFormat, partitionBy };
  const said = { timeField, format, registry, rollBytes, rollRecords, rollAgeMs, rollEveryMs, freshnessMs, layout };
  // What is undefined says nothing; contractOptions leaves it out.
  return said as Said;
}
