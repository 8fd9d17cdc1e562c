import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isLoopbackHost } from '../../shared/index.ts';
import { type Accounts, isSameText, type Person, type Role } from './accounts.ts';
import { type Session, Sessions, sessionMaxMs } from './sessions.ts';

export interface Refusal {
  status: 401 | 403;
  error: string;
}

/** Who asks. `session` null: a program with a token, which no page of another site can be made to send. */
export interface Caller {
  person: Person;
  session: Session | null;
}

export interface GuardOptions {
  /** Null: everybody who reaches us is the operator; only for a server that listens on this machine alone. */
  accounts: Accounts | null;
  /** Where browsers find us when that is not the `Host` they send: `https://console.example.org`. */
  publicOrigin: string | null;
  nowMs: () => number;
}

const cookieName = 'sluice_console';

/**
 * Decides who a request is from and whether it may do what it wants. Without accounts the name in `Host` must be this
 * machine's, so that a page under another name for it reads nothing. What changes something must come from our own pages:
 * their origin, and the session's own word in `x-sluice-csrf`.
 */
export class RequestGuard {
  readonly #options: GuardOptions;
  readonly #sessions: Sessions;
  /** Of everybody, where there are no accounts. */
  readonly #openSession: Session;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#sessions = new Sessions(options.nowMs);
    this.#openSession = { name: 'local', role: 'operator', csrf: randomBytes(24).toString('base64url') };
  }

  get hasAccounts(): boolean {
    return this.#options.accounts !== null;
  }

  /** Null: nobody we know. Throws TooManyTriesError. */
  async identify(headers: IncomingHttpHeaders): Promise<Caller | null> {
    const { accounts } = this.#options;
    if (!accounts) return { person: this.#openSession, session: this.#openSession };
    const bearer = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
    if (bearer !== undefined) {
      const person = await accounts.logInByToken(bearer);
      return person && { person, session: null };
    }
    const secret = cookieOf(headers);
    const session = secret === null ? null : this.#sessions.find(secret);
    return session && { person: session, session };
  }

  /** Why the request is refused whoever sends it; null: it is not. */
  checkHost(headers: IncomingHttpHeaders): Refusal | null {
    if (this.#options.accounts || isLoopbackHost(headers.host ?? '')) return null;
    return {
      status: 403,
      error: 'expected the name of this machine (localhost, 127.0.0.1) as Host: there are no accounts',
    };
  }

  /** Of a login, and of everything that changes something. */
  checkOrigin(headers: IncomingHttpHeaders): Refusal | null {
    const site = headers['sec-fetch-site'];
    const isForeign = site !== undefined && site !== 'same-origin';
    const { publicOrigin } = this.#options;
    const origin = headers.origin ?? '';
    const isOurs = publicOrigin ? origin === publicOrigin : origin === `http://${headers.host}`;
    if (isOurs && !isForeign) return null;
    return { status: 403, error: `expected a request of the console's own pages, got origin "${origin}"` };
  }

  checkChange(headers: IncomingHttpHeaders, caller: Caller, role: Role): Refusal | null {
    if (caller.session) {
      const refusal = this.checkOrigin(headers);
      if (refusal) return refusal;
      const given = String(headers['x-sluice-csrf'] ?? '');
      if (!isSameText(given, caller.session.csrf))
        return { status: 403, error: 'expected the word of this session in x-sluice-csrf' };
    }
    if (role === 'operator' && caller.person.role !== 'operator') {
      return { status: 403, error: `only an operator may do that; ${caller.person.name} is a ${caller.person.role}` };
    }
    return null;
  }

  /** The session and the cookie that names it; null: wrong name or password. Throws TooManyTriesError. */
  async logIn(name: string, password: string): Promise<{ session: Session; cookie: string } | null> {
    const { accounts } = this.#options;
    if (!accounts) return { session: this.#openSession, cookie: this.#cookie('', 0) };
    const person = await accounts.logIn(name, password);
    if (!person) return null;
    const { secret, session } = this.#sessions.begin(person);
    return { session, cookie: this.#cookie(secret, sessionMaxMs / 1000) };
  }

  /** The cookie that ends the one before. */
  logOut(headers: IncomingHttpHeaders): string {
    const secret = cookieOf(headers);
    if (secret !== null) this.#sessions.end(secret);
    return this.#cookie('', 0);
  }

  #cookie(secret: string, maxAgeSeconds: number): string {
    const isSecure = this.#options.publicOrigin?.startsWith('https:') ? '; Secure' : '';
    return `${cookieName}=${secret}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${maxAgeSeconds}${isSecure}`;
  }
}

function cookieOf(headers: IncomingHttpHeaders): string | null {
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim());
  const found = pairs.find((pair) => pair.startsWith(`${cookieName}=`));
  return found ? found.slice(cookieName.length + 1) || null : null;
}
