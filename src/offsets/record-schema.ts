import { z } from 'zod';
import type { LedgerRecord } from './ledger-record.ts';

/** The JSON of records, as zod schemas. bigint fields are decimal strings in the JSON. */

const int64 = z
  .string()
  .regex(/^-?\d{1,19}$/, 'expected a decimal string')
  .transform(BigInt);
const offset = z
  .string()
  .regex(/^\d{1,19}$/, 'expected an offset as a decimal string')
  .transform(BigInt);
const count = z.int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 in hex');
/** Relative to the table; no component that leads elsewhere. */
const path = z
  .string()
  .min(1)
  .refine((text) => text.split('/').every((part) => part !== '' && part !== '.' && part !== '..'), {
    error: 'expected a relative path without "." or ".."',
  });

const owner = z.strictObject({
  clusterId: z.string(),
  group: z.string(),
  member: z.string(),
  generation: z.int(),
  host: z.string(),
});
const file = z.strictObject({
  staged: path,
  path,
  size: count,
  firstOffset: offset,
  lastOffset: offset,
  rowCount: count,
  minTimeMs: int64,
  maxTimeMs: int64,
  contentHash: z.string(),
  schemaId: count,
});
const runs = z.array(z.strictObject({ first: offset, next: offset }));
const cause = z.enum([
  'bytes',
  'age',
  'end-of-input',
  'memory',
  'revoked',
  'shutdown',
  'schema',
  'requested',
  'records',
  'schedule',
  'freshness',
  'folders',
]);
const base = {
  formatVersion: z.literal(1),
  era: count,
  sequence: count.positive(),
  topic: z.string().min(1),
  topicId: z.string().regex(/^[0-9a-f]{32}$/, 'expected 32 hex digits'),
  partition: count,
  owner,
  attempt: z.string().min(1),
  writtenAtMs: z.int(),
  previousHash: z.union([sha256, z.literal('')]),
  publishedThrough: count,
};

const totals = z.strictObject({
  landed: offset,
  dead: offset,
  filtered: offset,
  control: offset,
  gaps: offset,
  files: count,
});
const sequenceRange = z.strictObject({ first: count.positive(), last: count.positive() });

const claim = z.strictObject({ ...base, kind: z.literal('claim'), next: offset, takeOver: z.string().nullable() });
const commit = z.strictObject({
  ...base,
  kind: z.literal('commit'),
  first: offset,
  next: offset,
  files: z.array(file),
  deadLetters: z.strictObject({ staged: path, path, size: count, count }).nullable(),
  notLanded: z.strictObject({ dead: runs, filtered: runs, control: runs, gaps: runs }),
  landedCount: offset,
  cause,
  leaderEpoch: z.int(),
});
const release = z.strictObject({ ...base, kind: z.literal('release'), next: offset });
const gap = z.strictObject({ ...base, kind: z.literal('gap'), first: offset, next: offset, reason: z.string() });
const eraEnd = z.strictObject({
  ...base,
  kind: z.literal('era-end'),
  first: offset,
  next: offset,
  nextFolder: z.string().regex(/^\d{10}-[0-9a-z]+$/, 'expected the name of an era folder'),
  holder: z.strictObject({ owner, claimSequence: count.positive(), claimedAtMs: z.int() }).nullable(),
  lastCommit: z
    .strictObject({ sequence: count, writtenAtMs: z.int(), cause, next: offset, maxTimeMs: int64.nullable() })
    .nullable(),
  leaderEpoch: z.int(),
  snapshot: z.strictObject({ path, sha256 }).nullable(),
  totals,
  retractions: z.array(sequenceRange).optional(),
});

const repair = z.strictObject({
  ...base,
  kind: z.literal('repair'),
  next: offset,
  voids: count.positive(),
  damaged: z.strictObject({ size: count, sha256 }),
  aside: path,
  reason: z.string(),
});

const rewind = z.strictObject({
  ...base,
  kind: z.literal('rewind'),
  from: offset,
  next: offset,
  retracts: sequenceRange,
  files: z.array(z.strictObject({ path, size: count })),
  totals,
  leaderEpoch: z.int(),
  aside: path,
  reason: z.string(),
});

export const recordKinds = ['claim', 'commit', 'release', 'gap', 'era-end', 'repair', 'rewind'] as const;

const record = z.discriminatedUnion('kind', [claim, commit, release, gap, eraEnd, repair, rewind]);

/** The record in parsed JSON, or what is wrong with it as one line. */
export function parseRecordJson(json: unknown): { record: LedgerRecord } | { problem: string } {
  const result = record.safeParse(json);
  if (result.success) return { record: result.data };
  const issues = result.error.issues
    .slice(0, 3)
    .map((issue) => `${issue.path.join('.') || 'record'}: ${issue.message}`);
  return { problem: issues.join('; ') };
}
