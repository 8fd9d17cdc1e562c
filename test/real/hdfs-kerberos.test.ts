// Promise: on a Kerberised HDFS everything works as on any other, with a keytab, the user's own tickets or a command of the
// user; delegation tokens that end, a KDC that is away and a failover are nothing that a load loses a record by.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWarehouse, type WarehouseFiles } from '../../src/warehouse/index.ts';
import { waitFor } from '../support/peers.ts';
import { bytes, describeWarehouseFiles } from '../support/warehouse-files-contract.ts';
import { WarehouseLab } from '../support/warehouse-lab.ts';

const principal = 'alice@PEERS.TEST';
const properties = {
  'dfs.namenode.delegation.token.max-lifetime': '30000',
  'dfs.namenode.delegation.token.renew-interval': '10000',
  'hadoop.proxyuser.alice.hosts': '*',
  'hadoop.proxyuser.alice.groups': '*',
};

let lab: WarehouseLab;
let folder: string;
const opened: WarehouseFiles[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-kerberos-'));
  lab = await WarehouseLab.open({ hdfs: { kerberos: true, ha: true, httpfs: true, properties } });
  process.env['KRB5_CONFIG'] = join(lab.hdfs.dataDir, 'krb5.conf');
  process.env['KRB5CCNAME'] = join(folder, 'no-tickets');
  for (const path of ['/warehouse', '/alice']) {
    await lab.hdfs.dfs('-mkdir', path);
    await lab.hdfs.dfs('-chown', 'alice', path);
  }
});

afterAll(async () => {
  await Promise.all(opened.map((files) => files.close()));
  delete process.env['SLUICE_HDFS_CONFIG'];
  await lab?.close();
  delete process.env['KRB5_CONFIG'];
  delete process.env['KRB5CCNAME'];
  rmSync(folder, { recursive: true, force: true });
});

let settingsCount = 0;

/** A settings file with this `auth` section. */
function settings(auth: object, more: object = {}): string {
  const path = join(folder, `hdfs-${++settingsCount}.yaml`);
  writeFileSync(path, JSON.stringify({ auth: { type: 'kerberos', ...auth }, ...more }));
  return path;
}

function keytab(): { principal: string; keytab: string } {
  return { principal, keytab: join(lab.hdfs.dataDir, 'alice.keytab') };
}

async function open(hdfsConfig: string, url = lab.hdfs.url('/alice/wh')): Promise<WarehouseFiles> {
  const retry = { firstDelayMs: 100, maxDelayMs: 1_000 };
  const files = await openWarehouse(url, { hdfsConfig, retry });
  opened.push(files);
  return files;
}

let warehouseCount = 0;
const fresh = () => `/alice/wh${++warehouseCount}`;
describeWarehouseFiles('Kerberised HDFS', () => open(settings(keytab()), lab.hdfs.url(fresh())));
describeWarehouseFiles('Kerberised HttpFS', () => open(settings(keytab()), `httpfs://${lab.hdfs.httpFs}${fresh()}`));

describe('Kerberised HDFS', () => {
  it('loads through tokens that end every 30 s, a failover and a KDC that is away, and loses nothing', async () => {
    process.env['SLUICE_HDFS_CONFIG'] = settings(keytab());
    await lab.createTopic('logins', 4);
    const producer = lab.produce('logins', await lab.events(60_000), 300);
    const load = lab.startLoad('logins', [
      '--workers',
      '2',
      '--time-field',
      'ts',
      '--roll-age',
      '1s',
      '--log-level',
      'info',
    ]);
    await lab.untilCommittedSince('logins', load);
    await lab.hdfs.haadmin('-failover', 'nn1', 'nn2');
    await lab.untilCommittedSince('logins', load);
    await lab.hdfs.kill('kdc');
    await new Promise((resolve) => setTimeout(resolve, 15_000)); // no token lives that long without a renewal
    await lab.hdfs.start('kdc');
    await lab.untilCommittedSince('logins', load);
    // The preflight has one, each worker its first; then they get further ones.
    const tokens = (): number => load.stderr.match(/"msg":"DelegationToken"/g)?.length ?? 0;
    await waitFor('further tokens', 90_000, () => tokens() >= 7);
    await lab.untilCommittedSince('logins', load);
    const records = await producer.stop();
    await lab.untilCaughtUp('logins', load);
    expect((await load.stop()).code, load.stderr).toBe(0);
    expect(await lab.problems('logins', records)).toEqual([]);
  });

  it('lives on the signed cookie alone, and proves itself anew when that is not taken', async () => {
    const proofs = join(folder, 'proofs');
    const source = fileURLToPath(new URL('../support/SpnegoToken.java', import.meta.url));
    const java = `echo proof >> ${proofs}; exec java -Djava.security.krb5.conf=$KRB5_CONFIG ${source} ${principal} ${keytab().keytab} $0`;
    const command = ['sh', '-c', java, '{host}'];
    const files = await open(settings({ command, delegationTokens: false }));
    for (let n = 0; n < 5; n++) {
      await files.create(`/cookie/${n}`, bytes('x'));
      expect((await files.read(`/cookie/${n}`)).toString()).toBe('x');
    }
    expect(readFileSync(proofs, 'utf8').split('\n').length - 1).toBeLessThanOrEqual(2); // one for each NameNode asked
  });

  it('takes the tickets that the user has', async () => {
    const cache = join(folder, 'tickets');
    execFileSync('kinit', ['-c', cache, '-kt', keytab().keytab, principal]);
    process.env['KRB5CCNAME'] = cache;
    try {
      const files = await open(settings({}));
      await files.create('/tickets/a', bytes('x'));
      expect(await lab.hdfs.dfs('-stat', '%u', '/alice/wh/tickets/a')).toContain('alice');
    } finally {
      process.env['KRB5CCNAME'] = join(folder, 'no-tickets');
    }
  });

  it('acts on behalf of another user', async () => {
    await lab.hdfs.dfs('-mkdir', '/bob');
    await lab.hdfs.dfs('-chown', 'bob', '/bob');
    const files = await open(settings(keytab(), { doAs: 'bob' }), lab.hdfs.url('/bob/wh'));
    await files.create('/a', bytes('x'));
    expect(await lab.hdfs.dfs('-stat', '%u', '/bob/wh/a')).toContain('bob');
  });

  it('says in one line what is wrong with the keytab, the tickets or the lack of them', async () => {
    const bob = settings({ ...keytab(), principal: 'bob@PEERS.TEST' });
    await expect(open(bob)).rejects.toThrow(/kinit of bob@PEERS.TEST .* contains no suitable keys/);
    await expect(open(settings({}))).rejects.toThrow(/curl --negotiate for HTTP@localhost: .*"klist"/);
    const simple = join(folder, 'simple.yaml');
    writeFileSync(simple, '');
    await expect(open(simple)).rejects.toThrow('does not accept who we are (HTTP 401');
    for (const file of [bob, simple]) await expect(open(file)).rejects.toMatchObject({ code: 'bad-input' });
  });

  it('leaves no ticket behind, and cancels its token', async () => {
    const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith('sluice-krb-')).length;
    const before = folders();
    const files = await openWarehouse(lab.hdfs.url('/alice/wh'), { hdfsConfig: settings(keytab()) });
    await files.stat('/');
    expect(folders()).toBe(before + 1);
    await files.close();
    expect(folders()).toBe(before);
    const logs = ['nn1', 'nn2'].map((name) => readFileSync(join(lab.hdfs.dataDir, `${name}.log`), 'utf8'));
    expect(logs.join('')).toContain('Token cancellation requested for identifier');
  });
});
