import { z } from 'zod';
import { decodeSealedJson, encodeSealedJson, type LiveFile, NumberedFiles } from '../offsets/index.ts';
import { TablePaths, type WarehouseFiles } from '../warehouse/index.ts';
import { tableFileSchema } from './hour-manifest.ts';

/**
 * What a closer has read of a table's chains, so that the next one need not read their whole history:
 * `<table>/_sluice/hours/<number, 10 digits>.json`, sealed JSON, the highest counts, older ones are deleted. It can be lost or
 * broken at any time: then all is read again. It is written only when every complete hour's manifest was true of what had been read.
 */
export interface SurveyCache {
  /** By `partitionKey`: how far the chain was read, and what rewinds had taken back. */
  sequences: ReadonlyMap<string, number>;
  retractions: ReadonlyMap<string, string>;
  rewrites: string;
  /** Files of hours that were not complete. */
  files: readonly LiveFile[];
}

const formatVersion = 1;
const cacheSchema = z.strictObject({
  formatVersion: z.literal(formatVersion),
  kind: z.literal('hours-survey'),
  rewrites: z.string(),
  chains: z.array(z.strictObject({ key: z.string(), sequence: z.int(), retractions: z.string() })),
  files: z.array(tableFileSchema.extend({ sequence: z.int().nullable() })),
});

/** Null: there is none that can be used. */
export async function readSurveyCache(
  files: WarehouseFiles,
  table: string,
  signal?: AbortSignal,
): Promise<SurveyCache | null> {
  try {
    const latest = await cacheFiles(files, table).latest(signal);
    if (!latest) return null;
    const { rewrites, chains, files: kept } = cacheSchema.parse(decodeSealedJson(latest.bytes));
    return {
      rewrites,
      sequences: new Map(chains.map(({ key, sequence }) => [key, sequence])),
      retractions: new Map(chains.map(({ key, retractions }) => [key, retractions])),
      files: kept.map((file) => ({ ...file, staged: null })),
    };
  } catch {
    signal?.throwIfAborted();
    return null; // damaged, or of another version: it saves work, and nothing depends on it
  }
}

export async function writeSurveyCache(
  files: WarehouseFiles,
  table: string,
  cache: SurveyCache,
  signal?: AbortSignal,
): Promise<void> {
  const call = signal ? { signal } : {};
  const chains = [...cache.sequences].map(([key, sequence]) => {
    return { key, sequence, retractions: cache.retractions.get(key) ?? '[]' };
  });
  const kept = cache.files.map(({ staged: _, ...file }) => file);
  const bytes = encodeSealedJson({
    formatVersion,
    kind: 'hours-survey',
    rewrites: cache.rewrites,
    chains,
    files: kept,
  });
  const folder = cacheFolder(table);
  const taken = (await files.list(folder, call)).flatMap(({ name }) => {
    return /^\d{10}\.json$/.test(name) ? [Number(name.slice(0, 10))] : [];
  });
  const number = Math.max(0, ...taken) + 1;
  if (!(await cacheFiles(files, table).publish(number, bytes, signal))) return; // another closer has just done it
  for (const old of taken.filter((other) => other < number - 1)) {
    await files.delete(`${folder}/${String(old).padStart(10, '0')}.json`, call);
  }
}

function cacheFiles(files: WarehouseFiles, table: string): NumberedFiles {
  return new NumberedFiles(files, { folder: cacheFolder(table), temporary: `${new TablePaths(table).system}/tmp` });
}

function cacheFolder(table: string): string {
  return `${new TablePaths(table).system}/hours`;
}
