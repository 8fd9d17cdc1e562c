import { SluiceError } from '../../shared/index.ts';

/** A request that is well-formed and cannot be done, and whose client expects no answer: closing the connection says so. */
export class RequestRefusedError extends SluiceError {
  constructor(message: string) {
    super('request-refused', message);
  }
}
