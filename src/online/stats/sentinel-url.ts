import { BadInputError, withoutPassword } from '../../shared/index.ts';

/** Who knows where the primary is, and how to be let in there; in the words of ioredis. */
export interface SentinelSettings {
  sentinels: { host: string; port: number }[];
  /** Under which the sentinels watch the primary. */
  name: string;
  db: number;
  username?: string;
  password?: string;
}

const whole = /^redis\+sentinel:\/\/(?:([^:@/]*):([^@/]*)@)?([^@/]+)\/([^/?#]+)(?:\/(\d+))?$/;

/**
 * Reads `redis+sentinel://[[user]:password@]host[:port][,host[:port]...]/name[/db]`; user and password, percent-encoded, are those of the
 * primary. Null for a URL of another kind. Throws BadInputError, which does not show the password.
 */
export function parseSentinelUrl(text: string): SentinelSettings | null {
  if (!/^[a-z]+\+sentinel:/i.test(text)) return null;
  const [, username, password, hosts = '', name, db = '0'] = whole.exec(text) ?? [];
  const sentinels = hosts.split(',').map(hostAndPort);
  if (name === undefined || sentinels.includes(null))
    throw new BadInputError(
      `expected a URL of sentinels like redis+sentinel://10.0.0.1:26379,10.0.0.2:26379/NAME/0, with the NAME that they watch the primary under; got "${withoutPassword(text)}"`,
    );
  return {
    sentinels: sentinels.filter((one) => one !== null),
    name: decodeURIComponent(name),
    db: Number(db),
    ...(username ? { username: decodeURIComponent(username) } : {}),
    ...(password ? { password: decodeURIComponent(password) } : {}),
  };
}

function hostAndPort(text: string): { host: string; port: number } | null {
  const [, ipv6, host = ipv6, port = '26379'] = /^(?:\[([^\]]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  return host === undefined || Number(port) > 65_535 ? null : { host, port: Number(port) };
}
