import { z } from 'zod';
import { bytesOf, durationMsOf } from '../../shared/index.ts';
import { maxColumnCount } from './column-name.ts';
import { saltPlace } from './contract-salt.ts';
import { columnType } from './schema-codec.ts';

/** The shape of a contract file; `contract-file.ts` explains it and checks what a shape cannot say. */
const columnEntry = z.strictObject({
  name: z.string(),
  type: columnType,
  required: z.boolean().optional(),
  nullable: z.boolean().optional(),
  default: z.unknown().optional(),
  from: z.string().optional(),
  hash: z.literal('sha256').optional(),
});

const columns = z.array(columnEntry).min(1).max(maxColumnCount);

const personalEntry = z.strictObject({
  field: z.string(),
  hash: z.literal('sha256').optional(),
  drop: z.literal(true).optional(),
});

const writerSection = z.strictObject({
  codec: z.enum(['zstd', 'snappy', 'gzip', 'none']).optional(),
  level: z.int().min(1).max(22).optional(),
  rowGroupRows: z.int().min(1).max(10_000_000).optional(),
  dictionary: z.boolean().optional(),
  bloomFilters: z.boolean().optional(),
  sortBy: z.array(z.string()).min(1).optional(),
});

/** A text, or a number that YAML has made of one, in the unit of the parser. */
const measure = (parser: (text: string) => number | null, expected: string) =>
  z.union([z.string(), z.number()]).transform((value, context) => {
    const parsed = parser(String(value));
    if (parsed !== null && parsed > 0 && Number.isSafeInteger(parsed)) return parsed;
    context.addIssue({ code: 'custom', message: expected });
    return z.NEVER;
  });

const size = measure(bytesOf, 'expected a size like 128MB');
const duration = measure(durationMsOf, 'expected a duration like 60s, 15m or 90d');

const hoursSection = z.strictObject({ zone: z.string().optional(), layout: z.string().optional() });
const rollSection = z.strictObject({
  bytes: size.optional(),
  records: z.int().min(1).optional(),
  age: duration.optional(),
  schedule: duration.optional(),
  freshness: duration.optional(),
});

export const contractSchema = z.strictObject({
  key: z.enum(['bytes', 'string']).default('bytes'),
  columns: columns.optional(),
  personal: z.array(personalEntry).default([]),
  salt: saltPlace.optional(),
  filter: z.string().optional(),
  parquet: writerSection.default({}),
  format: z.unknown().optional(),
  hours: hoursSection.optional(),
  roll: rollSection.optional(),
  retention: duration.optional(),
  partitionBy: z.array(z.string()).min(1).optional(),
  maxPartitionValues: z.int().min(1).max(100_000).optional(),
  timeField: z.string().optional(),
});

export type ContractEntry = z.infer<typeof contractSchema>;
export type ColumnEntry = z.infer<typeof columnEntry>;
