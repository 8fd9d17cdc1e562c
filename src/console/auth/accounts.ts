import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { BadInputError, describeError, SluiceError } from '../../shared/index.ts';
import { checkHash, isPassword } from './password-hash.ts';

/** A viewer sees everything; an operator may also act. */
export type Role = 'viewer' | 'operator';

export interface Account {
  name: string;
  role: Role;
  hash: string;
}

export interface Person {
  name: string;
  role: Role;
}

/** Nobody can be let in for a while: too many tries at once. */
export class TooManyTriesError extends SluiceError {
  constructor(retryMs: number) {
    super('too-many-tries', `too many wrong tries: wait ${Math.ceil(retryMs / 1000)} s`, { isRetriable: true });
  }
}

const freeTries = 5;
const firstWaitMs = 1000;
const maxWaitMs = 60_000;
const rememberedNames = 1000;
const rememberedProofs = 256;
const triesAtOnce = 2;
const triesWaiting = 16;
/** What an unknown name is compared with, so that it takes as long as a known one. */
const nobody = `scrypt$32768$8$1$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/**
 * Who may come in. Wrong passwords for a name make the next tries wait, longer each time; and only a few passwords are
 * looked at at once, because each look costs memory and time on purpose.
 */
export class Accounts {
  readonly #accounts: ReadonlyMap<string, Account>;
  readonly #nowMs: () => number;
  readonly #check: (password: string, hash: string) => Promise<boolean>;
  readonly #failures = new Map<string, { count: number; untilMs: number }>();
  /** Digests of secrets that were right: programs show theirs with every request. */
  readonly #proven = new Map<string, Person>();
  #underWay = 0;
  readonly #queue: (() => void)[] = [];

  constructor(accounts: readonly Account[], nowMs: () => number, check = isPassword) {
    this.#accounts = new Map(accounts.map((account) => [account.name, account]));
    this.#nowMs = nowMs;
    this.#check = check;
  }

  get count(): number {
    return this.#accounts.size;
  }

  /** Null: the name or the password is wrong. Throws TooManyTriesError. */
  async logIn(name: string, password: string): Promise<Person | null> {
    this.#checkWait(name);
    const account = this.#accounts.get(name);
    const isRight = await this.#oneOfFew(() => this.#check(password, account?.hash ?? nobody));
    if (account && isRight) {
      this.#failures.delete(name);
      return { name, role: account.role };
    }
    this.#noteFailure(name);
    return null;
  }

  /** `NAME:SECRET`, as programs send it with every request. */
  async logInByToken(token: string): Promise<Person | null> {
    const digest = createHash('sha256').update(token).digest('base64url');
    const known = this.#proven.get(digest);
    if (known) return known;
    const [, name, secret] = /^([^:]+):(.+)$/s.exec(token) ?? [];
    const person = name && secret ? await this.logIn(name, secret) : null;
    if (person) remember(this.#proven, digest, person, rememberedProofs);
    return person;
  }

  #checkWait(name: string): void {
    const waitMs = (this.#failures.get(name)?.untilMs ?? 0) - this.#nowMs();
    if (waitMs > 0) throw new TooManyTriesError(waitMs);
  }

  #noteFailure(name: string): void {
    const count = (this.#failures.get(name)?.count ?? 0) + 1;
    const waitMs = count < freeTries ? 0 : Math.min(maxWaitMs, firstWaitMs * 2 ** (count - freeTries));
    remember(this.#failures, name, { count, untilMs: this.#nowMs() + waitMs }, rememberedNames);
  }

  async #oneOfFew<T>(work: () => Promise<T>): Promise<T> {
    if (this.#queue.length >= triesWaiting) throw new TooManyTriesError(firstWaitMs);
    if (this.#underWay >= triesAtOnce) await new Promise<void>((resolve) => this.#queue.push(resolve));
    this.#underWay++;
    try {
      return await work();
    } finally {
      this.#underWay--;
      this.#queue.shift()?.();
    }
  }
}

/** A file of accounts: one a line, `NAME ROLE HASH`; empty lines and lines that begin with `#` count for nothing. */
export function readAccounts(path: string): Account[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new BadInputError(`expected a file of accounts at ${path}: ${describeError(cause)}`, { cause });
  }
  const accounts = text.split('\n').flatMap((line, i) => parseAccount(line.trim(), `${path}:${i + 1}`));
  if (accounts.length === 0) throw new BadInputError(`${path}: expected at least one account`);
  const twice = accounts.find((account, i) => accounts.findIndex(({ name }) => name === account.name) !== i);
  if (twice) throw new BadInputError(`${path}: expected every name once, got "${twice.name}" twice`);
  return accounts;
}

function parseAccount(line: string, where: string): Account[] {
  if (line === '' || line.startsWith('#')) return [];
  const [name, role, hash, ...rest] = line.split(/\s+/);
  const isWhole = name && hash && rest.length === 0 && /^[\w.@-]{1,64}$/.test(name);
  if (!isWhole || (role !== 'viewer' && role !== 'operator')) {
    throw new BadInputError(`${where}: expected NAME viewer|operator HASH`);
  }
  try {
    checkHash(hash);
  } catch (cause) {
    throw new BadInputError(`${where}: ${describeError(cause)}`, { cause });
  }
  return [{ name, role, hash }];
}

/** Compares two secrets without telling by the time how far they are alike. */
export function isSameText(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

function remember<V>(map: Map<string, V>, key: string, value: V, limit: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > limit) map.delete(map.keys().next().value as string);
}
