import { resolve } from 'node:path';
import { type LoadWindowInput, type LoadWindowResult, loadWindow } from '../../../jobs/index.ts';
import { contractOptions } from '../../loader/index.ts';
import { definedOnly } from '../../shared/index.ts';
import { readConfig } from '../config.ts';
import { clientConfigOf } from '../kafka/client-config.ts';
import type { FormatFlags } from '../load/format-options.ts';
import { formatBytes, formatCount, formatDuration, printJson } from '../output.ts';
import { fileOrName, inputFromSettings } from './open-jobs.ts';
import { jsonInput, type RunJobOptions, runToEnd, saidByOptions } from './run-job.ts';

/** Options of `sluice jobs run load-window` as commander hands them over; what is undefined is taken from the settings. */
export interface LoadWindowFlags extends RunJobOptions, FormatFlags {
  user?: string;
  commandConfig?: string;
  timeField?: string;
  columns?: string;
  rollBytes?: number;
  maxDeadLetters?: number;
  engine?: 'duckdb' | 'parquetjs';
  codec?: 'zstd' | 'snappy' | 'gzip' | 'none';
}

/** Runs the job and prints its result; the exit code says complete, partial or failed. */
export async function runLoadWindow(flags: LoadWindowFlags): Promise<number> {
  const config = readConfig(flags.config ?? null);
  const settings = inputFromSettings(loadWindow.name, config);
  const input = loadWindow.parseInput({ ...settings, ...saidByFlags(flags, settings), ...jsonInput(flags.input) });
  await checkContract(input);
  return await runToEnd(loadWindow, input, { config, flags, print });
}

function saidByFlags(flags: LoadWindowFlags, settings: Record<string, unknown>): Record<string, unknown> {
  const { user, timeField, columns, format, registry, rollBytes, maxDeadLetters, engine, codec } = flags;
  const clientConfig = clientConfigOf(flags, flags.config ?? null);
  return {
    ...definedOnly({ user, timeField, registry, rollBytes, maxDeadLetters, engine, codec }),
    ...saidByOptions(flags),
    ...(columns === undefined ? {} : { contractFile: resolve(columns) }),
    ...(format === undefined ? {} : { format: fileOrName(format) }),
    ...(clientConfig === null ? {} : { clientConfig }),
    // Another engine than that of the settings need not know their codec.
    ...(engine !== undefined && engine !== settings.engine && codec === undefined ? { codec: undefined } : {}),
  };
}

/** What is wrong with the contract or the format shows here, not only in the workers. */
async function checkContract({ contractFile, format, registry, defaults }: LoadWindowInput): Promise<void> {
  const settings = { format: defaults.format, registry: defaults.registry };
  await contractOptions(contractFile, { given: { format, registry }, defaults: settings });
}

function print(result: LoadWindowResult, elapsedMs: number, asJson: boolean): void {
  if (asJson) {
    printJson({ ...result, elapsedMs });
    return;
  }
  for (const failure of result.failures) process.stderr.write(`${failure.step}: ${failure.error}\n`);
  const rate = Math.round((Number(result.rows) * 1000) / Math.max(1, elapsedMs));
  process.stdout.write(
    `${result.outcome}: ${formatCount(BigInt(result.rows))} rows, ${formatCount(BigInt(result.deadLetters))} dead letters, ` +
      `${formatCount(result.files)} files, ${formatBytes(BigInt(result.bytes))}, ${result.partitions.length} partitions, ` +
      `${formatDuration(elapsedMs)}, ${formatCount(rate)} rows/s\n`,
  );
}
