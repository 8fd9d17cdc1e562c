// Settings of a client in the words of Kafka's own client.properties: how to reach brokers safely, and where we are.
import { fileURLToPath } from 'node:url';
import { BadInputError } from '../../../shared/index.ts';
import { parseJaasConfig } from './jaas-config.ts';
import {
  type Properties,
  parseProperties,
  type ReferenceSources,
  readText,
  resolveReferences,
  systemSources,
} from './properties-file.ts';
import type { SaslSettings } from './sasl-login.ts';
import { readTlsSettings } from './tls-properties.ts';
import type { TlsSettings } from './tls-transport.ts';
import { UsedProperties } from './used-properties.ts';

/** The path of a properties file, or the properties themselves. Plain data: it can go to a thread or into a job. */
export type ClientConfigSource = string | Readonly<Record<string, string>>;

export interface ClientConfig {
  /** null: no TLS. */
  tls: TlsSettings | null;
  /** null: no login. */
  sasl: SaslSettings | null;
  /** `client.rack`: where this client runs, so that a replica in the same place can serve it (KIP-392); null: unknown. */
  rack: string | null;
  /** Keys that are Kafka's but mean nothing here, `acks` for instance. */
  unusedKeys: readonly string[];
}

const protocols = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'] as const;

/** Reads and checks the settings; throws BadInputError that names the file, the key, what was expected and what came. */
export function readClientConfig(source: ClientConfigSource, sources: ReferenceSources = systemSources): ClientConfig {
  const name = typeof source === 'string' ? `${source}: ` : '';
  const raw = typeof source === 'string' ? parseProperties(readText(source, sources.readFile)) : mapOf(source);
  try {
    const properties = new Map([...raw].map(([key, value]) => [key, resolveReferences(value, sources)]));
    return readProperties(properties);
  } catch (error) {
    if (!(error instanceof BadInputError)) throw error;
    throw new BadInputError(`${name}${error.message}`, { cause: error });
  }
}

function mapOf(properties: Readonly<Record<string, string>>): Properties {
  return new Map(Object.entries(properties));
}

function readProperties(properties: Properties): ClientConfig {
  const protocol = (properties.get('security.protocol') ?? 'PLAINTEXT').toUpperCase();
  if (!protocols.includes(protocol as never)) {
    throw new BadInputError(`security.protocol: expected ${protocols.join(', ')}, got "${protocol}"`);
  }
  const used = new UsedProperties(properties);
  used.get('security.protocol');
  const rack = used.get('client.rack') ?? null;
  const tls = protocol.endsWith('SSL') ? readTlsSettings(used) : null;
  const sasl = protocol.startsWith('SASL') ? readSaslSettings(used) : null;
  const unusedKeys = used.unused();
  // What was meant to protect and does not must not pass silently.
  const disregarded = unusedKeys.filter((key) => /^(ssl|sasl|security|sluice)\./.test(key));
  if (disregarded.length > 0) {
    throw new BadInputError(
      `expected settings that take effect with security.protocol=${protocol}, got ${disregarded.join(', ')}`,
    );
  }
  return { tls, sasl, rack, unusedKeys };
}

function readSaslSettings(properties: UsedProperties): SaslSettings {
  const mechanism = properties.get('sasl.mechanism') ?? 'GSSAPI'; // Kafka's default
  switch (mechanism) {
    case 'PLAIN':
      return { mechanism, ...readPassword(properties, 'PlainLoginModule') };
    case 'SCRAM-SHA-256':
    case 'SCRAM-SHA-512':
      return { mechanism, ...readPassword(properties, 'ScramLoginModule') };
    case 'OAUTHBEARER':
      return readBearerSettings(properties);
    default:
      throw new BadInputError(
        `sasl.mechanism: expected PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER, got "${mechanism}", which is not built in`,
      );
  }
}

function readPassword(properties: UsedProperties, wanted: string): { username: string; password: string } {
  const text = properties.get('sasl.jaas.config');
  if (text === undefined) {
    throw new BadInputError(`sasl.jaas.config: expected a ${wanted} with username and password, got nothing`);
  }
  const { module, options } = parseJaasConfig(text);
  const others = [...options.keys()].filter((name) => name !== 'username' && name !== 'password');
  const [username, password] = [options.get('username'), options.get('password')];
  if (module === wanted && others.length === 0 && username !== undefined && password !== undefined) {
    return { username, password };
  }
  const found = [...options.keys()].join(', ') || 'no options';
  throw new BadInputError(
    `sasl.jaas.config: expected ${wanted} with username and password, got ${module} with ${found}`,
  );
}

/** A file as Kafka's own retriever takes it (a `file:` URL), or a command of ours that prints the token. */
function readBearerSettings(properties: UsedProperties): SaslSettings {
  const url = properties.get('sasl.oauthbearer.token.endpoint.url');
  const command = properties.get('sluice.oauthbearer.token.command');
  // The login module has no options that we need, but every Kafka client must name it.
  const jaas = properties.get('sasl.jaas.config');
  if (jaas !== undefined && parseJaasConfig(jaas).options.size > 0) {
    throw new BadInputError('sasl.jaas.config: expected OAuthBearerLoginModule without options');
  }
  if (command && url === undefined) return { mechanism: 'OAUTHBEARER', token: { kind: 'command', command } };
  if (url?.startsWith('file:') && !command) {
    return { mechanism: 'OAUTHBEARER', token: { kind: 'file', path: fileURLToPath(url) } };
  }
  throw new BadInputError(
    'OAUTHBEARER: expected either sasl.oauthbearer.token.endpoint.url=file:///FILE or sluice.oauthbearer.token.command=COMMAND',
  );
}
