import { type Clock, describeError, type Logger, SluiceError } from '../../shared/index.ts';
import { BackOff } from '../../wire/client/index.ts';

/** Runs `work` until it succeeds; waits out errors that say `isRetriable`, however long they last. */
export async function patiently<R>(
  what: string,
  { clock, logger, signal }: { clock: Clock; logger: Logger; signal: AbortSignal },
  work: () => Promise<R>,
): Promise<R> {
  const backOff = new BackOff({ firstMs: 100, maxMs: 5000 });
  for (;;) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || !(error instanceof SluiceError && error.isRetriable)) throw error;
      logger.warn({ what, error: describeError(error) }, 'Waiting');
      await clock.sleep(backOff.nextMs(), signal);
    }
  }
}
