import type { RefusedValue } from '../value-decoder.ts';
import { ValueError } from './value-error.ts';

/** Runs a decoder's work on one value: what was raised about the value becomes a refusal, everything else is thrown on. */
export function refusing(work: () => Buffer): Buffer | RefusedValue {
  try {
    return work();
  } catch (error) {
    if (error instanceof ValueError) return { code: error.code, reason: error.message };
    throw error;
  }
}
