import { TablePaths } from '../warehouse/index.ts';

/** Where the ledger keeps its files (the rest of a table's layout: `TablePaths`). All paths are absolute within the warehouse. */

export interface ChainId {
  /** Name of the table; its folder is an escaped form of it. */
  table: string;
  /** 32 hex digits. */
  topicId: string;
  partition: number;
}

/** Holds the era folders, `tmp` and `snapshots` of one partition's chain. */
export function chainFolder({ table, topicId, partition }: ChainId): string {
  return new TablePaths(table).chain(topicId, partition);
}

export function temporaryFolder(chain: ChainId): string {
  return `${chainFolder(chain)}/tmp`;
}

export function snapshotFolder(chain: ChainId): string {
  return `${chainFolder(chain)}/snapshots`;
}

export function recordName(sequence: number): string {
  return `${String(sequence).padStart(20, '0')}.json`;
}

/** The sequence of a record's file name, or null for any other name. */
export function parseRecordName(name: string): number | null {
  const match = /^(\d{20})\.json$/.exec(name);
  const sequence = match ? Number(match[1]) : Number.NaN;
  return Number.isSafeInteger(sequence) ? sequence : null;
}

export function eraFolderName(era: number, unique: string): string {
  const digits = String(era).padStart(10, '0');
  return era === 0 ? digits : `${digits}-${unique}`;
}

/** The era of an era folder's name, or null for any other name. */
export function parseEraFolderName(name: string): number | null {
  const match = /^(\d{10})(-[0-9a-z]+)?$/.exec(name);
  if (!match || (Number(match[1]) === 0) !== (match[2] === undefined)) return null;
  return Number(match[1]);
}

/** Holds one folder per claim that ever staged files for this partition. */
export function stagingRoot({ table, topicId, partition }: ChainId): string {
  return new TablePaths(table).stagingRoot(topicId, partition);
}

export function stagingFolder({ table, topicId, partition }: ChainId, claimSequence: number): string {
  return new TablePaths(table).staging(topicId, partition, claimSequence);
}

/** The claim sequence of a staging folder's name, or null for any other name. */
export function parseStagingName(name: string): number | null {
  return /^\d{20}$/.test(name) ? Number(name) : null;
}

/** A path of a record (relative to the table) as an absolute path. */
export function absolutePath(table: string, relative: string): string {
  return `${new TablePaths(table).root}/${relative}`;
}

/** An absolute path within the table as the records write it. */
export function relativePath(table: string, absolute: string): string {
  const prefix = `${new TablePaths(table).root}/`;
  if (!absolute.startsWith(prefix)) throw new RangeError(`expected a path below ${prefix}, got ${absolute}`);
  return absolute.slice(prefix.length);
}
