import type { HttpAnswer } from '../../http-exchange.ts';
import type { NameNodeAddress } from '../../warehouse-url.ts';
import type { AuthFacts, Credentials, WebHdfsAuth } from '../webhdfs-auth.ts';

/** A proof of who we are that is too dear, or too secret, to be shown with every request. */
export interface Proof {
  readonly method: AuthFacts['method'];
  readonly user: string | null;
  /** A proof is good for one request (a Kerberos ticket's): after a refusal a new one may do. */
  readonly isFreshEachTime: boolean;
  /** Value of the `Authorization` header. */
  authorization(server: NameNodeAddress, signal?: AbortSignal): Promise<string>;
  close(): Promise<void>;
}

/**
 * Shows its proof once and then the cookies that the server gave for it: Hadoop signs `hadoop.auth`, valid for ten hours when
 * nobody changed that, and Knox has a session of its own. A cookie that is refused is forgotten and the proof shown again.
 */
export class SessionAuth implements WebHdfsAuth {
  readonly #proof: Proof;
  readonly #query: Record<string, string>;
  readonly #cookies = new Map<string, Map<string, string>>();

  /** `doAs`: the user on whose behalf the one that we prove to be acts. */
  constructor(proof: Proof, doAs: string | undefined) {
    this.#proof = proof;
    this.#query = doAs === undefined ? {} : { doas: doAs };
  }

  async credentials(server: NameNodeAddress, signal?: AbortSignal): Promise<Credentials> {
    const cookie = this.#cookieHeader(server);
    if (cookie !== null) return { query: this.#query, headers: { Cookie: cookie } };
    return { query: this.#query, headers: { Authorization: await this.#proof.authorization(server, signal) } };
  }

  noteAnswer(server: NameNodeAddress, answer: HttpAnswer): void {
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [, name, value] = /^\s*([^=;\s]+)=([^;]*)/.exec(line) ?? [];
      if (name === undefined || value === undefined) continue;
      const jar = this.#cookies.get(keyOf(server)) ?? new Map<string, string>();
      this.#cookies.set(keyOf(server), jar);
      if (value === '' || value === '""') jar.delete(name);
      else if (jar.size < maxCookies || jar.has(name)) jar.set(name, value);
    }
  }

  refuse(server: NameNodeAddress, refused: Credentials): boolean {
    const hadCookie = refused.headers['Cookie'] !== undefined;
    if (refused.headers['Cookie'] === this.#cookieHeader(server)) this.#cookies.delete(keyOf(server));
    return hadCookie || this.#proof.isFreshEachTime;
  }

  async facts(): Promise<AuthFacts> {
    return { method: this.#proof.method, user: this.#query['doas'] ?? this.#proof.user, token: null };
  }

  async close(): Promise<void> {
    this.#cookies.clear();
    await this.#proof.close();
  }

  /** Null without a session. */
  #cookieHeader(server: NameNodeAddress): string | null {
    const jar = this.#cookies.get(keyOf(server));
    if (!jar || ![...jar.keys()].some((name) => sessionCookies.has(name))) return null;
    return [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
  }
}

/** Of Hadoop's own servers, of Knox, and of the web servers that both are built on. */
const sessionCookies = new Set(['hadoop.auth', 'KNOXSESSIONID', 'JSESSIONID', 'hadoop-jwt']);
const maxCookies = 16;

function keyOf({ host, port }: NameNodeAddress): string {
  return `${host}:${port}`;
}
