import { BadInputError } from './errors.ts';

/** Reads `redis://[[user]:password@]host[:port][/db]`, or `rediss://` for TLS. Throws BadInputError, which does not show the password. */
export function parseRedisUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url && /^rediss?:$/.test(url.protocol) && url.hostname !== '' && /^\/?\d*$/.test(url.pathname)) return url;
  throw new BadInputError(`expected a Redis URL like redis://127.0.0.1:6379/0, got "${withoutPassword(text)}"`);
}

/** A URL as it may be shown, whatever the password is made of. */
export function withoutPassword(url: string): string {
  return url.replace(/\/\/.*@/, '//***@');
}
