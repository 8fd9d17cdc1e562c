import { WarehouseError, type WarehouseErrorCode } from '../warehouse-error.ts';
import { parseXml, textOf } from './s3-xml.ts';

/** What S3 says when it refuses. */
export interface S3Refusal {
  status: number;
  /** `NoSuchKey`; made of the status when the answer has no body, as that of a HEAD. */
  code: string;
  message: string;
}

/** The refusal in an answer; null when it is none. A 200 may hold one: long calls are answered before they are through. */
export function parseRefusal(status: number, body: Buffer, isErrorPossible: boolean): S3Refusal | null {
  if (status < 300 && !isErrorPossible) return null;
  const root = parseXml(body);
  const isError = root?.localName === 'Error';
  if (status < 300 && !isError) return null;
  const code = (isError && textOf(root, 'Code')) || `Http${status}`;
  const message = (isError && textOf(root, 'Message')) || `status ${status} without an explanation`;
  return { status, code, message };
}

/**
 * What a refusal means for the next attempt. `again`: nothing was done, ask again. `unclear`: it may have been done.
 * `credentials`: nothing was done, and others are needed. `clock`: nothing was done, our clock is wrong. `final`: that is the answer.
 */
export function verdictOn({ status, code }: S3Refusal): 'again' | 'unclear' | 'credentials' | 'clock' | 'final' {
  if (['SlowDown', 'ServiceUnavailable', 'Throttling', 'RequestLimitExceeded'].includes(code)) return 'again';
  if (status === 429) return 'again';
  if (code === 'RequestTimeTooSkewed') return 'clock';
  if (['ExpiredToken', 'TokenRefreshRequired'].includes(code)) return 'credentials';
  if (status >= 500 && status !== 501 && status !== 507) return 'unclear';
  return code === 'InternalError' || code === 'RequestTimeout' ? 'unclear' : 'final';
}

const codes: Record<string, WarehouseErrorCode> = {
  NoSuchKey: 'not-found',
  NoSuchBucket: 'not-found',
  KeyTooLongError: 'bad-path',
  InvalidObjectName: 'bad-path',
  XMinioInvalidObjectName: 'bad-path',
  QuotaExceeded: 'quota-exceeded',
  XMinioStorageFull: 'no-space',
  NotImplemented: 'unsupported',
};

export function toS3Error(refusal: S3Refusal, call: string): WarehouseError {
  const { status, code, message } = refusal;
  const byStatus: Record<number, WarehouseErrorCode> = {
    401: 'permission-denied',
    403: 'permission-denied',
    507: 'no-space',
  };
  const advice =
    [301, 307, 400].includes(status) && /Redirect|Region|Http301|AuthorizationHeader/.test(code)
      ? '; is the region right?'
      : '';
  return new WarehouseError(codes[code] ?? byStatus[status] ?? 'remote', `${call}: ${code}: ${message}${advice}`);
}
