import { BadInputError } from '../../shared/index.ts';
import { defaultPathFormat } from './path-format.ts';
import { TimeFolders } from './time-folders.ts';

/**
 * Names and places of a table's files. Everything here is a pure function of its arguments, and every name can be read
 * back without asking anybody.
 *
 *   <table>/dt=2026-11-21/hr=07/part+<topic>+<partition>+<first>+<last>+<sequence>.parquet      visible data
 *   <table>/_sluice/ledger/<topic id>/<partition>/...                                             the chain (src/offsets)
 *   <table>/_sluice/schema/<schema id, 10 digits>.json
 *   <table>/_sluice/staging/<topic id>/<partition>/<claim sequence, 20 digits>/<unique>.parquet not yet committed
 *   <table>/_sluice/dead/<topic id>/<partition>/dead+<first>+<last>+<sequence>.jsonl
 *
 * Escaping. A name may hold any byte that Kafka allows in a topic (letters, digits, `.`, `_`, `-`); every other byte is
 * written as `%` and two upper-case hex digits, and so is `%` itself, so two names never share one escaped form.
 * Spark and Hive skip folders and files that begin with `_` or `.`: part files therefore begin with `part+`, and in the
 * name of a table folder a leading `_` or `.` is escaped too (`_a` -> `%5Fa`, `.b` -> `%2Eb`). No topic can be called
 * `%5Fa`, because Kafka refuses `%`, and a literal `%` would be escaped to `%25`: no two topics meet in one folder.
 * Partition and the rest are decimal; offsets and sequences are zero-padded to 20 digits so that byte order is number order.
 */

const numberDigits = 20;

/** How a table's rows are put into folders. Kept in the ledger, because every loader and every closer must agree on it. */
export interface TableLayout {
  /** IANA name; folders and hours are those of its wall clock. */
  zone: string;
  pathFormat: string;
  /** Fields with folders of their own below the time's: `country=DE`. */
  partitionBy: string[];
  /** Values of these fields that one roll of a partition may have; rows with further ones are dead letters. */
  maxPartitionValues: number;
  /** Field that the newest load took the event time from; null: the record's timestamp; left out: no load has said it. */
  timeField?: string | null | undefined;
}

/** Whatever is left out has its default. */
export type LayoutOptions = Partial<TableLayout>;

export const defaultLayout: TableLayout = {
  zone: 'UTC',
  pathFormat: defaultPathFormat,
  partitionBy: [],
  maxPartitionValues: 200,
};

const utcHours = new TimeFolders();

/** UTC time folder of an event time in epoch milliseconds, for years 0001 to 9999: the layout of a table that names no other. */
export function hourFolder(timeMs: bigint): string {
  return utcHours.at(Number(timeMs)).folder;
}

/** First millisecond of a folder that `hourFolder` named, or null when it is not one. */
export function parseHourFolder(folder: string): bigint | null {
  const period = utcHours.periodOfFolder(folder);
  return period && BigInt(period.startMs);
}

/** What the name of a part file says. Offsets are inclusive; `sequence` is that of the ledger record that committed it. */
export interface PartFileName {
  topic: string;
  partition: number;
  firstOffset: bigint;
  lastOffset: bigint;
  sequence: bigint;
}

export function partFileName(
  topic: string,
  partition: number,
  firstOffset: bigint,
  lastOffset: bigint,
  sequence: bigint | number,
): string {
  return `part+${escapeName(topic)}+${partition}+${padded(firstOffset)}+${padded(lastOffset)}+${padded(sequence)}.parquet`;
}

/** Reads a part file's name back; null when the name is not one that `partFileName` makes. */
export function parsePartFileName(name: string): PartFileName | null {
  const match = /^part\+([A-Za-z0-9._%-]+)\+(0|[1-9]\d{0,9})\+(\d{20})\+(\d{20})\+(\d{20})\.parquet$/.exec(name);
  if (match === null) return null;
  const topic = unescapeName(match[1]!);
  if (topic === null) return null;
  return {
    topic,
    partition: Number(match[2]),
    firstOffset: BigInt(match[3]!),
    lastOffset: BigInt(match[4]!),
    sequence: BigInt(match[5]!),
  };
}

/** Folder of a table inside the warehouse, for a topic or a table name of the user's choice. */
export function tableFolder(name: string): string {
  if (name === '') throw new BadInputError('expected the name of a table, got an empty text');
  const escaped = escapeName(name);
  const first = escaped[0]!;
  return first === '_' || first === '.' ? `${escapeByte(first.charCodeAt(0))}${escaped.slice(1)}` : escaped;
}

/** The name a table folder stands for; null when no name has that folder. */
export function parseTableFolder(folder: string): string | null {
  const name = unescapeName(folder, true);
  return name !== null && name !== '' && tableFolder(name) === folder ? name : null;
}

/** Absolute paths (within the warehouse) of one table. */
export class TablePaths {
  readonly root: string;

  constructor(name: string) {
    this.root = `/${tableFolder(name)}`;
  }

  get system(): string {
    return `${this.root}/_sluice`;
  }

  get ledger(): string {
    return `${this.system}/ledger`;
  }

  /** Folder of a partition's chain. */
  chain(topicId: string, partition: number): string {
    return `${this.ledger}/${topicId}/${partition}`;
  }

  /** Folder of the numbered schemas. */
  get schemas(): string {
    return `${this.system}/schema`;
  }

  /** Staging of one claim; everything in it is dead once a later claim has finished its moves. */
  staging(topicId: string, partition: number, claimSequence: number): string {
    return `${this.stagingRoot(topicId, partition)}/${padded(claimSequence)}`;
  }

  stagingRoot(topicId: string, partition: number): string {
    return `${this.system}/staging/${topicId}/${partition}`;
  }

  deadLetters(topicId: string, partition: number, first: bigint, last: bigint, sequence: number): string {
    return `${this.deadLetterFolder(topicId, partition)}/dead+${padded(first)}+${padded(last)}+${padded(sequence)}.jsonl`;
  }

  deadLetterFolder(topicId: string, partition: number): string {
    return `${this.system}/dead/${topicId}/${partition}`;
  }
}

function padded(value: bigint | number): string {
  if (value < 0) throw new RangeError(`expected a number that is not negative, got ${value}`);
  return String(value).padStart(numberDigits, '0');
}

function escapeName(name: string): string {
  let escaped = '';
  for (const byte of Buffer.from(name, 'utf8')) {
    const char = String.fromCharCode(byte);
    escaped += /[A-Za-z0-9._-]/.test(char) ? char : escapeByte(byte);
  }
  return escaped;
}

function escapeByte(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

/** Undoes `escapeName`; null when the text is not the one form that `escapeName` gives (but for a leading `_` or `.`). */
function unescapeName(escaped: string, isFolder = false): string | null {
  if (/%(?![0-9A-F]{2})/.test(escaped)) return null;
  const bytes = Buffer.from(
    escaped.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
  const name = bytes.toString('utf8');
  return isFolder || escapeName(name) === escaped ? name : null;
}
