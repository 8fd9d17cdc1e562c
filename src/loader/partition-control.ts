import { BadInputError } from '../shared/index.ts';
import { createUnique, TablePaths, type WarehouseFiles } from '../warehouse/index.ts';

/** Where the requests to a partition's owner are kept. */
export interface RequestPlace {
  table: string;
  topicId: string;
  partition: number;
}

/**
 * The operator's word about one partition, kept for good so that who paused it and why can be read later:
 *   <table>/_sluice/requests/<topic id>/<partition>/control-<number, 20 digits>.json
 * The entry with the highest number holds. Numbers are taken by `publishIfAbsent`, so two who write at once follow each other.
 */
export interface ControlEntry {
  number: number;
  action: 'pause' | 'resume';
  /** Who, as people know them: `user@host`. */
  by: string;
  reason: string;
  /** Epoch ms of the warehouse's clock. */
  atMs: number;
}

/** A pause that holds now. */
export type PartitionPause = Pick<ControlEntry, 'by' | 'reason' | 'atMs'>;

export function describePause({ by, reason, atMs }: PartitionPause): string {
  return `paused by ${by} since ${new Date(atMs).toISOString()}: ${reason} (to go on: "sluice partitions resume")`;
}

const controlFormatVersion = 1;
const namePattern = /^control-(\d{20})\.json$/;

export function requestFolder({ table, topicId, partition }: RequestPlace): string {
  return `${new TablePaths(table).system}/requests/${topicId}/${partition}`;
}

/** All that was ever said about the partition, oldest first. */
export async function readControl(
  files: WarehouseFiles,
  place: RequestPlace,
  signal?: AbortSignal,
): Promise<ControlEntry[]> {
  const options = signal ? { signal } : {};
  const names = (await files.list(requestFolder(place), options)).map(({ name }) => name);
  const numbers = names.flatMap((name) => numberOf(name) ?? []);
  return await Promise.all(numbers.map((number) => readEntry(files, place, number, signal)));
}

/** The pause that holds, among the names of a listing of the partition's request folder. */
export async function pauseAmong(
  files: WarehouseFiles,
  place: RequestPlace,
  names: readonly string[],
  signal?: AbortSignal,
): Promise<PartitionPause | null> {
  const newest = names.reduce((best, name) => Math.max(best, numberOf(name) ?? -1), -1);
  if (newest < 0) return null;
  const { action, by, reason, atMs } = await readEntry(files, place, newest, signal);
  return action === 'pause' ? { by, reason, atMs } : null;
}

/** The pause that holds, or null. One listing, and one small file when there is any entry. */
export async function currentPause(
  files: WarehouseFiles,
  place: RequestPlace,
  signal?: AbortSignal,
): Promise<PartitionPause | null> {
  const listed = await files.list(requestFolder(place), signal ? { signal } : {});
  const names = listed.map(({ name }) => name);
  return await pauseAmong(files, place, names, signal);
}

/** Writes the next entry; gives the one that holds when it says the same already. Throws BadInputError without a reason. */
export async function writeControl(
  files: WarehouseFiles,
  place: RequestPlace,
  said: { action: ControlEntry['action']; by: string; reason: string },
  signal?: AbortSignal,
): Promise<{ entry: ControlEntry | null; isNew: boolean }> {
  if (said.reason.trim() === '') throw new BadInputError('expected a reason, for whoever reads this later');
  const options = signal ? { signal } : {};
  const folder = requestFolder(place);
  await files.mkdirs(folder, options);
  for (;;) {
    const last = (await readControl(files, place, signal)).at(-1) ?? null;
    if (said.action === (last?.action ?? 'resume')) return { entry: last, isNew: false };
    const entry: ControlEntry = { number: (last?.number ?? 0) + 1, ...said, atMs: await files.nowMs(options) };
    const bytes = Buffer.from(`${JSON.stringify({ formatVersion: controlFormatVersion, ...entry })}\n`);
    const written = await createUnique(files, folder, { bytes }, { suffix: '.tmp', ...options });
    const outcome = await files.publishIfAbsent(written, pathOf(place, entry.number), options);
    if (outcome === 'published') return { entry, isNew: true };
    await files.delete(written, options);
  }
}

async function readEntry(
  files: WarehouseFiles,
  place: RequestPlace,
  number: number,
  signal?: AbortSignal,
): Promise<ControlEntry> {
  const path = pathOf(place, number);
  const text = (await files.read(path, signal ? { signal } : {})).toString('utf8');
  try {
    const { action, by, reason, atMs } = JSON.parse(text) as Record<string, unknown>;
    const isWhole = typeof by === 'string' && typeof reason === 'string' && typeof atMs === 'number';
    if (isWhole && (action === 'pause' || action === 'resume')) return { number, action, by, reason, atMs };
  } catch {
    // said below
  }
  // Who cannot be understood may have meant "stop": a damaged word holds the partition.
  return { number, action: 'pause', by: 'unknown', reason: `${path} cannot be read; resume to replace it`, atMs: 0 };
}

function pathOf(place: RequestPlace, number: number): string {
  return `${requestFolder(place)}/control-${String(number).padStart(20, '0')}.json`;
}

function numberOf(name: string): number | null {
  const match = namePattern.exec(name);
  return match ? Number(match[1]) : null;
}
