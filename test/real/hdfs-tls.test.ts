// Promise: HDFS over TLS, also behind a gateway, is as good a warehouse as any; who is not trusted is refused in one line; what we
// create has the rights that were asked for; a quota or the edge of an encryption zone is named, and a load waits for space.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWarehouse, type WarehouseFiles } from '../../src/warehouse/index.ts';
import { waitFor } from '../support/peers.ts';
import { runSluice } from '../support/sluice-process.ts';
import { bytes, describeWarehouseFiles, failure } from '../support/warehouse-files-contract.ts';
import { WarehouseLab } from '../support/warehouse-lab.ts';
import { WebHdfsGateway } from '../support/webhdfs-gateway.ts';

let lab: WarehouseLab;
let gateway: WebHdfsGateway;
let folder: string;
const opened: WarehouseFiles[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-tls-'));
  const properties = {
    'hadoop.proxyuser.knox.hosts': '*',
    'hadoop.proxyuser.knox.groups': '*',
    'hadoop.security.key.provider.path': `jceks://file${folder}/keys.jceks`,
    'dfs.webhdfs.rest-csrf.enabled': 'true',
  };
  lab = await WarehouseLab.open({ hdfs: { tls: true, properties } });
  await lab.hdfs.dfs('-chmod', '777', '/');
  gateway = await WebHdfsGateway.start({ tlsFolder: tls(''), nameNode: lab.hdfs.nameNodes[0]!.http });
});

afterAll(async () => {
  await Promise.all(opened.map((files) => files.close()));
  await gateway?.stop();
  delete process.env['SLUICE_HDFS_CONFIG'];
  await lab?.close();
  rmSync(folder, { recursive: true, force: true });
});

function tls(name: string): string {
  return join(lab.hdfs.dataDir, 'tls', name);
}

let settingsCount = 0;

function settings(content: object): string {
  const path = join(folder, `hdfs-${++settingsCount}.yaml`);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

function trusted(more: object = {}): string {
  return settings({ tls: { ca: tls('ca.pem'), cert: tls('client.pem'), key: tls('client.key') }, ...more });
}

async function open(hdfsConfig: string, url: string): Promise<WarehouseFiles> {
  const retry = { firstDelayMs: 100, maxDelayMs: 1_000 };
  const files = await openWarehouse(url, { hdfsConfig, retry, user: 'root' });
  opened.push(files);
  return files;
}

function throughGateway(): string {
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, 'secret word\n');
  return settings({ tls: { ca: tls('ca.pem') }, auth: { type: 'basic', user: 'etl', passwordFile } });
}

let warehouseCount = 0;
const fresh = () => `/wh${++warehouseCount}`;
describeWarehouseFiles('HDFS over TLS', () => open(trusted(), lab.hdfs.url(fresh())));
describeWarehouseFiles('HDFS behind a gateway', () => open(throughGateway(), gateway.url(fresh())));

describe('HDFS over TLS', () => {
  it('refuses in one line a server that it cannot trust, and says when it is not trusted itself', async () => {
    const url = lab.hdfs.url('/trust');
    const own = { cert: tls('client.pem'), key: tls('client.key') };
    await expect(open(settings({ tls: own }), url)).rejects.toThrow('unable to verify the first certificate');
    const other = settings({ tls: { ...own, ca: tls('other-ca.pem') } });
    await expect(open(other, url)).rejects.toThrow(/certificate.*see "tls" in the HDFS settings/);
    await expect(open(settings({ tls: { ca: tls('ca.pem') } }), url)).rejects.toThrow(/alert.*our own certificate/);
    await expect(open(trusted(), url.replace('localhost', '127.0.0.1'))).rejects.toThrow('does not match certificate');
    for (const file of [other, settings({ tls: { ca: join(folder, 'none') } })]) {
      await expect(open(file, url)).rejects.toMatchObject({ code: 'bad-input' });
    }
  });

  it('gives files and folders the rights, owner, replicas and block size that are asked for', async () => {
    const create = { permission: '640', folderPermission: '0750', owner: 'etl', group: 'data', replication: 2 };
    const files = await open(trusted({ create: { ...create, blockSize: '2m' } }), lab.hdfs.url('/settled'));
    await files.create('/t/dt=2026-11-21/a', bytes('x'));
    await files.mkdirs('/t/dt=2026-11-22');
    await files.publishIfAbsent('/t/dt=2026-11-21/a', '/t/dt=2026-11-22/b');
    const seen = await lab.hdfs.dfs('-stat', '%n %a %u %g %r %o', '/settled/t', '/settled/t/dt=2026-11-22/b');
    expect(seen.trim().split('\n')).toEqual(['t 750 etl data 0 0', 'b 640 etl data 2 2097152']);
  });

  it('passes the selftest with them, and says before it when the cluster does not let us', async () => {
    const good = trusted({ create: { permission: '640' } });
    const run = (file: string, user: string) =>
      runSluice(['selftest', '--warehouse', lab.hdfs.url('/tested'), '--hdfs-config', file, '--user', user, '--json']);
    const { code, stdout, stderr } = await run(good, 'root');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { checks } = JSON.parse(stdout) as { checks: { name: string; verdict: string; found: string }[] };
    expect(checks.filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
    expect(checks.find(({ name }) => name === 'permissions')?.found).toContain('file 640 root:');
    expect(await lab.hdfs.dfs('-ls', '/')).not.toContain('/tested');
    const bad = await run(trusted({ create: { owner: 'somebody' } }), 'alice'); // only the super-user gives files away
    expect(bad.code).toBe(2);
    expect(bad.stderr).toMatch(/cannot be written to: SETOWNER .*AccessControlException/);
  });

  it('shows a gateway the password once, then its cookie, and the password again when that has ended', async () => {
    const before = { ...gateway.seen };
    const files = await open(throughGateway(), gateway.url('/session'));
    for (let n = 0; n < 5; n++) await files.create(`/${n}`, bytes('x'));
    expect(gateway.seen.passwords - before.passwords).toBe(1);
    expect(gateway.seen.cookies - before.cookies).toBeGreaterThan(5);
    gateway.forgetSessions();
    for (let n = 0; n < 5; n++) expect((await files.read(`/${n}`)).toString()).toBe('x');
    expect(gateway.seen.passwords - before.passwords).toBe(2);
    expect(await lab.hdfs.dfs('-stat', '%u', '/session/0')).toContain('etl');
  });

  it('follows a gateway nowhere else, where a redirect would lead to with our password', async () => {
    const files = await open(throughGateway(), gateway.url('/stray'));
    gateway.isRewriting = false;
    try {
      await expect(files.create('/a', bytes('x'))).rejects.toThrow('which has to rewrite redirects to DataNodes');
    } finally {
      gateway.isRewriting = true;
    }
  });

  it('names the edge of an encryption zone', async () => {
    await lab.hdfs.key('create', 'zone-key', '-size', '128');
    await lab.hdfs.dfs('-mkdir', '-p', '/zoned/inside');
    await lab.hdfs.kill('nn1'); // it reads its keys when it starts
    await lab.hdfs.start('nn1');
    const isReady = () =>
      lab.hdfs.dfsadmin('-safemode', 'get').then(
        (text) => text.includes('OFF'),
        () => false,
      );
    await waitFor('the NameNode', 120_000, isReady);
    await lab.hdfs.crypto('-createZone', '-keyName', 'zone-key', '-path', '/zoned/inside');
    const files = await open(trusted(), lab.hdfs.url('/zoned'));
    await files.create('/outside/a', bytes('x'));
    expect(await failure(files.publishIfAbsent('/outside/a', '/inside/a'))).toBe('unsupported');
    await expect(files.publishIfAbsent('/outside/a', '/inside/a')).rejects.toThrow('make the whole warehouse one');
    await files.create('/inside/b', bytes('secret'));
    expect(await files.publishIfAbsent('/inside/b', '/inside/c')).toBe('published');
    expect((await files.read('/inside/c')).toString()).toBe('secret');
  });

  it('waits with the reason while a quota is used up, and goes on when there is space again', async () => {
    process.env['SLUICE_HDFS_CONFIG'] = trusted();
    await lab.createTopic('quota', 2);
    const producer = lab.produce('quota', await lab.events(100_000), 1_000);
    const load = lab.startLoad('quota', [
      '--user',
      'root',
      '--time-field',
      'ts',
      '--roll-age',
      '1s',
      '--log-level',
      'warn',
    ]);
    await lab.untilCommittedSince('quota', load);
    for (const [set, clear, limit, reason] of [
      ['-setQuota', '-clrQuota', '1', /NSQuotaExceeded|exceeded: quota=1 /],
      ['-setSpaceQuota', '-clrSpaceQuota', '1m', /DSQuotaExceeded|DiskSpace quota/],
    ] as const) {
      const said = load.stderr.length;
      await lab.hdfs.dfsadmin(set, limit, '/warehouse/quota');
      await waitFor('the load to name the quota', 60_000, () => reason.test(load.stderr.slice(said)));
      await lab.hdfs.dfsadmin(clear, '/warehouse/quota');
      await lab.untilCommittedSince('quota', load);
    }
    const records = await producer.stop();
    await lab.untilCaughtUp('quota', load);
    expect((await load.stop()).code, load.stderr).toBe(0);
    expect(await lab.problems('quota', records)).toEqual([]);
  });
});
