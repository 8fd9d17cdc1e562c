// What `kill-load-bundle.ts` makes one file of: one `runLoad` in the first thread of a process, its options as JSON.
import { type LoadOptions, runLoad } from '../../src/loader/index.ts';
import { createLogger } from '../../src/shared/index.ts';

const options = JSON.parse(process.argv[2]!) as LoadOptions;
const logger = createLogger('warn', { part: 'load' });
const report = await runLoad({ ...options, workerMode: 'in-process', logger });
for (const error of report.errors) process.stderr.write(`${error}\n`);
process.exitCode = report.outcome === 'failed' ? 1 : 0;
