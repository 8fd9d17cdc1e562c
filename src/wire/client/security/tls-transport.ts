import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { type ConnectionOptions, connect, type SecureVersion } from 'node:tls';
import type { Transport } from '../transport.ts';
import { readText } from './properties-file.ts';

/** PEM text, or the file it is in. */
export type PemSource = { text: string } | { path: string };

export interface TlsSettings {
  /** Authorities that brokers are trusted by; null: those that Node brings along. */
  truststore: PemSource | null;
  /** Our own certificate chain and private key, when brokers ask for them. */
  identity: { chain: PemSource; key: PemSource; password: string | null } | null;
  /** False only by an explicit, empty `ssl.endpoint.identification.algorithm`. */
  verifiesHostName: boolean;
  minVersion: SecureVersion;
  maxVersion: SecureVersion;
}

/**
 * TLS connections. A broker whose certificate is not signed by a trusted authority, or not made out for the name that was
 * dialled, is refused. Files are read for every connection, so a renewed certificate needs no restart.
 */
export function tlsTransport(settings: TlsSettings): Transport {
  return ({ host, port }) =>
    connect({ host, port, ...contextOf(settings), ...(isIP(host) ? {} : { servername: host }) }).setNoDelay(true);
}

/** Throws BadInputError when a file cannot be read. */
export function contextOf(settings: TlsSettings): ConnectionOptions {
  const { truststore, identity, verifiesHostName, minVersion, maxVersion } = settings;
  return {
    rejectUnauthorized: true,
    minVersion,
    maxVersion,
    ...(truststore ? { ca: pemOf(truststore) } : {}),
    ...(identity ? { cert: pemOf(identity.chain), key: pemOf(identity.key) } : {}),
    ...(identity?.password ? { passphrase: identity.password } : {}),
    ...(verifiesHostName ? {} : { checkServerIdentity: () => undefined }),
  };
}

function pemOf(source: PemSource): string {
  return 'text' in source ? source.text : readText(source.path, (path) => readFileSync(path, 'utf8'));
}
