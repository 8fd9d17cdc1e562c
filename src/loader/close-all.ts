import { describeError, type Logger } from '../shared/index.ts';

export interface Closer {
  name: string;
  close: () => Promise<void>;
}

/** Closes in reverse order of opening; each gets its turn, whatever happened to the others. Failures are logged: nothing is lost by them. */
export async function closeAll(closers: readonly Closer[], logger: Logger): Promise<void> {
  for (const { name, close } of [...closers].reverse()) {
    try {
      await close();
    } catch (error) {
      logger.warn({ name, reason: describeError(error) }, 'CloseFailed');
    }
  }
}
