import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createUnique, openWarehouse } from '../../../src/warehouse/index.ts';
import type { S3FaultKind } from '../../support/s3-fault-server.ts';
import { bytes, describeWarehouseFiles, failure } from '../../support/warehouse-files-contract.ts';
import { connectS3, startS3 } from './s3-fixture.ts';

describeWarehouseFiles('S3', async () => {
  const files = connectS3(await startS3());
  await files.mkdirs('/');
  return files;
});

describe('S3Files without trouble', () => {
  it('lists a folder of many pages in byte order, folders among the files', async () => {
    const server = await startS3();
    server.bucket.pageSize = 7;
    const files = connectS3(server);
    const names = Array.from({ length: 30 }, (_, i) => String.fromCodePoint(i % 2 ? 0xe000 + i : 0x1f600 + i));
    for (const [i, name] of names.entries()) {
      if (i % 3 === 0) await files.mkdirs(`/big/${name}`);
      else await files.create(`/big/${name}`, bytes('x'));
    }
    const sorted = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const listed = await files.list('/big');
    expect(listed.map(({ name }) => name)).toEqual(sorted);
    expect(listed.filter(({ type }) => type === 'directory')).toHaveLength(10);
  });

  it('sends a large file in parts, and all of it arrives', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-s3-parts-'));
    const content = Buffer.alloc(20 * 1024 * 1024 + 3, 'sluice-');
    const localPath = join(folder, 'source');
    writeFileSync(localPath, content);
    const server = await startS3();
    const files = connectS3(server);
    server.plan({ kind: 'reset', op: 'UploadPart' });
    await files.create('/t/large', { localPath, size: content.length });
    expect((await files.read('/t/large')).equals(content)).toBe(true);
    await files.create('/t/memory', { bytes: content });
    expect(server.bucket.objects.get('wh/t/memory')!.bytes.equals(content)).toBe(true);
    expect(server.requests.filter(({ op }) => op === 'UploadPart')).toHaveLength(7);
    expect(server.bucket.uploads.size).toBe(0);
    rmSync(folder, { recursive: true });
  });

  it('leaves no upload behind when the caller stops in the middle of one', async () => {
    const server = await startS3();
    const files = connectS3(server);
    const stop = new AbortController();
    server.before = ({ op }) => {
      if (op === 'UploadPart') stop.abort(new Error('enough'));
    };
    const source = { bytes: Buffer.alloc(20 * 1024 * 1024) };
    await expect(files.create('/t/large', source, { signal: stop.signal })).rejects.toThrow('enough');
    expect(server.bucket.uploads.size).toBe(0);
    expect(await files.stat('/t/large')).toBeNull();
  });

  it('takes a folder for as old as the newest file in it', async () => {
    const server = await startS3();
    const files = connectS3(server);
    await files.create('/t/a', bytes('x'));
    server.bucket.objects.get('wh/t/')!.modifiedMs = 1_000;
    server.bucket.objects.get('wh/t/a')!.modifiedMs = 2_000;
    expect((await files.stat('/t'))!.modifiedMs).toBe(2_000);
  });
});

describe('S3Files with a store in trouble', () => {
  it.each<S3FaultKind>(['slow-down', 'reset', 'lost-answer', 'internal', 'cut'])(
    'gets through "%s" in every call that may be repeated',
    async (kind) => {
      const server = await startS3();
      const files = connectS3(server);
      await files.create('/t/a', bytes('hello'));
      for (const op of ['HeadObject', 'ListObjectsV2', 'GetObject', 'DeleteObject']) {
        if (kind !== 'cut' || op === 'GetObject') server.plan({ kind, op, times: 2 });
      }
      expect((await files.read('/t/a')).toString()).toBe('hello');
      expect(await files.list('/t')).toHaveLength(1);
      expect(await files.delete('/t/a')).toBe(true);
      expect(await files.stat('/t/a')).toBeNull();
    },
  );

  it.each<S3FaultKind>(['slow-down', 'lost-answer', 'internal'])('creates a file once through "%s"', async (kind) => {
    const server = await startS3();
    const files = connectS3(server);
    server.plan({ kind, op: 'PutObject', key: /a$/ });
    await files.create('/t/a', bytes('hello'));
    expect(server.bucket.created.filter(({ key }) => key === 'wh/t/a')).toHaveLength(1);
  });

  it.each<S3FaultKind>(['reset', 'late'])(
    'asks for a new name after "%s", whose upload may come later',
    async (kind) => {
      const server = await startS3();
      const files = connectS3(server);
      server.plan({ kind, op: 'PutObject', key: /a$/ });
      expect(await failure(files.create('/t/a', bytes('hello')))).toBe('uncertain');
      server.plan({ kind, op: 'PutObject', key: /parquet$/ });
      const path = await createUnique(files, '/t', bytes('hello'), { suffix: '.parquet' });
      expect((await files.read(path)).toString()).toBe('hello');
      await server.settled();
    },
  );

  it('says what is wrong with a bucket, a key or a wrong clock', async () => {
    const server = await startS3();
    server.before = ({ headers }) => void (headers.authorization = 'none');
    expect(await failure(connectS3(server).stat('/t'))).toBe('permission-denied');
  });

  it('is refused at open when the store takes If-None-Match for any other header, and leaves nothing there', async () => {
    const server = await startS3();
    server.bucket.knowsConditions = false;
    const before = { ...process.env };
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'lab', AWS_SECRET_ACCESS_KEY: 'secret' });
    try {
      await expect(openWarehouse(server.url('/wh'))).rejects.toThrow(/PutObject with If-None-Match replaced an object/);
      expect(server.bucket.objects.size).toBe(0);
      server.bucket.knowsConditions = true;
      const files = await openWarehouse(server.url('/wh'));
      await files.close();
      expect([...server.bucket.objects.keys()]).toEqual(['wh/']);
      await expect(openWarehouse(server.url('/other'), { access: 'read' })).rejects.toThrow(/no such folder/);
    } finally {
      process.env = before;
    }
  });
});
