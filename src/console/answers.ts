/**
 * What the routes below `/api` answer: written down once, for the server that fills it in and for the pages (web/) that show it. Types only, and
 * none of other files, because a browser's program knows nothing of ours. int64 is a bigint here, decimal text on the way: `Json`.
 */
export type Json<T> = T extends bigint
  ? string
  : T extends readonly (infer Item)[]
    ? Json<Item>[]
    : T extends object
      ? { [Name in keyof T]: Json<T[Name]> }
      : T;

/** Who is asking. */
export interface SessionAnswer {
  person: { name: string; role: 'viewer' | 'operator' } | null;
  /** The session's own word, for `x-sluice-csrf`. */
  csrf: string | null;
  hasAccounts: boolean;
}

/** What happened in one second, of one game. */
export interface GameSecond {
  events: number;
  requests: number;
  installs: number;
}

export interface CountedSecond {
  /** Epoch seconds. */
  second: number;
  games: Record<string, GameSecond>;
  /** Share of the records that were looked at; below 1 the counts are scaled up by it. */
  share: number;
}

/** One moment of the whole. Counts are totals since ever; a browser makes rates of their differences. */
export interface PulseTick {
  /** Epoch ms. */
  atMs: number;
  /** Records ever appended to the topics that are shown. */
  appended: bigint;
  landed: bigint;
  dead: bigint;
  /** Records in the log and not in the warehouse, of partitions that are loaded; null: none is. */
  lag: bigint | null;
  /** Age of the oldest of them: what a row at the warehouse is behind the world; 0 when there is none. Null: not known. */
  freshnessMs: number | null;
  topicCount: number;
  partitionCount: number;
  fileCount: number;
  /** Seconds of the games that have settled, or changed, since the tick before. */
  seconds: CountedSecond[];
  /** What keeps the picture from being whole. */
  problems: string[];
}

export interface OverviewAnswer {
  ticks: Omit<PulseTick, 'seconds'>[];
  seconds: CountedSecond[];
}

export interface TopicLine {
  name: string;
  isInternal: boolean;
  partitionCount: number;
  problem: string | null;
  /** Records in the log, and ever appended to it. */
  kept: bigint;
  appended: bigint;
  /** Null: not loaded. */
  table: string | null;
  lag: bigint | null;
  ownedCount: number;
}

export interface TopicsAnswer {
  topics: TopicLine[];
  problems: string[];
}

export interface PausedBy {
  by: string;
  reason: string;
  /** Epoch ms. */
  atMs: number;
}

/** A line of the list of partitions. Null: not known, or never loaded. */
export interface PartitionLine {
  partition: number;
  leader: number;
  start: bigint;
  end: bigint;
  /** The next offset the loader's ledger expects. */
  checkpoint: bigint | null;
  lag: bigint | null;
  /** Age of the oldest record that has not landed. */
  lagMs: number | null;
  /** Host, process and thread. */
  owner: string | null;
  ownerWords: string | null;
  /** Why the last file ended, and when. */
  rollCause: string | null;
  rolledAtMs: number | null;
  /** Of the group that was asked for. */
  groupOffset: bigint | null;
  groupLag: bigint | null;
  pause: PausedBy | null;
  problem: string | null;
}

export interface PartitionsAnswer {
  topic: string;
  table: string | null;
  problem: string | null;
  partitions: PartitionLine[];
}

export interface GroupsAnswer {
  groups: { groupId: string; state: string }[];
  problem: string | null;
}

/** Texts are cut to a length; what is no UTF-8 is base64. */
export interface ShownText {
  text: string;
  encoding: 'utf8' | 'base64';
  /** Bytes there are; the text may be of fewer. */
  size: number;
}

export interface ShownMessage {
  partition: number;
  offset: bigint;
  /** Epoch ms; -1: none. */
  timestamp: bigint;
  key: ShownText | null;
  value: ShownText | null;
  headers: { name: string; value: ShownText | null }[];
}

export interface MessagesAnswer {
  messages: ShownMessage[];
  /** Records that were looked at. */
  scanned: number;
  /** There is more behind what was read. */
  isCut: boolean;
  /** Where to go on in a single partition. */
  next: bigint | null;
  partitions: { partition: number; end: bigint }[];
}

export interface ShownHour {
  /** On the wall clock of the table: `2026-11-20T23`, or `2026-11-20` for tables of days. */
  hour: string;
  folder: string;
  /** Epoch ms: [startMs, endMs). */
  startMs: number;
  endMs: number;
  status: 'open' | 'closed' | 'complete' | 'amended' | 'expired';
  revision: number;
  manifest: string | null;
  sinceMs: number | null;
  isReady: boolean;
  /** What it waits for; null when it is ready. */
  reason: string | null;
}

export interface HoursAnswer {
  table: string;
  zone: string;
  unit: 'hour' | 'day';
  hours: ShownHour[];
}

export interface HourDetailAnswer extends ShownHour {
  lags: { topic: string; partition: number; lag: bigint; checkpoint: bigint | null; end: bigint }[];
  manifestSums: { files: number; rows: bigint; bytes: bigint } | null;
}

export interface TablesAnswer {
  tables: string[];
}

export interface ShownFile {
  path: string;
  size: number;
  rowCount: number;
  topic: string;
  partition: number | null;
  schemaId: number | null;
  /** Event times in it, epoch ms. */
  minTimeMs: number;
  maxTimeMs: number;
  /** Offsets: [first, next). */
  first: bigint | null;
  next: bigint | null;
}

export interface FilesAnswer {
  table: string;
  fileCount: number;
  rowCount: number;
  bytes: number;
  /** Newest first. */
  folders: { folder: string; files: number; rows: number; bytes: number }[];
  files: ShownFile[];
}

/** Rows as JSON values; int64, decimals and times are text. */
export interface RowsAnswer {
  columns: { name: string; type: string }[];
  rows: unknown[][];
  /** There was more than the limits let through. */
  isCut: boolean;
  tookMs: number;
}

export interface AskAnswer extends RowsAnswer {
  notes: string[];
}

export interface ShownDeadLetter {
  topic: string;
  partition: number;
  offset: bigint;
  timestamp: bigint;
  code: string;
  reason: string;
  key: string | null;
  value: string | null;
}

export interface DeadAnswer {
  counts: { partition: number; code: string; count: number; example: string }[];
  letters: ShownDeadLetter[];
  /** There are more than were looked through. */
  isCut: boolean;
}

/** A schedule of jobs. Times are epoch ms. */
export interface ConsoleSchedule {
  name: string;
  job: string;
  cron: string;
  zone: string;
  nextDueMs: number | null;
  lastRunId: string | null;
  isRunning: boolean;
  pause: PausedBy | null;
  note: string | null;
}

export interface ConsoleRun {
  id: string;
  job: string;
  state: string;
  startedMs: number | null;
  endedMs: number | null;
  error: string | null;
}

export interface JobsAnswer {
  isSetUp: boolean;
  schedules: ConsoleSchedule[];
  runs: ConsoleRun[];
}

export interface JobLogAnswer {
  /** Of JSON each. */
  lines: string[];
}

export interface RulesAnswer {
  isSetUp: boolean;
  source: string;
  rules: { name: string; text: string }[];
}

/** One line of the trail. An action has two: `asked` before it, and how it ended. */
export interface AuditEntry {
  /** RFC 3339. */
  at: string;
  who: string;
  role: string;
  /** Address that it came from. */
  from: string;
  action: string;
  target: unknown;
  reason: string;
  outcome: 'asked' | 'done' | 'failed' | 'refused';
  /** What came of it, in words. */
  detail: string;
}

export interface AuditAnswer {
  entries: AuditEntry[];
}

/** What happened in one minute of one game, by the kind of event. */
export interface CountedMinute {
  game: string;
  /** Its begin, epoch ms. */
  minuteMs: number;
  counts: Record<string, number>;
}

export interface CountersAnswer {
  /** `redis`: exact, kept with their positions. `log`: counted by the console itself while it reads along. */
  source: 'redis' | 'log';
  /** Where they are from, for people. */
  place: string;
  /** By minute, then game. */
  minutes: CountedMinute[];
  /** How far each partition is counted; empty for `log`. */
  positions: { topic: string; partition: number; next: bigint; end: bigint | null }[];
  /** Events that are in no counter. */
  leftOut: { late: number; future: number; unusable: number };
  /** Why the Redis is not shown; null: it is, or there is none. */
  problem: string | null;
}

/** A day that could be reported on. */
export interface ReportDayLine {
  date: string;
  /** Hours of the table on that day that are complete, and all that have begun. */
  completeCount: number;
  hourCount: number;
}

export interface ReportsAnswer {
  table: string | null;
  tables: string[];
  zone: string;
  /** Games in the newest files and in the log of the last minutes. */
  games: string[];
  /** Newest first. */
  days: ReportDayLine[];
}

/** A report was made: where its page is, and what one has to know of it. */
export interface ReportMadeAnswer {
  game: string;
  date: string;
  isComplete: boolean;
  notes: string[];
  madeAtMs: number;
}
