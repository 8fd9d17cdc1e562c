// Why a connection did not come to be or did not last, in words that help.
import { AuthenticationError, ConnectionError } from './kafka-error.ts';

/** OpenSSL's verdicts on the other side's certificate; what the network does to a handshake is not among them. */
const certificateCodes: ReadonlySet<string> = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'CERT_SIGNATURE_FAILURE',
  'CERT_NOT_YET_VALID',
  'CERT_HAS_EXPIRED',
  'CERT_REVOKED',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'HOSTNAME_MISMATCH',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

export function isCertificateError(error: unknown): error is Error {
  return error instanceof Error && certificateCodes.has((error as { code?: string }).code ?? '');
}

export function certificateRefused(address: string, cause: Error): AuthenticationError {
  const message = `the certificate of ${address} is not accepted: ${cause.message}; check ssl.truststore.location and the name you dial`;
  return new AuthenticationError(message, cause);
}

/** The session could not be made longer; whoever needs the broker connects and logs in anew, and hears why that fails. */
export function loginLost(address: string, cause: unknown): ConnectionError {
  const message = `the login at ${address} could not be renewed: ${messageOf(cause)}`;
  return new ConnectionError('connection-closed', message, { cause });
}

/** Trouble that the operating system or OpenSSL reports while a connection is made: it may be over soon. */
export function isSystemError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { syscall, code } = error as { syscall?: unknown; code?: unknown };
  return typeof syscall === 'string' || (typeof code === 'string' && /^(ERR_SSL_|E[A-Z]+$)/.test(code));
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || ((error as { code?: string }).code ?? error.name); // an AggregateError of several addresses has no message
}
