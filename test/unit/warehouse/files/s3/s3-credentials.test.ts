import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCredentials } from '../../../../../src/warehouse/files/s3/s3-credentials.ts';

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-s3-credentials-'));
  file = join(folder, 'credentials');
  const profiles = ['[default]', 'aws_access_key_id = A', 'aws_secret_access_key=s+/=', '', '[ lake ]', '# a comment'];
  const lake = [
    'aws_access_key_id=B',
    'aws_secret_access_key=t',
    'aws_session_token=u',
    '[half]',
    'aws_access_key_id=C',
  ];
  writeFileSync(file, [...profiles, ...lake].join('\r\n'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('readCredentials', () => {
  it('takes those of the environment before those of a file', () => {
    const environment = { AWS_ACCESS_KEY_ID: 'E', AWS_SECRET_ACCESS_KEY: 'f', AWS_SHARED_CREDENTIALS_FILE: file };
    expect(readCredentials(environment)).toEqual({ accessKeyId: 'E', secretAccessKey: 'f' });
    const ending = { ...environment, AWS_SESSION_TOKEN: 'g' };
    expect(readCredentials(ending)).toEqual({ accessKeyId: 'E', secretAccessKey: 'f', sessionToken: 'g' });
  });

  it('takes the profile that is named, else the default one', () => {
    const environment = { AWS_SHARED_CREDENTIALS_FILE: file };
    expect(readCredentials(environment)).toEqual({ accessKeyId: 'A', secretAccessKey: 's+/=' });
    const lake = { accessKeyId: 'B', secretAccessKey: 't', sessionToken: 'u' };
    expect(readCredentials({ ...environment, AWS_PROFILE: 'lake' })).toEqual(lake);
  });

  it.each([
    [{ AWS_ACCESS_KEY_ID: 'E' }, 'got one of them'],
    [{ AWS_PROFILE: 'half' }, 'a profile "half" with both keys'],
    [{ AWS_PROFILE: 'none' }, 'a profile "none" with both keys'],
    [{ AWS_SHARED_CREDENTIALS_FILE: '/nowhere/credentials' }, '/nowhere/credentials'],
  ])('says what is missing with %j', (environment, message) => {
    expect(() => readCredentials({ AWS_SHARED_CREDENTIALS_FILE: file, ...environment })).toThrow(message);
  });
});
