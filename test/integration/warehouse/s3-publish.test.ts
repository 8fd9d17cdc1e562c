import { describe, expect, it } from 'vitest';
import type { S3Files } from '../../../src/warehouse/files/s3/s3-files.ts';
import type { S3FaultKind, S3FaultServer, S3Request } from '../../support/s3-fault-server.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { bytes } from '../../support/warehouse-files-contract.ts';
import { connectS3, startS3 } from './s3-fixture.ts';

const isCompletionOf = (name: string) => (request: S3Request) =>
  request.op === 'CompleteMultipartUpload' && request.key.endsWith(name);

describe('publishIfAbsent on S3', () => {
  it.each<S3FaultKind>(['slow-down', 'conflict', 'lost-answer', 'internal', 'late-error', 'reset'])(
    'publishes once through "%s" at the moment that counts',
    async (kind) => {
      const { server, files } = await folderWith('/tmp/a', 'mine');
      server.plan({ kind, op: 'CompleteMultipartUpload', times: 2 });
      expect(await files.publishIfAbsent('/tmp/a', '/chain/1')).toBe('published');
      expect(server.bucket.files()).toEqual(['wh/chain/1']);
      expect(server.bucket.created.filter(({ key }) => key === 'wh/chain/1')).toHaveLength(1);
      expect(server.bucket.uploads.size).toBe(0);
    },
  );

  it('publishes an empty file, of which no part can be copied', async () => {
    const { server, files } = await folderWith('/tmp/a', '');
    server.plan({ kind: 'lost-answer', op: 'PutObject', key: /_SUCCESS$/ });
    expect(await files.publishIfAbsent('/tmp/a', '/chain/_SUCCESS')).toBe('published');
    expect(server.bucket.files()).toEqual(['wh/chain/_SUCCESS']);
  });

  it('counts a move whose mover died before it deleted the old name, and deletes it then', async () => {
    const { server, files } = await folderWith('/tmp/a', 'mine');
    server.bucket.objects.set('wh/chain/1', server.bucket.objects.get('wh/tmp/a')!);
    expect(await files.publishIfAbsent('/tmp/a', '/chain/1')).toBe('published');
    expect(server.bucket.files()).toEqual(['wh/chain/1']);
  });

  it('gives no record to a folder that is removed between the look and the copy', async () => {
    const { server, files } = await folderWith('/tmp/a', 'mine');
    const other = connectS3(server);
    server.before = once(isCompletionOf('/chain/1'), () => other.delete('/chain', { recursive: true }));
    expect(await files.publishIfAbsent('/tmp/a', '/chain/1')).toBe('refused');
    expect(await files.stat('/chain')).toBeNull();
  });

  it('gives a file no second life under a name that it has left', async () => {
    const { server, files } = await folderWith('/staging/a', 'rows');
    const [zombie, mover] = [connectS3(server), connectS3(server)];
    await files.mkdirs('/replaced');
    let frozen: Promise<unknown> = Promise.resolve();
    const moved = new Promise<void>((resolve) => {
      server.before = once(isCompletionOf('/chain/visible'), async () => {
        // The zombie stands before its completion: its part is copied already.
        frozen = mover.publishIfAbsent('/staging/a', '/chain/visible').then(async (outcome) => {
          expect(outcome).toBe('published');
          expect(await mover.publishIfAbsent('/chain/visible', '/replaced/a')).toBe('published');
          resolve();
        });
        await moved;
      });
    });
    expect(await zombie.publishIfAbsent('/staging/a', '/chain/visible')).toBe('refused');
    await frozen;
    expect(server.bucket.files()).toEqual(['wh/replaced/a']);
  });

  it('takes away what a dead mover left in staging before a file leaves its visible name', async () => {
    const { server, files } = await folderWith('/staging/a', 'rows');
    await files.mkdirs('/replaced');
    server.plan({ kind: 'reset', op: 'DeleteObject', key: /staging\/a$/, times: 1_000_000 });
    const dying = connectS3(server, { giveUpAfterMs: 0 });
    await expect(dying.publishIfAbsent('/staging/a', '/chain/visible')).rejects.toThrow();
    expect(server.bucket.files()).toEqual(['wh/chain/visible', 'wh/staging/a']);
    server.forget();
    expect(await files.publishIfAbsent('/chain/visible', '/replaced/a')).toBe('published');
    expect(await files.publishIfAbsent('/staging/a', '/chain/visible')).toBe('refused');
    expect(server.bucket.files()).toEqual(['wh/replaced/a']);
  });

  it('lets exactly one of 8 win each of 6 names while one request in eight fails', async () => {
    const seed = Number(process.env['SLUICE_SEED'] ?? 20_261_121);
    const server = await startS3({ seed });
    const random = seededRandom(seed);
    const clients = Array.from({ length: 8 }, () => connectS3(server));
    await clients[0]!.mkdirs('/chain');
    for (let round = 0; round < 6; round++) {
      const sources = clients.map((_, i) => `/tmp/${round}-${i}`);
      server.faultRate = 0;
      await Promise.all(clients.map((client, i) => client.create(sources[i]!, bytes(sources[i]!))));
      server.faultRate = random() < 0.2 ? 0 : 0.125;
      const outcomes = await Promise.all(
        clients.map((client, i) => client.publishIfAbsent(sources[i]!, `/chain/${round}`)),
      );
      await server.settled();
      const winners = sources.filter((_, i) => outcomes[i] === 'published');
      const found = server.bucket.objects.get(`wh/chain/${round}`)!.bytes.toString();
      expect(winners, `seed ${seed}, round ${round}`).toEqual([found]);
    }
    expect(server.bucket.files('wh/tmp/')).toHaveLength(6 * 7);
  });
});

/** A warehouse with one file, and the folder `/chain`. */
async function folderWith(path: string, text: string): Promise<{ server: S3FaultServer; files: S3Files }> {
  const server = await startS3();
  const files = connectS3(server);
  await files.create(path, bytes(text));
  await files.mkdirs('/chain');
  return { server, files };
}

/** Runs `act` before the first request that fits. */
function once(fits: (request: S3Request) => boolean, act: () => Promise<unknown>) {
  let isDone = false;
  return async (request: S3Request): Promise<void> => {
    if (isDone || !fits(request)) return;
    isDone = true;
    await act();
  };
}
