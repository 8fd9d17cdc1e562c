import { SluiceError } from '../../shared/index.ts';
import { untilAborted } from './back-off.ts';

/** Thrown when a callback of the group member's owner threw; what it left behind is not known. */
export class CallbackError extends SluiceError {
  constructor(name: string, cause: unknown) {
    super('callback-failed', `${name} of the group member failed`, { cause });
  }
}

/**
 * Runs one callback and waits for it until it is done, `stopWaiting` is aborted, or `timeoutMs` have passed. The callback's
 * own signal is aborted then, and also by `hurry`, which does not end the waiting. Returns whether it was done.
 */
export async function runCallback(
  name: string,
  callback: (signal: AbortSignal) => Promise<void> | void,
  options: { timeoutMs: number; stopWaiting: AbortSignal | null; hurry: AbortSignal | null },
): Promise<boolean> {
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const stop = options.stopWaiting ? AbortSignal.any([timeout, options.stopWaiting]) : timeout;
  const signal = options.hurry ? AbortSignal.any([stop, options.hurry]) : stop;
  try {
    await untilAborted(Promise.resolve(callback(signal)), stop);
    return true;
  } catch (error) {
    if (stop.aborted) return false;
    throw new CallbackError(name, error);
  }
}
