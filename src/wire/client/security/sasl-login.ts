import { apiKeys, errorCodes } from '../../index.ts';
import type { AuthenticatingConnection, Authenticator } from '../kafka-connection.ts';
import { AuthenticationError, KafkaError, throwIfError } from '../kafka-error.ts';
import { readToken, type TokenSource } from './oauth-token.ts';
import { ScramExchange } from './scram-exchange.ts';

export type SaslSettings =
  | { mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'; username: string; password: string }
  | { mechanism: 'OAUTHBEARER'; token: TokenSource };

/**
 * Logs in on a connection: SaslHandshake, then the mechanism's messages in SaslAuthenticate (KIP-43, KIP-152). Works for a
 * new connection and, by the same requests, for one whose session is about to end (KIP-368).
 */
export function saslAuthenticator(settings: SaslSettings): Authenticator {
  return async (connection, signal) => {
    const { mechanism } = settings;
    const handshake = await connection.request(apiKeys.SaslHandshake, { mechanism }, { signal });
    if (handshake.errorCode === errorCodes.UNSUPPORTED_SASL_MECHANISM) {
      const offered = handshake.mechanisms.join(', ') || 'none';
      throw new KafkaError(handshake.errorCode, `login at ${connection.address}`, {
        detail: `expected a listener with ${mechanism}, it offers ${offered}`,
      });
    }
    throwIfError(handshake.errorCode, `login at ${connection.address}`);
    const steps = new SaslSteps(connection, signal);
    if (settings.mechanism === 'OAUTHBEARER') await bearToken(steps, settings.token, signal);
    else if (settings.mechanism === 'PLAIN') await steps.send(plainMessage(settings));
    else await proveByScram(steps, settings);
    return steps.sessionLifetimeMs;
  };
}

class SaslSteps {
  /** From the last answer; 0: the session does not end. */
  sessionLifetimeMs = 0;
  readonly #connection: AuthenticatingConnection;
  readonly #signal: AbortSignal | undefined;

  constructor(connection: AuthenticatingConnection, signal: AbortSignal | undefined) {
    this.#connection = connection;
    this.#signal = signal;
  }

  async send(authBytes: Buffer): Promise<Buffer> {
    const response = await this.#connection.request(apiKeys.SaslAuthenticate, { authBytes }, { signal: this.#signal });
    throwIfError(response.errorCode, `login at ${this.#connection.address}`, response.errorMessage);
    this.sessionLifetimeMs = Number(response.sessionLifetimeMs);
    return response.authBytes;
  }
}

/** RFC 4616: authorization id (none), user and password. */
function plainMessage({ username, password }: { username: string; password: string }): Buffer {
  return Buffer.from(`\0${username}\0${password}`);
}

async function proveByScram(
  steps: SaslSteps,
  { mechanism, username, password }: Extract<SaslSettings, { password: string }>,
): Promise<void> {
  const scram = new ScramExchange(mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha512', username, password);
  const serverFirst = await steps.send(scram.first());
  scram.verify(await steps.send(await scram.final(serverFirst)));
}

/** RFC 7628. A server that refuses says why in JSON, and wants one more message before it ends the login. */
async function bearToken(steps: SaslSteps, source: TokenSource, signal: AbortSignal | undefined): Promise<void> {
  const token = await readToken(source, signal);
  const refusal = await steps.send(Buffer.from(`n,,\x01auth=Bearer ${token}\x01\x01`));
  if (refusal.length === 0) return;
  await steps.send(Buffer.from('\x01'));
  throw new AuthenticationError(`OAUTHBEARER: the broker refused the token: ${refusal.toString()}`);
}
