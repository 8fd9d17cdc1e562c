import cliProgress from 'cli-progress';
import pc from 'picocolors';
import { alignColumns, stringifyJson } from '../shared/index.ts';

/** What a process answers to an orchestrator. One meaning each, in every command. */
export const exitCodes = {
  complete: 0,
  failed: 1,
  badInput: 2,
  /** Dead letters beyond `--max-dead-letters`; the load still finished. */
  partial: 3,
  /** Audit or reconcile found a difference. */
  difference: 4,
  /** `await` timed out, or a report was refused because its hours are not complete. */
  notReady: 5,
} as const;

export interface TableColumn<Row> {
  header: string;
  /** Text of the cell; empty text for what is not known. */
  cell: (row: Row) => string;
  align?: 'left' | 'right';
}

/** Prints rows as an aligned table on stdout, the header in bold on a terminal. */
export function printTable<Row>(rows: readonly Row[], columns: readonly TableColumn<Row>[]): void {
  const header = columns.map((column) => column.header);
  const cells = rows.map((row) => columns.map((column) => column.cell(row)));
  const [first, ...lines] = alignColumns(
    [header, ...cells],
    columns.map(({ align = 'left' }) => align),
  );
  process.stdout.write(`${[pc.bold(first), ...lines].join('\n')}\n`);
}

/** Prints one JSON value on stdout, bigint as decimal strings. Indented on a terminal, one line otherwise. */
export function printJson(value: unknown): void {
  process.stdout.write(`${stringifyJson(value, process.stdout.isTTY ? 2 : undefined)}\n`);
}

export interface Progress {
  update(done: number, payload?: string): void;
  stop(): void;
}

/**
 * A progress bar on stderr when it is a terminal; otherwise a plain line every ten seconds, so that a log of a long load
 * shows that it lives. `total` 0: not known, only the count is shown.
 */
export function progressBar(title: string, total: number, unit: string): Progress {
  return process.stderr.isTTY ? terminalProgress(title, total, unit) : lineProgress(title, total, unit);
}

function terminalProgress(title: string, total: number, unit: string): Progress {
  const known = total > 0;
  const bar = new cliProgress.SingleBar({
    format: known
      ? `${title} {bar} {percentage}% | {value}/{total} ${unit} | {eta_formatted} left {note}`
      : `${title} {value} ${unit} | {duration_formatted} {note}`,
    hideCursor: true,
    stream: process.stderr,
    fps: 5,
    barsize: 24,
  });
  bar.start(known ? total : Number.MAX_SAFE_INTEGER, 0, { note: '' });
  return {
    update: (done, payload = '') => bar.update(done, { note: payload ? `| ${payload}` : '' }),
    stop: () => bar.stop(),
  };
}

/** The plain lines also on a terminal: for commands between whose lines somebody else's program prints. */
export function lineProgress(title: string, total: number, unit: string): Progress {
  let lastMs = Date.now();
  return {
    update: (done, payload = '') => {
      if (Date.now() - lastMs < 10_000) return;
      lastMs = Date.now();
      const share = total > 0 ? ` of ${total} (${Math.floor((100 * done) / total)} %)` : '';
      process.stderr.write(`${title}: ${done}${share} ${unit}${payload ? `, ${payload}` : ''}\n`);
    },
    stop: () => {},
  };
}

const byteUnits = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];

/** 1536 -> "1.5 KB" (units of 1024). */
export function formatBytes(bytes: number | bigint): string {
  let value = Number(bytes);
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < byteUnits.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${byteUnits[unit]}`;
}

/** 1234567 -> "1,234,567". */
export function formatCount(count: number | bigint): string {
  return count.toLocaleString('en-US');
}

/** 61500 -> "1m 1s"; below ten seconds with one decimal. */
export function formatDuration(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${seconds % 60}s`;
  return minutes < 24 * 60
    ? `${Math.floor(minutes / 60)}h ${minutes % 60}m`
    : `${Math.floor(minutes / 1440)}d ${Math.floor((minutes % 1440) / 60)}h`;
}
