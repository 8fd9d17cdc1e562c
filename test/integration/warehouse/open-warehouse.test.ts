import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openWarehouse } from '../../../src/warehouse/index.ts';
import { connect, startServer } from './webhdfs-fixture.ts';

describe('openWarehouse', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-open-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('creates the folder of a warehouse that is to be written, and only then', async () => {
    const url = `file://${folder}/new/warehouse`;
    await expect(openWarehouse(url, { access: 'read' })).rejects.toMatchObject({ code: 'bad-input' });
    expect(readdirSync(folder)).toEqual([]);
    await (await openWarehouse(url)).close();
    expect(readdirSync(folder)).toEqual(['new']);
    await (await openWarehouse(url, { access: 'read' })).close();
  });

  it('refuses a file where the folder should be', async () => {
    writeFileSync(join(folder, 'file'), '');
    for (const access of ['read', 'write'] as const) {
      const opening = openWarehouse(`file://${folder}/file`, { access });
      await expect(opening).rejects.toMatchObject({ code: 'bad-input' });
    }
  });

  it('says in one line which host is unknown, without waiting', async () => {
    const opening = openWarehouse('webhdfs://nobody.invalid:9870,none.invalid/wh', { user: 'x' });
    await expect(opening).rejects.toThrow(/^the warehouse .* unknown host nobody.invalid, none.invalid \(.*\)$/);
  });

  it('begins with the NameNode that it can reach', async () => {
    const server = await startServer();
    const url = server.url('/wh').replace('webhdfs://', 'webhdfs://127.0.0.1:1,');
    const files = await openWarehouse(url, { user: 'x', retry: { firstDelayMs: 1 } });
    expect(server.tree.get('/wh')?.type).toBe('DIRECTORY');
    await files.close();
  });

  it('waits for a file system that is not up yet no longer than it was told', async () => {
    const opening = openWarehouse('webhdfs://127.0.0.1:1/wh', { user: 'x', openTimeoutMs: 300 });
    await expect(opening).rejects.toMatchObject({ code: 'unavailable', isRetriable: true });
  });

  it('asks whether it is really the http address of a NameNode', async () => {
    const server = await startServer();
    server.faults.plan({ kind: 'error-page', times: 1_000 });
    const opening = connect(server, { openTimeoutMs: 100 });
    await expect(opening).rejects.toThrow("is it the NameNode's http address?");
    await expect(opening).rejects.toMatchObject({ code: 'bad-input' });
  });

  it('leaves a warehouse alone that it only reads', async () => {
    const server = await startServer();
    await expect(connect(server, { access: 'read' })).rejects.toThrow('there is no such folder');
    server.tree.mkdirs('/wh');
    await connect(server, { access: 'read' });
    expect(server.requests.filter(({ op }) => op !== 'GETFILESTATUS')).toEqual([]);
  });
});
