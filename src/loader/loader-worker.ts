// What runs in a thread of a load: one LoadWorker, its events sent to the parent.
import { parentPort, workerData } from 'node:worker_threads';
import { createLogger, type LogLevel, systemClock } from '../shared/index.ts';
import type { WorkerSettings } from './load-options.ts';
import { LoadWorker } from './load-worker.ts';
import type { ThreadMessage } from './worker-thread.ts';

const { settings, logLevel } = workerData as { settings: WorkerSettings; logLevel: LogLevel };
const port = parentPort!;
const worker = new LoadWorker({
  settings,
  clock: systemClock,
  logger: createLogger(logLevel, { part: 'loader' }),
  emit: (event) => port.postMessage({ kind: 'event', event } satisfies ThreadMessage),
});
port.on('message', (message: unknown) => {
  if (message === 'stop') worker.stop();
});
// A rejection ends the thread with an error event, which the parent reports.
await worker.run();
port.close();
