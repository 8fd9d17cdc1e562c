import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { BadInputError } from '../../shared/index.ts';

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

/** OWASP's figures for scrypt: 32 MB and some tens of milliseconds a try. */
const cost = { N: 2 ** 15, r: 8, p: 1 };
const keyBytes = 32;
const maxMemoryBytes = 64 * 1024 * 1024;
const minLength = 8;

/** `scrypt$N$r$p$salt$key`, salt and key in base64url: what is kept of a password or token. */
export async function hashPassword(password: string, salt: Buffer = randomBytes(16)): Promise<string> {
  if (password.length < minLength) throw new BadInputError(`expected a password of at least ${minLength} characters`);
  const key = await derive(password, salt, keyBytes, { ...cost, maxmem: maxMemoryBytes });
  return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64url'), key.toString('base64url')].join('$');
}

/** Throws BadInputError when the text is no hash of `hashPassword`, or asks for more memory than we give. */
export function checkHash(hash: string): void {
  parseHash(hash);
}

export async function isPassword(password: string, hash: string): Promise<boolean> {
  const { salt, key, ...parameters } = parseHash(hash);
  const found = await derive(password, salt, key.length, { ...parameters, maxmem: maxMemoryBytes });
  return timingSafeEqual(found, key);
}

function parseHash(hash: string): { N: number; r: number; p: number; salt: Buffer; key: Buffer } {
  const match = /^scrypt\$(\d{1,8})\$(\d{1,3})\$(\d{1,3})\$([\w-]{16,64})\$([\w-]{43})$/.exec(hash);
  const [N, r, p] = (match?.slice(1, 4) ?? []).map(Number) as [number, number, number];
  const isSound =
    match !== null && N >= 2 ** 14 && (N & (N - 1)) === 0 && r > 0 && p > 0 && 128 * N * r < maxMemoryBytes;
  if (!isSound) throw new BadInputError('expected a hash as "sluice console password" prints it');
  return { N, r, p, salt: Buffer.from(match[4]!, 'base64url'), key: Buffer.from(match[5]!, 'base64url') };
}
