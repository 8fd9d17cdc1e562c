import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readHdfsSettings, readTlsMaterial } from '../../../../src/warehouse/files/hdfs-settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-hdfs-settings-'));
const file = join(folder, 'hdfs.yaml');

afterAll(() => rmSync(folder, { recursive: true }));

function read(yaml: string) {
  writeFileSync(file, yaml);
  return readHdfsSettings(file);
}

describe('the file of HDFS settings', () => {
  it('says no more than it has to', () => {
    expect(read('')).toEqual({ auth: { type: 'simple' }, tls: {}, create: {}, csrfHeader: 'X-XSRF-HEADER' });
  });

  it('takes permissions and sizes as Hadoop writes them', () => {
    const { create } = read('create: {permission: 0640, folderPermission: "1770", blockSize: 256m, replication: 2}');
    expect(create).toEqual({ permission: '640', folderPermission: '1770', blockSize: 268_435_456, replication: 2 });
    expect(read('create: {blockSize: 1048576}').create.blockSize).toBe(1_048_576);
  });

  it.each([
    ['auth: {type: ntlm}', 'auth'],
    ['auth: {type: kerberos, keytab: /a}', 'principal and keytab go together'],
    ['auth: {type: basic, user: etl}', 'auth.passwordFile'],
    ['auth: {type: basic, user: etl, password: secret, passwordFile: x}', 'password'],
    ['tls: {cert: a.pem}', 'cert and key go together'],
    ['create: {permission: rw-r-----}', 'create.permission: expected octal digits'],
    ['create: {permission: 999}', 'create.permission'],
    ['create: {blockSize: 1 TB}', 'create.blockSize'],
    ['create: {umask: 022}', 'umask'],
    ['csrfHeader: "a: b"', 'csrfHeader'],
    ['[', 'HDFS settings'],
  ])('refuses "%s" and names the key', (yaml, message) => {
    expect(() => read(yaml)).toThrow(message);
    expect(() => read(yaml)).toThrow(expect.objectContaining({ code: 'bad-input' }));
    expect(() => read(yaml)).not.toThrow('secret');
  });

  it('names the file of a key or certificate that cannot be read', () => {
    expect(() => readTlsMaterial({ ca: join(folder, 'none.pem') })).toThrow('none.pem');
    expect(() => readHdfsSettings(join(folder, 'none.yaml'))).toThrow('none.yaml');
  });
});
