// Promises of the client's login, against a broker whose every answer the test decides. Real brokers: test/real/client-security.test.ts.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/shared/index.ts';
import { KafkaCluster } from '../../src/wire/client/index.ts';
import { apiKeys, errorCodes } from '../../src/wire/index.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';

const clientConfig = {
  'security.protocol': 'SASL_PLAINTEXT',
  'sasl.mechanism': 'PLAIN',
  'sasl.jaas.config': 'PlainLoginModule required username="alice" password="secret";',
};
let broker: ScriptedBroker;
let cluster: KafkaCluster;

beforeEach(async () => {
  broker = await ScriptedBroker.start();
  broker.on(apiKeys.SaslHandshake, () => ({ mechanisms: ['PLAIN'] }));
  cluster = new KafkaCluster({
    brokers: [broker.address],
    clientId: 'test',
    clientConfig,
    connectTimeoutMs: 2_000,
    requestTimeoutMs: 2_000,
    retryTimeoutMs: 1_000,
    logger: silentLogger,
  });
});

afterEach(async () => {
  await cluster.close();
  await broker.stop();
});

const logins = () => broker.of(apiKeys.SaslAuthenticate);

describe('a login', () => {
  it('comes before anything but the versions, and says who we are', async () => {
    broker.on(apiKeys.SaslAuthenticate, () => ({ authBytes: Buffer.alloc(0) }));
    await cluster.reach();
    expect(broker.requests.map(({ apiKey }) => apiKey)).toEqual([
      apiKeys.ApiVersions,
      apiKeys.SaslHandshake,
      apiKeys.SaslAuthenticate,
      apiKeys.Metadata,
    ]);
    expect(broker.of(apiKeys.SaslHandshake)[0]).toMatchObject({ version: 1, message: { mechanism: 'PLAIN' } });
    expect(logins()[0]!.message.authBytes.toString()).toBe('\0alice\0secret');
  });

  it('that is refused fails at once: trying again does not help, and may lock the account', async () => {
    broker.on(apiKeys.SaslAuthenticate, () => ({
      errorCode: errorCodes.SASL_AUTHENTICATION_FAILED,
      errorMessage: 'Authentication failed: Invalid username or password',
    }));
    await expect(cluster.reach()).rejects.toThrow('Invalid username or password');
    expect(logins()).toHaveLength(1);
  });

  it('with a mechanism that the listener does not have names those it has', async () => {
    broker.on(apiKeys.SaslHandshake, () => ({ errorCode: 33, mechanisms: ['GSSAPI', 'SCRAM-SHA-512'] }));
    await expect(cluster.reach()).rejects.toThrow('expected a listener with PLAIN, it offers GSSAPI, SCRAM-SHA-512');
  });
});

describe('a session that ends (KIP-368)', () => {
  it('is renewed on the same connection before that, while nothing else is sent and nothing fails', async () => {
    broker.on(apiKeys.SaslAuthenticate, async () => {
      await new Promise((resolve) => setTimeout(resolve, 20)); // time for others to come between, if they could
      return { authBytes: Buffer.alloc(0), sessionLifetimeMs: 200n };
    });
    const endMs = performance.now() + 1_200;
    let answeredCount = 0;
    const ask = async (): Promise<void> => {
      while (performance.now() < endMs) {
        await cluster.core.refreshMetadata([], undefined);
        await cluster.request('any', apiKeys.FindCoordinator, { keyType: 0, coordinatorKeys: ['g'] });
        answeredCount += 2;
      }
    };
    await Promise.all(Array.from({ length: 50 }, ask)); // more than are on the wire at once
    expect(answeredCount).toBeGreaterThan(100);
    expect(broker.connectionCount).toBe(1);
    expect(logins().length).toBeGreaterThan(4);
    const keys = broker.requests.map(({ apiKey }) => apiKey);
    const afterHandshake = keys.flatMap((key, i) =>
      key === apiKeys.SaslHandshake && i + 1 < keys.length ? [keys[i + 1]] : [],
    );
    expect(new Set(afterHandshake)).toEqual(new Set([apiKeys.SaslAuthenticate]));
  });

  it('and cannot be renewed ends the connection; the next one hears why', async () => {
    let count = 0;
    broker.on(apiKeys.SaslAuthenticate, () =>
      count++ === 0
        ? { authBytes: Buffer.alloc(0), sessionLifetimeMs: 100n }
        : { errorCode: errorCodes.SASL_AUTHENTICATION_FAILED, errorMessage: 'the account is locked' },
    );
    await cluster.reach();
    await new Promise((resolve) => setTimeout(resolve, 300));
    await expect(cluster.reach()).rejects.toThrow('the account is locked');
  });
});
