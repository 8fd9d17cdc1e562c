import { once } from 'node:events';
import type { Clock, Logger, LogLevel } from '../shared/index.ts';
import type { WorkerSettings } from './load-options.ts';
import { LoadWorker } from './load-worker.ts';
import { startThread } from './start-thread.ts';
import type { WorkerEvent } from './worker-event.ts';

/** What a thread sends to its parent. */
export type ThreadMessage = { kind: 'event'; event: WorkerEvent };

/** A worker that was started, wherever it runs. */
export interface RunningWorker {
  /** Resolves when it has ended in good order, rejects when it broke. */
  readonly ended: Promise<void>;
  /** Asks it to end in good order. */
  stop(): void;
}

export interface StartWorkerOptions {
  settings: WorkerSettings;
  emit: (event: WorkerEvent) => void;
  clock: Clock;
  logger: Logger;
  /** Of the logger that a thread makes for itself. */
  logLevel: LogLevel;
}

export function startInProcess({ settings, emit, clock, logger }: StartWorkerOptions): RunningWorker {
  const worker = new LoadWorker({ settings, emit, clock, logger });
  return { ended: worker.run(), stop: () => worker.stop() };
}

/** A thread of its own: decoding and encoding use another core, and what goes wrong in it does not end the process. */
export function startInThread({ settings, emit, logLevel }: StartWorkerOptions): RunningWorker {
  const thread = startThread(import.meta.url, 'loader-worker', { workerData: { settings, logLevel } });
  thread.on('message', (message: ThreadMessage) => emit(message.event));
  // `once` rejects when the thread throws.
  const ended = once(thread, 'exit').then(([code]) => {
    if (code !== 0) throw new Error(`the thread of worker ${settings.workerIndex} ended with code ${String(code)}`);
  });
  return { ended, stop: () => thread.postMessage('stop') };
}
