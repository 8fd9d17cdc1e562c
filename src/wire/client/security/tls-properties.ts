// Kafka's `ssl.*` settings: PEM files or PEM text; Java's own key store formats are refused with the way out.
import type { SecureVersion } from 'node:tls';
import { BadInputError } from '../../../shared/index.ts';
import type { PemSource, TlsSettings } from './tls-transport.ts';
import type { UsedProperties } from './used-properties.ts';

const versions: readonly SecureVersion[] = ['TLSv1.2', 'TLSv1.3'];

/** Throws BadInputError that names the key. */
export function readTlsSettings(properties: UsedProperties): TlsSettings {
  const algorithm = properties.get('ssl.endpoint.identification.algorithm') ?? 'https';
  if (algorithm !== '' && algorithm.toLowerCase() !== 'https') {
    throw new BadInputError(`ssl.endpoint.identification.algorithm: expected https, or nothing, got "${algorithm}"`);
  }
  return {
    truststore: readTruststore(properties),
    identity: readIdentity(properties),
    verifiesHostName: algorithm !== '',
    ...readVersions(properties.get('ssl.enabled.protocols')),
  };
}

function readTruststore(properties: UsedProperties): PemSource | null {
  const text = properties.get('ssl.truststore.certificates');
  const path = properties.get('ssl.truststore.location');
  if (text === undefined && path === undefined) return null;
  requirePem(properties, 'ssl.truststore.type');
  if (text !== undefined && path !== undefined) {
    throw new BadInputError('expected ssl.truststore.certificates or ssl.truststore.location, got both');
  }
  return text === undefined ? { path: path! } : { text };
}

/** One file with the key and the chain, or both as text, as KIP-651 has them. */
function readIdentity(properties: UsedProperties): TlsSettings['identity'] {
  const path = properties.get('ssl.keystore.location');
  const chain = properties.get('ssl.keystore.certificate.chain');
  const key = properties.get('ssl.keystore.key');
  const password = properties.get('ssl.key.password') ?? null;
  if (path === undefined && chain === undefined && key === undefined) return null;
  requirePem(properties, 'ssl.keystore.type');
  if (path !== undefined && chain === undefined && key === undefined) {
    return { chain: { path }, key: { path }, password };
  }
  if (path === undefined && chain !== undefined && key !== undefined) {
    return { chain: { text: chain }, key: { text: key }, password };
  }
  throw new BadInputError(
    'expected either ssl.keystore.location or both of ssl.keystore.certificate.chain and ssl.keystore.key',
  );
}

function requirePem(properties: UsedProperties, key: string): void {
  const type = properties.get(key) ?? 'JKS';
  if (type.toUpperCase() === 'PEM') return;
  throw new BadInputError(
    `${key}: expected PEM, got ${type}; "keytool -exportcert -rfc" and "openssl pkcs12 -nodes" turn Java's stores into PEM`,
  );
}

function readVersions(list: string | undefined): { minVersion: SecureVersion; maxVersion: SecureVersion } {
  const wanted = list === undefined ? versions : list.split(',').map((item) => item.trim());
  const found = versions.filter((version) => wanted.includes(version));
  if (found.length === 0 || found.length < wanted.length) {
    throw new BadInputError(`ssl.enabled.protocols: expected ${versions.join(', ')}, got "${list}"`);
  }
  return { minVersion: found[0]!, maxVersion: found.at(-1)! };
}
