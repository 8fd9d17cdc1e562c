/**
 * The one base class of the errors we raise on purpose. `code` is a stable kebab-case word for programs; the message is
 * for people and says what was expected, what came, and what to do. `isRetriable` says whether the same call can succeed
 * later without anybody changing anything.
 */
export class SluiceError extends Error {
  readonly code: string;
  readonly isRetriable: boolean;

  constructor(code: string, message: string, options: { cause?: unknown; isRetriable?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.isRetriable = options.isRetriable ?? false;
  }
}

/** Something the user gave us is wrong: exit code 2, one clear line, nothing changed. */
export class BadInputError extends SluiceError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('bad-input', message, options);
  }
}

/** The message of anything that was thrown, followed by its causes; for logs and the one line on stderr. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.message || (error as { code?: string }).code || error.name;
  if (error.cause === undefined) return own;
  const cause = describeError(error.cause);
  if (cause.startsWith(own)) return cause; // wrapped to be of another kind, not to say more
  return own.includes(cause) ? own : `${own}: ${cause}`;
}

export function isAbortError(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || (error as { code?: string }).code === 'ABORT_ERR');
}
