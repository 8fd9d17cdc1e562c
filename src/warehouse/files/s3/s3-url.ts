import { BadInputError } from '../../../shared/index.ts';

/** A warehouse in a bucket of S3 or of a store that speaks its protocol. */
export interface S3Address {
  kind: 's3';
  /** As the user named it: holds no secret. */
  url: string;
  bucket: string;
  /** Prefix of all keys without slashes around it; '' is the whole bucket. */
  prefix: string;
  /** Where the store is; null: what the environment says, else AWS. */
  endpoint: string | null;
  region: string | null;
  /** Whether the bucket stands in the path or in the host name; null: in the path, except for AWS itself. */
  style: 'path' | 'virtual' | null;
}

const example = 's3://bucket/warehouse?endpoint=https://minio.example.com:9000&region=eu-central-1';
const options = ['endpoint', 'region', 'style'];

/** Understands `s3://BUCKET[/PREFIX][?endpoint=URL&region=NAME&style=path|virtual]`. Throws BadInputError. */
export function parseS3Url(url: string): S3Address {
  const [, authority, path, query] = /^s3:\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?$/i.exec(url) ?? [];
  if (authority === undefined || path === undefined) throw badUrl(url, `a URL such as ${example}`);
  if (authority.includes('@')) {
    const expected =
      'no credentials in the URL: they come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile';
    throw badUrl(url.replace(/\/\/[^@/]*@/, '//***@'), expected);
  }
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/i.test(authority))
    throw badUrl(url, `the name of a bucket, such as ${example}`);
  return { kind: 's3', url, bucket: authority, prefix: parsePrefix(url, path), ...parseOptions(url, query ?? '') };
}

function parsePrefix(url: string, path: string): string {
  let prefix: string;
  try {
    prefix = decodeURIComponent(path).replace(/^\/|\/+$/g, '');
  } catch (cause) {
    throw badUrl(url, 'a path in which % is followed by two hex digits', cause);
  }
  const isOdd = (name: string): boolean => name === '' || name === '.' || name === '..';
  if (prefix !== '' && prefix.split('/').some(isOdd))
    throw badUrl(url, 'a path without empty, "." and ".." components');
  return prefix;
}

function parseOptions(url: string, query: string): Pick<S3Address, 'endpoint' | 'region' | 'style'> {
  const given = new URLSearchParams(query);
  const unknown = [...given.keys()].find((name) => !options.includes(name));
  if (unknown !== undefined) throw badUrl(url, `only the options ${options.join(', ')} (got "${unknown}")`);
  const [endpoint, region, style] = options.map((name) => given.get(name));
  if (style && style !== 'path' && style !== 'virtual') throw badUrl(url, 'style=path or style=virtual');
  return {
    endpoint: endpoint ? checkEndpoint(endpoint) : null,
    region: region || null,
    style: (style || null) as S3Address['style'],
  };
}

/** Checks `https://HOST[:PORT]`; gives it back. */
export function checkEndpoint(endpoint: string): string {
  const expected = 'an endpoint such as https://minio.example.com:9000, without path and credentials';
  if (!URL.canParse(endpoint)) throw badUrl(endpoint, expected);
  const { protocol, pathname, username, password, search } = new URL(endpoint);
  const isPlain = pathname === '/' && username === '' && password === '' && search === '';
  if ((protocol === 'http:' || protocol === 'https:') && isPlain) return endpoint;
  throw badUrl(endpoint.replace(/\/\/[^@/]*@/, '//***@'), expected);
}

function badUrl(url: string, expected: string, cause?: unknown): BadInputError {
  return new BadInputError(`warehouse URL: expected ${expected}; got "${url}"`, cause === undefined ? {} : { cause });
}
