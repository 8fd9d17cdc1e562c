import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { BadInputError } from '../../../shared/index.ts';

export interface S3Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  /** Of credentials that end. */
  sessionToken?: string;
}

type Environment = Record<string, string | undefined>;

/**
 * From the environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`), else from the profile `AWS_PROFILE` (`default`) in the
 * shared credentials file (`AWS_SHARED_CREDENTIALS_FILE`, `~/.aws/credentials`), as AWS's own tools do. The file is read anew
 * with each call, so credentials that end can be replaced under a running load. Throws BadInputError.
 */
export function readCredentials(environment: Environment = process.env): S3Credentials {
  const { AWS_ACCESS_KEY_ID: key, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: token } = environment;
  if (key && secret) return credentials(key, secret, token);
  if (key || secret)
    throw new BadInputError('expected both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, got one of them');
  const path =
    environment['AWS_SHARED_CREDENTIALS_FILE'] ?? join(environment['HOME'] ?? homedir(), '.aws', 'credentials');
  const profile = environment['AWS_PROFILE'] ?? 'default';
  const settings = profileIn(readText(path), profile);
  const [fileKey, fileSecret] = [settings.get('aws_access_key_id'), settings.get('aws_secret_access_key')];
  if (fileKey && fileSecret) return credentials(fileKey, fileSecret, settings.get('aws_session_token'));
  throw new BadInputError(
    `expected AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, or a profile "${profile}" with both keys in ${path}`,
  );
}

function credentials(accessKeyId: string, secretAccessKey: string, token: string | undefined): S3Credentials {
  return { accessKeyId, secretAccessKey, ...(token && { sessionToken: token }) };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return '';
    throw new BadInputError(`credentials file: ${(error as Error).message}`, { cause: error });
  }
}

/** The settings of one `[profile]` of an INI file. */
function profileIn(text: string, profile: string): Map<string, string> {
  const settings = new Map<string, string>();
  let isOurs = false;
  for (const line of text.split(/\r?\n/)) {
    const section = /^\s*\[\s*(?:profile\s+)?(.+?)\s*\]/.exec(line);
    if (section) isOurs = section[1] === profile;
    const [, name, value] = /^\s*([a-z_]+)\s*=\s*(\S*)\s*$/.exec(line) ?? [];
    if (isOurs && name !== undefined) settings.set(name, value ?? '');
  }
  return settings;
}
