import { describe, expect, it } from 'vitest';
import { readClientConfig } from '../../../../../src/wire/client/security/client-config.ts';
import { parseJaasConfig } from '../../../../../src/wire/client/security/jaas-config.ts';
import { parseProperties, type ReferenceSources } from '../../../../../src/wire/client/security/properties-file.ts';

const files: Record<string, string> = {
  '/etc/secrets/db.properties': 'password = from=file\n',
  '/etc/secrets/plain': 'whole file\n',
};
const sources: ReferenceSources = {
  env: { KAFKA_PASSWORD: 'from-env' },
  readFile: (path) => {
    if (path in files) return files[path]!;
    throw new Error(`ENOENT: ${path}`);
  },
};
const read = (properties: Record<string, string>) => readClientConfig(properties, sources);
const plain = (password: string): Record<string, string> => ({
  'security.protocol': 'SASL_SSL',
  'sasl.mechanism': 'PLAIN',
  'sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="${password}";`,
});

describe('a properties file', () => {
  it('is read as Java reads it: separators, comments, escapes, continued lines, the last of equal keys', () => {
    const text = [
      '# comment',
      '! comment too',
      'a=1',
      'b : 2 ',
      'c 3',
      '  d\\=e=f\\tg\\u00e4',
      'long = one \\',
      '    two\\\\',
      'empty=',
      'a=9',
    ].join('\r\n');
    expect(Object.fromEntries(parseProperties(text))).toEqual({
      a: '9',
      b: '2 ',
      c: '3',
      'd=e': 'f\tgä',
      long: 'one two\\',
      empty: '',
    });
  });
});

describe('sasl.jaas.config', () => {
  it('gives module and options, with escapes in quotes', () => {
    const { module, options } = parseJaasConfig(
      `a.b.PlainLoginModule required\n username='it''s' x=1 password="q\\"w;=";`.replace("it''s", 'me'),
    );
    expect(module).toBe('PlainLoginModule');
    expect(Object.fromEntries(options)).toEqual({ username: 'me', x: '1', password: 'q"w;=' });
  });

  it('is refused without its text when it makes no sense, because it holds secrets', () => {
    for (const text of ['', 'Module', 'Module required password', 'Module required password="s3cret" oops']) {
      expect(() => parseJaasConfig(text)).toThrow(/^sasl.jaas.config: expected/);
      expect(() => parseJaasConfig(text)).not.toThrow(/s3cret/);
    }
  });
});

describe('client settings', () => {
  it('are plain text without a rack when nothing is set', () => {
    expect(read({})).toEqual({ tls: null, sasl: null, rack: null, unusedKeys: [] });
  });

  it('take secrets from the environment and from files', () => {
    const passwordOf = (reference: string) => (read(plain(reference)).sasl as { password: string }).password;
    // biome-ignore-start lint/suspicious/noTemplateCurlyInString: Kafka's words for a reference
    expect(passwordOf('${env:KAFKA_PASSWORD}')).toBe('from-env');
    expect(passwordOf('${file:/etc/secrets/db.properties:password}')).toBe('from=file');
    expect(passwordOf('${directory:/etc/secrets:plain}')).toBe('whole file');
    expect(() => passwordOf('${env:MISSING}')).toThrow('expected ${env:MISSING} to refer to something');
    expect(() => passwordOf('${vault:x}')).toThrow(
      'expected a reference to env, file or directory, got one to "vault"',
    );
    // biome-ignore-end lint/suspicious/noTemplateCurlyInString: Kafka's words for a reference
  });

  it('verify certificate and host name unless that was given up in so many words', () => {
    const ssl = { 'security.protocol': 'SSL' };
    expect(read(ssl).tls).toMatchObject({ truststore: null, verifiesHostName: true, minVersion: 'TLSv1.2' });
    expect(read({ ...ssl, 'ssl.endpoint.identification.algorithm': '' }).tls).toMatchObject({
      verifiesHostName: false,
    });
  });

  it('take trust and identity as PEM, and say how to get from a Java key store to it', () => {
    const ssl = { 'security.protocol': 'SSL' };
    const trust = { ...ssl, 'ssl.truststore.location': '/ca.pem', 'ssl.truststore.type': 'PEM' };
    expect(read(trust).tls).toMatchObject({ truststore: { path: '/ca.pem' } });
    expect(() => read({ ...ssl, 'ssl.truststore.location': '/ca.jks' })).toThrow('expected PEM, got JKS; "keytool');
    const identity = { 'ssl.keystore.type': 'PEM', 'ssl.keystore.key': 'K', 'ssl.keystore.certificate.chain': 'C' };
    expect(read({ ...ssl, ...identity, 'ssl.key.password': 'p' }).tls).toMatchObject({
      identity: { chain: { text: 'C' }, key: { text: 'K' }, password: 'p' },
    });
    expect(() => read({ ...ssl, 'ssl.keystore.type': 'PEM', 'ssl.keystore.key': 'K' })).toThrow('expected either');
  });

  it('never let a setting that was meant to protect pass without effect', () => {
    expect(() => read({ ...plain('x'), 'security.protocol': 'SSL' })).toThrow(
      'expected settings that take effect with security.protocol=SSL, got sasl.mechanism, sasl.jaas.config',
    );
    expect(() => read({ 'ssl.truststore.location': '/ca.pem' })).toThrow('security.protocol=PLAINTEXT');
    expect(() => read({ 'security.protocol': 'TLS' })).toThrow('expected PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL');
    expect(() => read({ 'security.protocol': 'SASL_SSL' })).toThrow('got "GSSAPI", which is not built in');
  });

  it('name the keys that mean nothing to this client', () => {
    expect(read({ acks: 'all', 'client.rack': 'r1' })).toMatchObject({ rack: 'r1', unusedKeys: ['acks'] });
  });

  it('take a bearer token from a file or from a command', () => {
    const bearer = { 'security.protocol': 'SASL_SSL', 'sasl.mechanism': 'OAUTHBEARER' };
    expect(read({ ...bearer, 'sasl.oauthbearer.token.endpoint.url': 'file:///run/token' }).sasl).toEqual({
      mechanism: 'OAUTHBEARER',
      token: { kind: 'file', path: '/run/token' },
    });
    expect(read({ ...bearer, 'sluice.oauthbearer.token.command': 'get-token' }).sasl).toMatchObject({
      token: { kind: 'command', command: 'get-token' },
    });
    expect(() => read({ ...bearer, 'sasl.oauthbearer.token.endpoint.url': 'https://idp/token' })).toThrow(
      'OAUTHBEARER: expected either',
    );
  });

  it('name the file that is wrong', () => {
    files['/client.properties'] = 'security.protocol=NONE';
    expect(() => readClientConfig('/client.properties', sources)).toThrow(
      '/client.properties: security.protocol: expected',
    );
    expect(() => readClientConfig('/none', sources)).toThrow('could not read /none');
  });
});
