import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Logger, silentLogger } from '../../src/shared/index.ts';
import { createUnique, openWarehouse, type WarehouseFiles } from '../../src/warehouse/index.ts';
import { type PeerHdfs, startHdfs, waitFor } from '../support/peers.ts';
import { bytes, describeWarehouseFiles, failure } from '../support/warehouse-files-contract.ts';

let hdfs: PeerHdfs;
const opened: WarehouseFiles[] = [];

beforeAll(async () => {
  hdfs = await startHdfs({
    dataNodes: 2,
    properties: { 'dfs.heartbeat.interval': '1', 'dfs.namenode.heartbeat.recheck-interval': '2000' },
  });
});

afterAll(async () => {
  await Promise.all(opened.map((files) => files.close()));
  await hdfs?.stop();
});

let warehouseCount = 0;

/** A client of an empty warehouse. */
async function open(options: { path?: string; user?: string; logger?: Logger } = {}): Promise<WarehouseFiles> {
  const { path = `/wh${++warehouseCount}`, user = 'root', logger = silentLogger } = options;
  const retry = { firstDelayMs: 100, maxDelayMs: 1_000 };
  const files = await openWarehouse(hdfs.url(path), { user, logger, retry });
  opened.push(files);
  return files;
}

describeWarehouseFiles('HDFS', open);

describe('HDFS', () => {
  it('holds what another client, not ours, finds and reads', async () => {
    const files = await open({ path: '/independent' });
    const content = Buffer.alloc(5_000_000, 'sluice');
    await files.create('/t/dt=2026-11-21/part+a+0', { bytes: content });
    await files.create('/t/_sluice/1.json', bytes('{}'));
    expect(await otherClientList('/independent/t')).toEqual(['_sluice DIRECTORY 0', 'dt=2026-11-21 DIRECTORY 0']);
    expect(await otherClientList('/independent/t/dt=2026-11-21')).toEqual([`part+a+0 FILE ${content.length}`]);
    expect((await otherClientRead('/independent/t/dt=2026-11-21/part+a+0')).equals(content)).toBe(true);
    expect(await hdfs.fsck('/independent')).toContain('is HEALTHY');
  });

  it('gives each of five numbers to exactly one of 40 racing clients of their own connections', async () => {
    const clients = await Promise.all(Array.from({ length: 40 }, () => open({ path: '/race' })));
    await clients[0]!.mkdirs('/chain');
    for (let n = 0; n < 5; n++) {
      const paths = clients.map((_, i) => `/tmp/${n}-${i}`);
      await Promise.all(clients.map((files, i) => files.create(paths[i]!, bytes(paths[i]!))));
      const outcomes = await Promise.all(clients.map((files, i) => files.publishIfAbsent(paths[i]!, `/chain/${n}`)));
      const winners = paths.filter((_, i) => outcomes[i] === 'published');
      expect(winners).toEqual([(await clients[0]!.read(`/chain/${n}`)).toString()]);
    }
    expect(await clients[0]!.list('/chain')).toHaveLength(5);
  });

  it('leaves a short file when a client dies in the middle of an upload, and its length shows it', async () => {
    const files = await open({ path: '/dying' });
    const size = 8_000_000;
    const script = fileURLToPath(new URL('../support/half-upload.mjs', import.meta.url));
    const client = spawn(process.execPath, [script, hdfs.nameNodes[0]!.http, '/dying/t/a', String(size)]);
    await once(client.stdout, 'data');
    await new Promise((resolve) => setTimeout(resolve, 500)); // the last bytes are on their way to the DataNode
    client.kill('SIGKILL');
    await waitFor('the DataNode to close the file', 20_000, async () => (await files.stat('/t/a'))!.size > 0);
    const found = await files.stat('/t/a');
    expect(found!.size).toBeGreaterThan(0);
    expect(found!.size).toBeLessThan(size);
    expect(await failure(files.create('/t/a', bytes('again')))).toBe('already-exists');
  });

  it('names quotas and missing rights', async () => {
    const files = await open({ path: '/limits' });
    await files.mkdirs('/names');
    await hdfs.dfsadmin('-setQuota', '1', '/limits/names');
    expect(await failure(files.create('/names/a', bytes('x')))).toBe('quota-exceeded');
    expect(await failure(files.mkdirs('/names/a'))).toBe('quota-exceeded');
    await files.mkdirs('/space');
    await hdfs.dfsadmin('-setSpaceQuota', '1m', '/limits/space');
    expect(await failure(files.create('/space/a', bytes('x')))).toBe('quota-exceeded');
    const message = 'Permission denied: user=alice, access=WRITE';
    await expect(open({ path: '/limits/alice', user: 'alice' })).rejects.toThrow(message);
    await expect(open({ path: '/limits', user: 'alice' })).rejects.toThrow('Permission denied: user=alice');
    const reader = await openWarehouse(hdfs.url('/limits'), { user: 'alice', access: 'read' });
    opened.push(reader);
    expect(await failure(reader.create('/a', bytes('x')))).toBe('permission-denied');
    await expect(openWarehouse(hdfs.url('/none'), { access: 'read' })).rejects.toThrow('there is no such folder');
  });

  it('goes on by itself when the NameNode is killed and started again in the middle of work', async () => {
    const files = await open({ path: '/restart' });
    const working = writeChain(files, 60);
    working.catch(() => {}); // awaited below
    await waitFor('some of the chain', 30_000, async () => (await files.list('/chain')).length >= 10);
    await hdfs.kill('nn1');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await hdfs.start('nn1');
    expect(await working).toEqual(numbers(60));
    await expectChain(files, 60);
  });

  it('waits out a safe mode, and completes when it ends', async () => {
    const events: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (_, event) => void events.push(event) };
    const files = await open({ path: '/safe-mode', logger });
    await hdfs.dfsadmin('-safemode', 'enter');
    const working = writeChain(files, 3);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(await files.list('/chain')).toEqual([]); // reading goes on
    await hdfs.dfsadmin('-safemode', 'leave');
    expect(await working).toEqual(numbers(3));
    await expectChain(files, 3);
    expect(events).toContain('SafeModeMet');
  });

  it('uploads under another name when the DataNode dies that takes it; what counts is there after a restart of the NameNode', async () => {
    const files = await open({ path: '/datanode' });
    const content = Buffer.alloc(64_000_000, 'large file');
    const paths: string[] = [];
    let isUploading = true;
    // Small files, of which one or the other is just being closed when a DataNode dies.
    const small = Array.from({ length: 4 }, async () => {
      while (isUploading) paths.push(await createUnique(files, '/small', bytes('all of it')));
    });
    for (const dataNode of ['dn0', 'dn1']) {
      const uploading = Promise.all(Array.from({ length: 3 }, () => createUnique(files, '/t', { bytes: content })));
      await new Promise((resolve) => setTimeout(resolve, 150));
      await hdfs.kill(dataNode);
      for (const path of await uploading) expect((await files.read(path)).equals(content)).toBe(true);
      await hdfs.start(dataNode);
      await hdfs.waitUntilReady();
    }
    isUploading = false;
    await Promise.all(small);
    await hdfs.kill('nn1');
    await hdfs.start('nn1');
    await hdfs.waitUntilReady();
    const sizes = new Map((await files.list('/small')).map(({ name, size }) => [`/small/${name}`, size]));
    expect(paths.filter((path) => sizes.get(path) !== 'all of it'.length)).toEqual([]);
    expect(paths.length).toBeGreaterThan(0);
  });
});

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

/** What the loader does all day: a file under a unique name, then its publication as the next number. Gives what was ours. */
async function writeChain(files: WarehouseFiles, count: number): Promise<number[]> {
  const won: number[] = [];
  await files.mkdirs('/chain');
  for (let n = 0; n < count; n++) {
    const temporary = await createUnique(files, '/tmp', bytes(`record ${n}`));
    if ((await files.publishIfAbsent(temporary, `/chain/${n}`)) === 'published') won.push(n);
  }
  return won;
}

async function expectChain(files: WarehouseFiles, count: number): Promise<void> {
  expect(await files.list('/chain')).toHaveLength(count);
  for (let n = 0; n < count; n++) expect((await files.read(`/chain/${n}`)).toString()).toBe(`record ${n}`);
}

// ---- the npm package webhdfs: an independent client ----

interface OtherClient {
  readdir(path: string, done: (error: Error | null, files?: OtherStatus[]) => void): void;
  createReadStream(path: string): NodeJS.ReadableStream;
}

interface OtherStatus {
  pathSuffix: string;
  type: string;
  length: number;
}

function otherClient(): OtherClient {
  const [host, port] = hdfs.nameNodes[0]!.http.split(':');
  const webhdfs = createRequire(import.meta.url)('webhdfs') as { createClient(options: object): OtherClient };
  return webhdfs.createClient({ user: 'root', host, port: Number(port), path: '/webhdfs/v1' });
}

async function otherClientList(path: string): Promise<string[]> {
  const found = await new Promise<OtherStatus[]>((resolve, reject) => {
    otherClient().readdir(path, (error, files) => (error ? reject(error) : resolve(files ?? [])));
  });
  return found.map(({ pathSuffix, type, length }) => `${pathSuffix} ${type} ${length}`);
}

async function otherClientRead(path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const stream = otherClient().createReadStream(path);
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(stream, 'finish');
  return Buffer.concat(chunks);
}
