import { fileURLToPath } from 'node:url';
import pc from 'picocolors';
import { formatBytes, formatCount } from '../output.ts';
import type { UpSettings } from './up-settings.ts';
import type { UpStatus } from './up-status.ts';

/** What was done, and how to look at it: printed when `sluice up` ends. */
export function printSummary(settings: UpSettings, status: UpStatus): void {
  const { warehouseUrl, topics } = settings;
  const lines = [
    '',
    `${pc.bold('stopped')}: ${formatCount(status.acknowledgedCount)} events in, ${formatCount(status.landedCount)} rows landed in ` +
      `${formatCount(status.fileCount)} files (${formatBytes(status.fileBytes)}), ${formatCount(status.deadCount)} dead letters, lag ${status.lag ?? 'unknown'}`,
    ...(status.lag === 0n ? [] : ['What has not landed waits in the log: it does at the next start.']),
    '',
    'Look at what is there:',
    `  ./bin/sluice offsets list --warehouse ${warehouseUrl}`,
    `  ./bin/sluice audit --deep --warehouse ${warehouseUrl}`,
    ...(warehouseUrl.startsWith('file:') ? localReaders(fileURLToPath(warehouseUrl), topics[0]!) : []),
    `  npm start   ${pc.dim('# goes on where this ended')}`,
    '',
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

function localReaders(folder: string, topic: string): string[] {
  const pattern = `${folder}/${topic}/dt=*/hr=*/*.parquet`;
  return [
    '  any reader of Parquet, for instance DuckDB:',
    `    SELECT game, type, count(*) FROM read_parquet('${pattern}', union_by_name = true) GROUP BY ALL ORDER BY ALL;`,
  ];
}
