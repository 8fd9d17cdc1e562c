import { SluiceError } from '../../shared/index.ts';

/** A request that is not carried out, with the status that says why. Its message is all that the client is told. */
export class HttpError extends SluiceError {
  readonly status: number;
  readonly headers: Record<string, string>;

  constructor(status: number, message: string, options: { headers?: Record<string, string>; cause?: unknown } = {}) {
    super(`http-${status}`, message, { cause: options.cause, isRetriable: status === 429 || status === 503 });
    this.status = status;
    this.headers = options.headers ?? {};
  }
}

/** Too much at once; the same request may be sent again. */
export function overloaded(status: 429 | 503, message: string, cause?: unknown): HttpError {
  return new HttpError(status, message, { headers: { 'retry-after': '1' }, cause });
}
