import { contractOptions, type LoadOptions, type LoadProgress, type LoadReport, runLoad } from '../../loader/index.ts';
import { createLogger, type LogLevel } from '../../shared/index.ts';
import { LoadProgressView } from '../commands/load-progress-view.ts';
import { clientConfigOf } from '../kafka/client-config.ts';
import { dryRun } from '../operation/dry-run.ts';
import { startOperation } from '../operation/start-operation.ts';
import { exitCodes, formatBytes, formatCount, printJson } from '../output.ts';
import { stopSignal } from '../signals.ts';
import type { FormatFlags } from './format-options.ts';
import { type LayoutFlags, layoutOptionsOf } from './layout-options.ts';

/** Options of `sluice load` as commander hands them over. */
export interface LoadFlags extends LayoutFlags, FormatFlags {
  brokers: string[];
  commandConfig?: string;
  topics: string[];
  warehouse: string;
  user?: string;
  group?: string;
  instanceId?: string;
  workers: number;
  untilEnd?: boolean;
  timeField?: string;
  columns?: string;
  engine: 'duckdb' | 'parquetjs';
  codec?: 'zstd' | 'snappy' | 'gzip' | 'none';
  rowGroupRows?: number;
  memory: number;
  maxDeadLetters: number;
  skipBudget: number;
  onMissingOffsets: 'stop' | 'gap';
  onGap?: 'stop' | 'record';
  takeOver?: string;
  acceptRecreatedTopic?: boolean;
  sessionTimeout: number;
  scratch?: string;
  logLevel: LogLevel;
  http?: { host: string; port: number };
  stall?: number;
  dryRun?: boolean;
  json?: boolean;
}

/** `sluice load`: runs the load to its end, or until it is stopped; gives the exit code. */
export async function runLoadCommand(flags: LoadFlags): Promise<number> {
  const { signal } = stopSignal();
  const view = new LoadProgressView(flags.untilEnd ?? false);
  const { timeField, format, registry } = flags;
  const given = {
    ...layoutOptionsOf(flags),
    ...(timeField === undefined ? {} : { timeField }),
    ...{ format, registry },
  };
  const options = { ...optionsOf(flags), ...(await contractOptions(flags.columns ?? null, { given })), signal };
  if (flags.dryRun) return await dryRun(options, flags, signal);
  const operation = await startOperation(
    options,
    { http: flags.http, stallMs: flags.stall },
    flags.json ? process.stderr : process.stdout,
  );
  let report: LoadReport;
  try {
    const onProgress = (progress: LoadProgress): void => {
      view.show(progress);
      operation.apply(progress);
    };
    report = await runLoad({ ...options, onProgress });
  } finally {
    view.stop();
    await operation.close();
  }
  if (flags.json) printJson(report);
  else process.stdout.write(`${summaryLine(report)}\n`);
  for (const error of report.errors) process.stderr.write(`sluice: ${error}\n`);
  if (report.outcome === 'failed') return exitCodes.failed;
  return report.outcome === 'partial' ? exitCodes.partial : exitCodes.complete;
}

function optionsOf(flags: LoadFlags): LoadOptions {
  const { brokers, topics, user, group, instanceId, workers, engine, codec } = flags;
  const { maxDeadLetters, skipBudget, logLevel } = flags;
  return {
    brokers,
    clientConfig: clientConfigOf(flags),
    topics,
    warehouseUrl: flags.warehouse,
    ...(user === undefined ? {} : { user }),
    ...(group === undefined ? {} : { group }),
    ...(instanceId === undefined ? {} : { instanceId }),
    workers,
    untilEnd: flags.untilEnd ?? false,
    engine,
    ...(codec === undefined ? {} : { codec }),
    ...(flags.rowGroupRows === undefined ? {} : { rowGroupRows: flags.rowGroupRows }),
    memoryBytes: flags.memory,
    maxDeadLetters,
    skipBudget,
    onGap: flags.onGap ?? (flags.onMissingOffsets === 'gap' ? 'record' : 'stop'),
    takeOver: flags.takeOver ?? null,
    acceptRecreatedTopic: flags.acceptRecreatedTopic ?? false,
    sessionTimeoutMs: flags.sessionTimeout,
    ...(flags.scratch === undefined ? {} : { scratchDirectory: flags.scratch }),
    logLevel,
    logger: createLogger(logLevel, { part: 'load' }),
  };
}

/** rows, dead letters, files, bytes, seconds, rows/s on one line. */
function summaryLine(report: LoadReport): string {
  const { rowCount, deadLetterCount, fileCount, fileBytes, elapsedMs, rowsPerSecond, outcome } = report;
  return (
    `${outcome}: ${formatCount(rowCount)} rows, ${formatCount(deadLetterCount)} dead letters, ` +
    `${formatCount(fileCount)} files, ${formatBytes(fileBytes)}, ${(elapsedMs / 1000).toFixed(1)} s, ` +
    `${formatCount(rowsPerSecond)} rows/s`
  );
}
