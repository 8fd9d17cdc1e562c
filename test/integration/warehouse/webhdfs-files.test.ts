import { describe, expect, it } from 'vitest';
import { createUnique } from '../../../src/warehouse/index.ts';
import { bytes, describeWarehouseFiles, failure } from '../../support/warehouse-files-contract.ts';
import { connect, patient, recordingLogger, startServer } from './webhdfs-fixture.ts';

describeWarehouseFiles('WebHDFS', async () => connect(await startServer(), { timeouts: patient }));

describe('WebHdfsFiles without trouble', () => {
  it('lists a folder of many pages in byte order', async () => {
    const server = await startServer();
    server.listLimit = 7;
    const files = await connect(server);
    const names = Array.from({ length: 50 }, (_, i) => String.fromCodePoint(i % 2 ? 0xe000 + i : 0x1f600 + i));
    for (const name of names) server.tree.create(`/wh/big/${name}`);
    const sorted = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect((await files.list('/big')).map(({ name }) => name)).toEqual(sorted);
  });
});

describe('WebHdfsFiles with NameNodes in trouble', () => {
  it('finds the active NameNode and stays with it', async () => {
    const server = await startServer({ nameNodes: 3 });
    server.activeNameNode = 2;
    const files = await connect(server);
    await files.mkdirs('/a');
    const seen = server.requests.length;
    await files.mkdirs('/b');
    expect(server.requests.slice(seen).map(({ nameNode }) => nameNode)).toEqual([2]);
    server.activeNameNode = 0;
    await files.mkdirs('/c');
    expect(server.tree.get('/wh/c')?.type).toBe('DIRECTORY');
  });

  it.each(['standby', 'retriable', 'error-page', 'reset', 'lost-answer', 'stall', 'lost-stall', 'late'] as const)(
    'asks again after "%s", in every call',
    async (kind) => {
      const server = await startServer();
      const files = await connect(server);
      for (const op of ['MKDIRS', 'GETFILESTATUS', 'LISTSTATUS_BATCH', 'CREATE', 'OPEN', 'RENAME', 'DELETE']) {
        server.faults.plan({ kind, op, server: 'name-node', times: 2 });
      }
      await files.mkdirs('/t');
      await files.create('/t/a', bytes('content'));
      expect(await files.publishIfAbsent('/t/a', '/t/b')).toBe('published');
      expect((await files.list('/t')).map(({ name }) => name)).toEqual(['b']);
      expect((await files.read('/t/b')).toString()).toBe('content');
      expect(await files.delete('/t/b')).toBe(true);
      expect(await files.stat('/t/b')).toBeNull();
    },
  );

  it('waits out a safe mode without an upper bound, says so, and then completes', async () => {
    const server = await startServer();
    const logger = recordingLogger();
    const files = await connect(server, {
      ...{ logger, timeouts: patient },
      retry: { giveUpAfterMs: 50, alarmEveryMs: 60 },
    });
    server.isInSafeMode = true;
    const writing = files.create('/t/a', bytes('x')).then(() => files.publishIfAbsent('/t/a', '/t/b'));
    const alarms = (): string[] =>
      logger.entries.filter(([, event]) => event === 'SafeModeMet').map(([level]) => level);
    await expect.poll(() => alarms().length, { timeout: 60_000 }).toBeGreaterThan(2);
    expect(server.tree.files()).toEqual([]);
    expect(alarms().slice(0, 2)).toEqual(['warn', 'error']);
    server.isInSafeMode = false;
    expect(await writing).toBe('published');
  });

  it('stops waiting when the signal says so', async () => {
    const server = await startServer();
    const files = await connect(server);
    server.isInSafeMode = true;
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error('enough')), 50);
    await expect(files.mkdirs('/t', { signal: stop.signal })).rejects.toThrow('enough');
    server.faults.plan({ kind: 'stall', op: 'GETFILESTATUS' });
    await expect(files.stat('/t', { signal: AbortSignal.timeout(30) })).rejects.toThrow('aborted due to timeout');
  });

  it('gives up on servers that are gone, with what it saw last', async () => {
    const server = await startServer();
    const files = await connect(server, { timeouts: patient, retry: { giveUpAfterMs: 1_000 } });
    await server.stop();
    const call = files.stat('/t');
    await expect(call).rejects.toThrow(/GETFILESTATUS \/wh\/t: 127\.0\.0\.1:\d+: .*ECONNREFUSED.*tried for/);
    await expect(call).rejects.toMatchObject({ code: 'unavailable', isRetriable: true });
  });
});

describe('WebHdfsFiles with DataNodes in trouble', () => {
  it('counts no upload as done without its answer, however whole the file looks: it may never have been closed', async () => {
    const server = await startServer();
    const files = await connect(server);
    for (const kind of ['lost-answer', 'lost-stall'] as const) {
      server.faults.plan({ kind, server: 'data-node', op: 'CREATE' });
      expect(await failure(files.create(`/t/${kind}`, bytes('all of it')))).toBe('uncertain');
      expect(server.read(`/wh/t/${kind}`)?.toString()).toBe('all of it');
    }
    expect(server.requests.filter(({ server, op }) => server === 'data-node' && op === 'CREATE')).toHaveLength(2);
  });

  it.each(['cut', 'reset', 'stall', 'late'] as const)(
    'never uses a name again after an upload met "%s"',
    async (kind) => {
      const server = await startServer();
      const files = await connect(server);
      server.faults.plan({ kind, server: 'data-node', op: 'CREATE', atByte: 4 });
      expect(await failure(files.create('/t/a', bytes('truncated')))).toBe('uncertain');
      await server.settled();
      const left = { cut: 'trun', reset: undefined, stall: undefined, late: '' }[kind];
      expect(server.read('/wh/t/a')?.toString()).toBe(left);
      expect(server.requests.filter(({ server, op }) => server === 'data-node' && op === 'CREATE')).toHaveLength(1);
    },
  );

  it('leaves exactly one whole file under a unique name, whatever happens to the uploads', async () => {
    const server = await startServer();
    const files = await connect(server);
    server.faults.plan({ kind: 'cut', op: 'CREATE', server: 'data-node', atByte: 3 });
    server.faults.plan({ kind: 'reset', op: 'CREATE', server: 'data-node', occurrence: 2 });
    const path = await createUnique(files, '/t', bytes('in the end'), { suffix: '.json' });
    expect(path).toMatch(/^\/t\/[0-9a-f-]{36}\.json$/);
    expect(server.read(`/wh${path}`)?.toString()).toBe('in the end');
    expect(server.tree.files('/wh/t')).toEqual([`/wh${path}`]);
  });

  it('takes another DataNode when one is dead, and does not ask for that one', async () => {
    const server = await startServer();
    const files = await connect(server);
    server.faults.plan({ kind: 'dead-datanode', op: 'CREATE', times: 2 }, { kind: 'dead-datanode', op: 'OPEN' });
    await files.create('/t/a', bytes('x'));
    expect((await files.read('/t/a')).toString()).toBe('x');
    const asked = server.requests.filter(({ op, server }) => op === 'CREATE' && server === 'name-node');
    expect(asked.map(({ query }) => query.get('excludedatanodes'))).toEqual([null, '127.0.0.1', '127.0.0.1']);
  });

  it('drops its doubts about DataNodes when there is no other', async () => {
    const server = await startServer();
    const files = await connect(server);
    server.faults.plan({ kind: 'dead-datanode', op: 'CREATE' }, { kind: 'no-datanode', op: 'CREATE', occurrence: 2 });
    await files.create('/t/a', bytes('x'));
    const asked = server.requests.filter(({ op, server }) => op === 'CREATE' && server === 'name-node');
    expect(asked.map(({ query }) => query.get('excludedatanodes'))).toEqual([null, '127.0.0.1', null]);
  });

  it.each(['cut', 'reset', 'stall', 'lost-answer', 'error-page'] as const)('reads again after "%s"', async (kind) => {
    const server = await startServer();
    const files = await connect(server);
    await files.create('/t/a', bytes('0123456789'));
    server.faults.plan({ kind, op: 'OPEN', server: 'data-node', times: 2, atByte: 5 });
    expect((await files.read('/t/a', { offset: 1, length: 8 })).toString()).toBe('12345678');
  });

  it('names a quota and a lack of space', async () => {
    const server = await startServer();
    const files = await connect(server);
    server.faults.plan({ kind: 'quota', op: 'CREATE', server: 'data-node' });
    expect(await failure(files.create('/t/a', bytes('x')))).toBe('quota-exceeded');
    server.faults.plan({ kind: 'no-block', op: 'CREATE', server: 'data-node' });
    expect(await failure(files.create('/t/b', bytes('x')))).toBe('no-space');
  });

  it('follows redirects only to allowed hosts', async () => {
    const server = await startServer();
    const files = await connect(server, { redirectHosts: ['.example.com', 'datanode1'] });
    expect(await failure(files.create('/t/a', bytes('x')))).toBe('refused-redirect');
    const allowed = await connect(server, { redirectHosts: ['127.0.0.1'] });
    await allowed.create('/t/a', bytes('x'));
    expect(server.requests.filter(({ server, op }) => server === 'data-node' && op === 'CREATE')).toHaveLength(1);
  });
});
