// Kafka's error codes as clients see them in responses. The table itself is generated from Kafka's `Errors`.
import { errorCodes, retriableErrorCodes } from '../generated/error-table.ts';

export interface ErrorCode {
  code: number;
  /** Kafka's name, "OFFSET_OUT_OF_RANGE". */
  name: string;
  /** The same request may succeed later. */
  isRetriable: boolean;
  /** The name in words, "offset out of range (1)". */
  message: string;
}

const byCode = new Map<number, ErrorCode>(
  Object.entries(errorCodes).map(([name, code]) => [
    code,
    {
      code,
      name,
      isRetriable: retriableErrorCodes.has(code),
      message: `${name.toLowerCase().replaceAll('_', ' ')} (${code})`,
    },
  ]),
);

/** What a code in a response means. A code that we do not know is told as such and is not retriable. */
export function errorByCode(code: number): ErrorCode {
  return (
    byCode.get(code) ?? {
      code,
      name: `UNKNOWN_CODE_${code}`,
      isRetriable: false,
      message: `unknown error code (${code})`,
    }
  );
}
