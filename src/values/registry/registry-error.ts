import { SluiceError } from '../../shared/index.ts';

/**
 * - `registry-unavailable` (retriable): no answer, or one that says "later". The values are not at fault: wait.
 * - `registry-refused`: it answered, but not to us (credentials, a wrong URL, an answer that is none). Somebody has to change a
 *   setting; no value becomes a dead letter because of it.
 */
export type RegistryErrorCode = 'registry-unavailable' | 'registry-refused';

export class RegistryError extends SluiceError {
  declare readonly code: RegistryErrorCode;

  constructor(code: RegistryErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(code, message, { ...options, isRetriable: code === 'registry-unavailable' });
  }
}
