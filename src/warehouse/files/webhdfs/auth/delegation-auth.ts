import { type Clock, describeError, type Logger } from '../../../../shared/index.ts';
import { WarehouseError } from '../../warehouse-error.ts';
import type { NameNodeAddress } from '../../warehouse-url.ts';
import { parseLong, parseToken, serverTimeMs } from '../hdfs-json.ts';
import type { NameNodeAnswer, NameNodeCall } from '../name-nodes.ts';
import { toWarehouseError } from '../remote-exception.ts';
import type { AuthFacts, Credentials, WebHdfsAuth } from '../webhdfs-auth.ts';
import { decodeTokenIdentifier, type TokenIdentifier } from './delegation-token.ts';

export interface DelegationAuthOptions {
  /** How tokens are asked for: proven by Kerberos, never by a token. */
  login: WebHdfsAuth;
  call: (call: NameNodeCall) => Promise<NameNodeAnswer>;
  clock: Clock;
  logger: Logger;
}

interface HeldToken {
  text: string;
  identifier: TokenIdentifier | null;
  /** Of the server's clock, for people. */
  expiresMs: number;
  /** Of our monotonic clock, for us. */
  endsAtMs: number;
  renewAtMs: number;
  newAtMs: number;
}

/** A token whose end we cannot learn (who lent it does not let us renew it) is exchanged this often. */
const unknownLifeMs = 3_600_000;
/** Share of its life after which a token is renewed: what remains is the time to get through trouble. */
const renewAfterShare = 0.6;
const retryShare = 0.05;
const maxRetryMs = 30_000;
const cancelMs = 5_000;

/**
 * Shows a delegation token of HDFS with every request. Kerberos is only needed to get the first one, to renew it before it
 * ends (every day, `dfs.namenode.delegation.token.renew-interval`), and to get another when no renewal helps any more (after a
 * week, `...max-lifetime`). All NameNodes of a file system know it, so a failover changes nothing. A token that a server does
 * not take is thrown away at once.
 */
export class DelegationAuth implements WebHdfsAuth {
  readonly #options: DelegationAuthOptions;
  readonly #closing = new AbortController();
  #token: HeldToken | null = null;
  #refreshing: Promise<void> | null = null;
  #nextTryMs = 0;

  constructor(options: DelegationAuthOptions) {
    this.#options = options;
  }

  async credentials(_server: NameNodeAddress, signal?: AbortSignal): Promise<Credentials> {
    return { query: { delegation: (await this.#usable(signal)).text }, headers: {} };
  }

  noteAnswer(): void {}

  refuse(_server: NameNodeAddress, refused: Credentials): boolean {
    if (this.#token && refused.query['delegation'] === this.#token.text) {
      this.#options.logger.warn({ owner: this.#token.identifier?.owner }, 'DelegationTokenRefused');
      this.#token = null;
    }
    return true;
  }

  async facts(signal?: AbortSignal): Promise<AuthFacts> {
    const { identifier, expiresMs } = await this.#usable(signal);
    const token = identifier && { ...identifier, expiresMs };
    return { method: 'kerberos', user: identifier?.owner ?? null, token };
  }

  /** Cancels the token, so that the NameNodes need not keep it for days; one that we fail to cancel ends by itself. */
  async close(): Promise<void> {
    this.#closing.abort(new WarehouseError('unavailable', 'the warehouse was closed'));
    await this.#refreshing?.catch(() => {});
    const token = this.#token;
    this.#token = null;
    if (token) {
      const signal = AbortSignal.timeout(cancelMs);
      const query = { token: token.text };
      await this.#options
        .call({ method: 'PUT', op: 'CANCELDELEGATIONTOKEN', path: '/', query, signal })
        .catch(() => {});
    }
    await this.#options.login.close();
  }

  async #usable(signal: AbortSignal | undefined): Promise<HeldToken> {
    for (;;) {
      signal?.throwIfAborted();
      const nowMs = this.#options.clock.monotonicMs();
      const token = this.#token;
      if (token && nowMs < token.endsAtMs) {
        if (nowMs >= Math.max(token.renewAtMs, this.#nextTryMs)) this.#refreshAhead(token);
        return token;
      }
      await untilAborted(this.#refresh(), signal);
    }
  }

  /** While the one we have is still good: nobody waits for it, and a failure is only worth a warning. */
  #refreshAhead(token: HeldToken): void {
    const { clock, logger } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#nextTryMs = nowMs + Math.min(maxRetryMs, retryShare * (token.endsAtMs - token.renewAtMs));
    this.#refresh().catch((error: unknown) => {
      if (this.#closing.signal.aborted) return;
      const leftMs = Math.round(token.endsAtMs - clock.monotonicMs());
      logger.warn({ leftMs, reason: describeError(error) }, 'DelegationTokenNotRenewed');
    });
  }

  /** One at a time, for all who wait; it belongs to none of them and is stopped by `close` alone. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.#renewOrGet(this.#closing.signal).finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #renewOrGet(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const held = this.#token;
    if (held && this.#options.clock.monotonicMs() < held.newAtMs) {
      const renewed = await this.#renew(held.text, held.identifier, signal);
      if (renewed) {
        if (this.#token?.text === held.text) this.#token = renewed; // else it was refused meanwhile
        return;
      }
    }
    this.#token = await this.#get(signal);
  }

  async #get(signal: AbortSignal): Promise<HeldToken> {
    const { clock, logger } = this.#options;
    const answer = await this.#call({ method: 'GET', op: 'GETDELEGATIONTOKEN', path: '/', signal });
    const text = parseToken(answer.body);
    const identifier = decodeTokenIdentifier(text);
    const nowMs = clock.monotonicMs();
    const serverMs = serverTimeMs(answer);
    // Only a renewal says how long it lives.
    const token = (await this.#renew(text, identifier, signal)) ?? {
      ...{ text, identifier, expiresMs: serverMs + unknownLifeMs, endsAtMs: nowMs + unknownLifeMs },
      ...{ renewAtMs: nowMs + renewAfterShare * unknownLifeMs, newAtMs: nowMs },
    };
    logger.info({ owner: identifier?.owner, expiresMs: token.expiresMs, maxMs: identifier?.maxMs }, 'DelegationToken');
    return token;
  }

  /** Null when the server does not let us, or the token is beyond it. */
  async #renew(text: string, identifier: TokenIdentifier | null, signal: AbortSignal): Promise<HeldToken | null> {
    const { clock, call, logger } = this.#options;
    const query = { token: text };
    const answer = await call({ method: 'PUT', op: 'RENEWDELEGATIONTOKEN', path: '/', query, signal });
    if (answer.exception) {
      logger.warn({ reason: answer.exception.message }, 'DelegationTokenNotRenewable');
      return null;
    }
    const nowMs = clock.monotonicMs();
    const expiresMs = parseLong(answer.body);
    const lifeMs = expiresMs - serverTimeMs(answer);
    if (lifeMs <= 0) return null;
    // Renewals shorten at the end of a token's life; before that, another one is asked for.
    const maxLeftMs = identifier === null ? lifeMs : identifier.maxMs - serverTimeMs(answer);
    return {
      ...{ text, identifier, expiresMs, endsAtMs: nowMs + lifeMs, renewAtMs: nowMs + renewAfterShare * lifeMs },
      newAtMs: nowMs + maxLeftMs - lifeMs,
    };
  }

  async #call(call: NameNodeCall): Promise<NameNodeAnswer> {
    const answer = await this.#options.call(call);
    if (answer.exception) throw toWarehouseError(answer.exception, call.op);
    return answer;
  }
}

/** The caller stops waiting; what it waited for goes on for the others. */
async function untilAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return await work;
  signal.throwIfAborted();
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
