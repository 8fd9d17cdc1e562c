import { createHash } from 'node:crypto';
import { z } from 'zod';
import { decodeSealedJson, encodeSealedJson, type HourMark, type TableFile } from '../offsets/index.ts';
import { describeError, SluiceError } from '../shared/index.ts';
import { addContentHashes } from '../warehouse/index.ts';

/**
 * What an hour holds, written once it is proven and never changed: `<table>/<folder>/_manifest-<revision>.json`, where the highest
 * revision wins. The same bytes are kept below `_sluice/manifests`, under a name that says their hash; the record of the
 * table's chain names that one, so a manifest is true exactly if the chain says so.
 */
export const manifestFormatVersion = 1;

/** `amended`: rows were added to the hour, or taken out, after it had been complete for the first time. */
export type ManifestState = 'complete' | 'amended';

export interface HourManifest {
  table: string;
  /** `2026-11-20T23`; of a table of days `2026-11-20`. */
  hour: string;
  zone: string;
  /** Relative to the table. */
  folder: string;
  /** The hour on the time line, epoch ms: [startMs, endMs). A repeated hour is longer, see TimeFolders. */
  startMs: number;
  endMs: number;
  revision: number;
  state: ManifestState;
  /** Epoch ms: when the end offsets were taken, and how long after the hour's end that was at least. */
  closedAtMs: number;
  writtenAtMs: number;
  rowCount: bigint;
  byteCount: bigint;
  /** Of all rows together, in the way of the files' own hashes. */
  contentHash: string;
  /** In the order of their paths. */
  files: TableFile[];
  /** The proof: end offsets when the hour was closed, and how far each partition's chain is covered. */
  marks: ManifestMark[];
}

export interface ManifestMark extends HourMark {
  topic: string;
  /** Checkpoint when the manifest was made; at or behind `end`. */
  checkpoint: bigint;
}

const int64 = z
  .string()
  .regex(/^-?\d{1,19}$/)
  .transform(BigInt);
const count = z.int().nonnegative();
const range = z.strictObject({
  topicId: z.string(),
  partition: count,
  first: int64,
  next: int64,
  rowCount: count,
  contentHash: z.string(),
});
/** A file as records, manifests and surveys write it. */
export const tableFileSchema = z.strictObject({
  path: z.string(),
  size: count,
  topic: z.string(),
  topicId: z.string(),
  partition: count.nullable(),
  ranges: z.array(range),
  rowCount: count,
  minTimeMs: int64,
  maxTimeMs: int64,
  contentHash: z.string(),
  schemaId: count,
});

const manifestSchema = z.strictObject({
  formatVersion: z.literal(manifestFormatVersion),
  kind: z.literal('hour-manifest'),
  table: z.string(),
  hour: z.string(),
  zone: z.string(),
  folder: z.string(),
  startMs: z.int(),
  endMs: z.int(),
  revision: count.positive(),
  state: z.enum(['complete', 'amended']),
  closedAtMs: z.int(),
  writtenAtMs: z.int(),
  rowCount: int64,
  byteCount: int64,
  contentHash: z.string(),
  files: z.array(tableFileSchema),
  marks: z.array(
    z.strictObject({
      topic: z.string(),
      topicId: z.string(),
      partition: count,
      end: int64,
      sequence: count,
      checkpoint: int64,
    }),
  ),
});

/** One line of canonical JSON with a checksum, like the records of the ledger. */
export function encodeManifest(manifest: HourManifest): Buffer {
  return encodeSealedJson({ formatVersion: manifestFormatVersion, kind: 'hour-manifest', ...manifest });
}

/** @throws SluiceError `unreadable-manifest` when the bytes are not what was written. */
export function decodeManifest(bytes: Buffer, path: string): HourManifest {
  try {
    const { formatVersion: _, kind: __, ...manifest } = manifestSchema.parse(decodeSealedJson(bytes));
    return manifest;
  } catch (error) {
    throw new SluiceError(
      'unreadable-manifest',
      `${path}: expected a manifest of format ${manifestFormatVersion}, got ${describeError(error)}`,
      { cause: error },
    );
  }
}

/** What a set of files comes to. */
export function summarize(files: readonly TableFile[]): Pick<HourManifest, 'rowCount' | 'byteCount' | 'contentHash'> {
  return {
    rowCount: files.reduce((sum, { rowCount }) => sum + BigInt(rowCount), 0n),
    byteCount: files.reduce((sum, { size }) => sum + BigInt(size), 0n),
    contentHash: files.map(({ contentHash }) => contentHash).reduce(addContentHashes, '0'.repeat(32)),
  };
}

/** Name of a manifest as readers see it, in the hour's folder. */
export function visibleManifest(folder: string, revision: number): string {
  return `${folder}/_manifest-${revision}.json`;
}

/** What the path of a kept manifest says, which the chain's record carries. */
export interface KeptManifest {
  revision: number;
  state: ManifestState;
  /** Tells whether the hour's files are still those of the manifest, without reading it. */
  filesDigest: string;
  /** SHA-256 of the manifest's bytes. */
  sha256: string;
}

/** Relative to the table. */
export function keptManifestPath(hour: string, { revision, state, filesDigest, sha256 }: KeptManifest): string {
  return `_sluice/manifests/${hour}/${String(revision).padStart(10, '0')}-${state}-${filesDigest}-${sha256}.json`;
}

export function parseKeptManifest(path: string): KeptManifest | null {
  const match = /\/(\d{10})-(complete|amended)-([0-9a-f]{32})-([0-9a-f]{64})\.json$/.exec(path);
  if (!match) return null;
  const [, revision, state, filesDigest, sha256] = match as unknown as [string, string, ManifestState, string, string];
  return { revision: Number(revision), state, filesDigest, sha256 };
}

/** One value for one set of paths, whatever their order: no path is ever used for another file. */
export function digestOfFiles(paths: readonly string[]): string {
  return createHash('sha256')
    .update([...paths].sort().join('\n'))
    .digest('hex')
    .slice(0, 32);
}

export function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
