// Promises of the client towards a secured Apache Kafka: TLS both ways, every login that is offered, sessions that end.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Logger, silentLogger } from '../../src/shared/index.ts';
import { BatchFetcher, KafkaCluster, ProducerClient } from '../../src/wire/client/index.ts';
import { kafkaTool, type SecurePeerKafka, startSecureKafka } from '../support/peers.ts';
import { runSluice } from '../support/sluice-process.ts';

type Properties = Record<string, string>;
let kafka: SecurePeerKafka;
let folder: string;
let topicCount = 0;
const modules = 'org.apache.kafka.common.security';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-security-'));
  kafka = await startSecureKafka();
  for (const credential of [
    'SCRAM-SHA-256=[iterations=8192,password=bob=s3cret]',
    'SCRAM-SHA-512=[password=bob=s3cret]',
  ]) {
    const entity = ['--alter', '--entity-type', 'users', '--entity-name', 'bob', '--add-config', credential];
    await kafkaTool('configs', ['--bootstrap-server', kafka.bootstrap, ...entity]); // one at a time: Kafka asks for that
  }
});

afterAll(async () => {
  await kafka?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const trust = (name = 'ca.pem'): Properties => ({
  'ssl.truststore.type': 'PEM',
  'ssl.truststore.location': kafka.certificate(name),
});
const login = (mechanism: string, jaas: string): Properties => ({
  ...trust(),
  'security.protocol': 'SASL_SSL',
  'sasl.mechanism': mechanism,
  'sasl.jaas.config': `${modules}.${jaas}`,
});
const plain = (password = 'alice-secret'): Properties =>
  login('PLAIN', `plain.PlainLoginModule required username="alice" password="${password}";`);
const scram = (bits: 256 | 512, password = 'bob=s3cret'): Properties =>
  login(`SCRAM-SHA-${bits}`, `scram.ScramLoginModule required username="bob" password="${password}";`);

/** A token that the unsecured validator of Apache Kafka accepts (it is for tests; RFC 7515, appendix A.5). */
function unsecuredToken(lifetimeSeconds = 3600): string {
  const nowS = Math.floor(Date.now() / 1000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ sub: 'carol', iat: nowS - 5, exp: nowS + lifetimeSeconds })}.`;
}

function open(brokers: string, clientConfig: Properties, logger: Logger = silentLogger): KafkaCluster {
  return new KafkaCluster({ brokers: [brokers], clientId: 'security', clientConfig, retryTimeoutMs: 5_000, logger });
}

/** A name of its own, so that a test can be run again. */
const newName = (name: string): string => `${name}-${++topicCount}`;

/** Creates a topic, writes a record and reads it back, all through this cluster. */
async function roundTrip(cluster: KafkaCluster, name: string): Promise<string> {
  const topic = newName(name);
  await cluster.createTopics([{ name: topic, partitions: 1 }]);
  const producer = new ProducerClient({ cluster });
  await producer.send(topic, { value: 'x' });
  await producer.close();
  const end = await cluster.listOffsets(topic, [0], 'latest', { isolation: 'read_committed' });
  await cluster.close();
  return String(end.get(0)!.offset);
}

describe('every login', () => {
  it('lets us write and read: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, a bearer token from a file and from a command', async () => {
    const bearer = login('OAUTHBEARER', 'oauthbearer.OAuthBearerLoginModule required;');
    const file = join(folder, 'token');
    writeFileSync(file, `${unsecuredToken()}\n`);
    const ways: Record<string, Properties> = {
      plain: plain(),
      scram256: scram(256),
      scram512: scram(512),
      'bearer-file': { ...bearer, 'sasl.oauthbearer.token.endpoint.url': `file://${file}` },
      'bearer-command': { ...bearer, 'sluice.oauthbearer.token.command': `cat ${file}` },
    };
    for (const [name, properties] of Object.entries(ways)) {
      expect([name, await roundTrip(open(kafka.saslSsl, properties), name)]).toEqual([name, '1']);
    }
  });

  it('with wrong words fails at once with what the broker says', async () => {
    const refused = { kafkaName: 'SASL_AUTHENTICATION_FAILED' };
    for (const properties of [plain('wrong'), scram(256, 'wrong'), scram(512, 'wrong')]) {
      const cluster = open(kafka.saslSsl, properties);
      await expect(cluster.reach()).rejects.toMatchObject(refused);
      await cluster.close();
    }
    const expired = open(kafka.saslSsl, {
      ...login('OAUTHBEARER', 'oauthbearer.OAuthBearerLoginModule required;'),
      'sluice.oauthbearer.token.command': `echo ${unsecuredToken(-3)}`,
    });
    await expect(expired.reach()).rejects.toThrow(/invalid_token|SASL_AUTHENTICATION_FAILED/);
    await expired.close();
  });
});

describe('TLS', () => {
  it('with a client certificate lets us in where the broker asks for one, and not without', async () => {
    const identity = { 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': kafka.certificate('client.pem') };
    const ssl = { 'security.protocol': 'SSL', ...trust() };
    expect(await roundTrip(open(kafka.ssl, { ...ssl, ...identity }), 'certificate')).toBe('1');
    const without = open(kafka.ssl, ssl);
    await expect(without.reach()).rejects.toMatchObject({ code: 'broker-unreachable' });
    await without.close();
  });

  it('refuses a broker of an unknown authority and a name that is not in its certificate, without a second try', async () => {
    const stranger = open(kafka.saslSsl, { ...plain(), ...trust('other-ca.pem') });
    await expect(stranger.reach()).rejects.toMatchObject({ code: 'authentication-failed' });
    await stranger.close();
    const otherName = open(kafka.saslSsl.replace('127.0.0.1', 'localhost'), plain());
    await expect(otherName.reach()).rejects.toThrow(/certificate of localhost:\d+ is not accepted/);
    await otherName.close();
  });
});

describe('a session of 8 s', () => {
  it('is renewed again and again under load: no connection breaks in 20 s, nothing is lost', async () => {
    const closed: string[] = [];
    const logger: Logger = { ...silentLogger, debug: (_, event) => event === 'ConnectionClosed' && closed.push(event) };
    const cluster = open(kafka.saslSsl, scram(512), logger);
    const topic = newName('session');
    await cluster.createTopics([{ name: topic, partitions: 3 }]);
    const producer = new ProducerClient({ cluster, lingerMs: 1 });
    const fetcher = new BatchFetcher({ cluster, isolation: 'read_committed', maxWaitMs: 500 });
    for (const partition of [0, 1, 2]) fetcher.assign(topic, partition, 0n);
    let sentCount = 0n;
    let isSending = true;
    const readCount = (): bigint =>
      [0, 1, 2].reduce((sum, partition) => sum + fetcher.progress(topic, partition)!.position, 0n);
    const reading = (async () => {
      while (isSending || readCount() < sentCount) {
        for (const { error } of await fetcher.poll()) if (error) throw error;
      }
    })();
    reading.catch(() => {}); // awaited below
    const endMs = performance.now() + 20_000;
    while (performance.now() < endMs) {
      for (let i = 0; i < 20; i++, sentCount++) await producer.send(topic, { value: `${sentCount}` });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await producer.flush();
    isSending = false;
    await reading;
    expect(closed).toEqual([]);
    expect(producer.failedCount).toBe(0);
    expect(readCount()).toBe(sentCount);
    await producer.close();
    await fetcher.close();
    await cluster.close();
  });
});

describe('the commands', () => {
  it('take --command-config, a file that Kafka itself takes, workers in threads and jobs too', async () => {
    const file = join(folder, 'client.properties');
    const properties: Properties = { ...scram(256), acks: 'all' };
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Kafka's words for a reference
    properties['sasl.jaas.config'] = properties['sasl.jaas.config']!.replace('bob=s3cret', '${env:BOB_PASSWORD}');
    const lines = (map: Properties) => Object.entries(map).map(([key, value]) => `${key}=${value}\n`);
    writeFileSync(file, lines(properties).join(''));
    const theirs = join(folder, 'kafka-client.properties');
    writeFileSync(theirs, lines(scram(256)).join(''));
    const env = { BOB_PASSWORD: 'bob=s3cret' };
    const cluster = ['--brokers', kafka.saslSsl, '--command-config', file];
    const run = async (args: string[], input = ''): Promise<string> => {
      const ended = await runSluice(args, { env, input });
      expect([ended.code, ended.stderr.includes('not used here: acks')], `${args}: ${ended.stderr}`).toEqual([0, true]);
      return ended.stdout;
    };
    await run(['topics', 'create', 'commands', '--partitions', '2', ...cluster]);
    const rows = Array.from({ length: 100 }, (_, i) => JSON.stringify({ id: i })).join('\n');
    await run(['produce', 'commands', '--file', '-', '--format', 'ndjson', ...cluster], `${rows}\n`);
    const warehouse = ['--warehouse', `file://${join(folder, 'warehouse')}`];
    const load = await run(['load', ...cluster, '--topics', 'commands', ...warehouse, '--until-end', '--workers', '2']);
    expect(load).toMatch(/^complete: 100 rows/);
    const listed = JSON.parse(await run(['offsets', 'list', ...warehouse, ...cluster, '--json'])) as { lag: string }[];
    expect(new Set(listed.map(({ lag }) => lag))).toEqual(new Set(['0'])); // a partition without records has no ledger
    await run(['audit', ...warehouse, ...cluster]);
    await run(['jobs', 'run', 'load-window', ...cluster, '--topics', 'commands', ...warehouse]);
    const theirTopics = await kafkaTool('topics', [
      '--bootstrap-server',
      kafka.saslSsl,
      '--command-config',
      theirs,
      '--list',
    ]);
    expect(theirTopics).toContain('commands');
    const refused = await runSluice(['topics', 'list', ...cluster], { env: { BOB_PASSWORD: 'wrong' } });
    expect([
      refused.code,
      refused.stderr.split('\n').filter((line) => line.includes('SASL_AUTHENTICATION_FAILED')).length,
    ]).toEqual([2, 1]);
  });
});
