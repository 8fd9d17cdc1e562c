import { z } from 'zod';
import { intentOperations, rewriteOperations, type TableRecord } from './table-record.ts';

/** The JSON of a table's records and of its state, as zod schemas. bigint fields are decimal strings in the JSON. */

export const int64 = z
  .string()
  .regex(/^-?\d{1,19}$/, 'expected a decimal string')
  .transform(BigInt);
export const offset = z
  .string()
  .regex(/^\d{1,19}$/, 'expected an offset as a decimal string')
  .transform(BigInt);
export const count = z.int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 in hex');
const contentHash = z.string().regex(/^[0-9a-f]{32}$/, 'expected 32 hex digits');
export const topicId = z.string().regex(/^[0-9a-f]{32}$/, 'expected 32 hex digits');
/** Relative to the table; no component that leads elsewhere. */
export const path = z
  .string()
  .min(1)
  .refine((text) => text.split('/').every((part) => part !== '' && part !== '.' && part !== '..'), {
    error: 'expected a relative path without "." or ".."',
  });
export const writer = z.strictObject({ host: z.string(), pid: count, user: z.string() });
const pointer = z.strictObject({ path, sha256 });

const base = {
  formatVersion: z.literal(1),
  era: count,
  sequence: count.positive(),
  table: z.string().min(1),
  writer,
  attempt: z.string().min(1),
  writtenAtMs: z.int(),
  previousHash: z.union([sha256, z.literal('')]),
  publishedThrough: count,
};

const range = { topicId, partition: count, first: offset, next: offset };
const runs = z.array(z.strictObject({ first: offset, next: offset }));
export const partitionRuns = z.array(z.strictObject({ topicId, partition: count, runs }));
const file = {
  path,
  size: count,
  topic: z.string().min(1),
  topicId,
  partition: count.nullable(),
  ranges: z.array(z.strictObject({ ...range, rowCount: count, contentHash })),
  rowCount: count,
  minTimeMs: int64,
  maxTimeMs: int64,
  contentHash,
  schemaId: count,
};
export const tableFile = z.strictObject(file);
const addedFile = z.strictObject({ ...file, staged: path });
export const rangeAccount = z.strictObject({
  ...range,
  landedCount: offset,
  notLanded: z.strictObject({ dead: runs, filtered: runs, control: runs, gaps: runs }),
  deadLetters: z.strictObject({ staged: path, path, size: count, count }).nullable(),
});
export const scope = z.strictObject(range).nullable();
export const intentOperation = z.enum(intentOperations);
export const rewriteOperation = z.enum(rewriteOperations);
const hourMark = z.strictObject({ topicId, partition: count, end: offset, sequence: count });
const retiredHour = z.strictObject({ hour: z.string().min(1), folder: path, revision: count });
export const hour = {
  hour: z.string().min(1),
  state: z.enum(['closed', 'complete']),
  marks: z.array(hourMark),
  revision: count,
  manifest: path.nullable(),
};

const record = z.discriminatedUnion('kind', [
  z.strictObject({
    ...base,
    kind: z.literal('intent'),
    operation: intentOperation,
    staging: path,
    scope,
    reason: z.string(),
  }),
  z.strictObject({ ...base, kind: z.literal('cancel'), intent: count.positive(), reason: z.string() }),
  z.strictObject({
    ...base,
    kind: z.literal('rewrite'),
    operation: rewriteOperation,
    intent: count.positive(),
    replaced: z.array(tableFile),
    added: z.array(addedFile),
    deduplicated: partitionRuns,
    replayed: partitionRuns,
    accounts: z.array(rangeAccount),
    expired: partitionRuns.optional(),
    hours: z.array(retiredHour).optional(),
    undoes: count.positive().nullable(),
    reason: z.string(),
  }),
  z.strictObject({ ...base, kind: z.literal('hour'), ...hour }),
  z.strictObject({ ...base, kind: z.literal('expire'), rewrites: z.array(count.positive()) }),
  z.strictObject({
    ...base,
    kind: z.literal('repair'),
    voids: count.positive(),
    damaged: z.strictObject({ size: count, sha256 }),
    aside: path,
    replaced: z.array(tableFile),
    added: z.array(addedFile),
    reason: z.string(),
  }),
  z.strictObject({
    ...base,
    kind: z.literal('era-end'),
    nextFolder: z.string().regex(/^\d{10}-[0-9a-z]+$/, 'expected the name of an era folder'),
    snapshot: pointer.nullable(),
    state: pointer.nullable(),
  }),
]);

export const tableRecordKinds = ['intent', 'cancel', 'rewrite', 'hour', 'expire', 'repair', 'era-end'] as const;

/** The record in parsed JSON, or what is wrong with it as one line. */
export function parseTableRecord(json: unknown): { record: TableRecord } | { problem: string } {
  const result = record.safeParse(json);
  return result.success ? { record: result.data } : { problem: problemOf(result.error) };
}

export function problemOf(error: z.ZodError): string {
  return error.issues
    .slice(0, 3)
    .map((issue) => `${issue.path.join('.') || 'record'}: ${issue.message}`)
    .join('; ');
}
