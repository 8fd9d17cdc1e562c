import { createHash, randomBytes } from 'node:crypto';
import type { Person } from './accounts.ts';

export interface Session extends Person {
  /** To be sent back with everything that changes something: another site can neither read nor guess it. */
  csrf: string;
}

const idleMs = 2 * 3_600_000;
export const sessionMaxMs = 12 * 3_600_000;
const maxSessions = 10_000;

interface KeptSession {
  session: Session;
  startedMs: number;
  seenMs: number;
}

/** Who is logged in, by what their cookie holds; only digests of that are kept. In memory: a restart logs everybody out. */
export class Sessions {
  readonly #nowMs: () => number;
  readonly #kept = new Map<string, KeptSession>();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** The secret for the cookie, and the session. The oldest session makes room when there are too many. */
  begin(person: Person): { secret: string; session: Session } {
    const secret = randomBytes(32).toString('base64url');
    const session = { ...person, csrf: randomBytes(24).toString('base64url') };
    const nowMs = this.#nowMs();
    this.#kept.set(digestOf(secret), { session, startedMs: nowMs, seenMs: nowMs });
    if (this.#kept.size > maxSessions) this.#kept.delete(this.#kept.keys().next().value as string);
    return { secret, session };
  }

  find(secret: string): Session | null {
    const key = digestOf(secret);
    const kept = this.#kept.get(key);
    if (!kept) return null;
    const nowMs = this.#nowMs();
    if (nowMs - kept.seenMs > idleMs || nowMs - kept.startedMs > sessionMaxMs) {
      this.#kept.delete(key);
      return null;
    }
    kept.seenMs = nowMs;
    return kept.session;
  }

  end(secret: string): void {
    this.#kept.delete(digestOf(secret));
  }
}

function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}
