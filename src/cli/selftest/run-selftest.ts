import pc from 'picocolors';
import { BadInputError } from '../../shared/index.ts';
import { type CheckResult, runSelftest } from '../../warehouse/index.ts';
import { readConfig } from '../config.ts';
import { exitCodes, formatDuration, printJson } from '../output.ts';
import { stopSignal } from '../signals.ts';

export interface SelftestCommandOptions {
  warehouse?: string;
  user?: string;
  json?: boolean;
  config?: string;
}

const marks = { ok: pc.green('ok     '), warning: pc.yellow('warning'), failed: pc.red('FAILED ') };

/** Prints each check as it ends. */
export async function runSelftestCommand(options: SelftestCommandOptions): Promise<number> {
  const config = readConfig(options.config ?? null).loader;
  const url = options.warehouse ?? config.warehouse;
  if (url === undefined) throw new BadInputError('expected --warehouse URL, or loader.warehouse in the settings file');
  const { signal } = stopSignal();
  const onCheck = options.json ? () => {} : printCheck;
  const report = await runSelftest(url, { user: options.user ?? config.user, signal, onCheck });
  if (options.json) printJson(report);
  else {
    const warnings = report.checks.filter(({ verdict }) => verdict === 'warning').length;
    const failures = report.checks.filter(({ verdict }) => verdict === 'failed').length;
    const verdict = report.ok ? 'fit for loads' : `NOT fit for loads: ${failures} checks failed`;
    process.stdout.write(
      `\n${url}: ${verdict}${warnings > 0 ? `, with ${warnings} warning${warnings === 1 ? '' : 's'}` : ''}\n`,
    );
  }
  return report.ok ? exitCodes.complete : exitCodes.failed;
}

function printCheck({ name, promise, verdict, found, advice, elapsedMs }: CheckResult): void {
  process.stdout.write(`${marks[verdict]} ${pc.bold(name.padEnd(18))} ${promise} (${formatDuration(elapsedMs)})\n`);
  process.stdout.write(`${' '.repeat(27)}${found}\n`);
  if (advice !== null) process.stdout.write(`${' '.repeat(27)}${pc.yellow('->')} ${advice}\n`);
}
