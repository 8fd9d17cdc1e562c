import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { type PeerRedis, waitFor } from './peers.ts';
import { reservePort } from './ports.ts';

const name = 'counters';

/** A sentinel of Redis' own, which alone decides, and watches one primary. */
export interface Sentinel {
  /** `redis+sentinel://...`, as Sluice takes it. */
  url: string;
  /** Port of the server that the sentinel says is the primary. */
  primaryPort(): Promise<number>;
  stop(): Promise<void>;
}

/** Resolves when it could make the replica the primary. */
export async function startSentinel(primary: PeerRedis, replica: PeerRedis): Promise<Sentinel> {
  await untilReplicated(primary); // or it would look for the replica ten seconds later
  const port = await reservePort();
  const folder = mkdtempSync(join(tmpdir(), 'sluice-sentinel-'));
  const file = join(folder, 'sentinel.conf'); // it keeps its state in there
  const settings = [
    ...[
      `port ${port.first}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      `sentinel monitor ${name} 127.0.0.1 ${primary.port} 1`,
    ],
    ...[`sentinel down-after-milliseconds ${name} 1000`, `sentinel failover-timeout ${name} 10000`],
  ];
  writeFileSync(file, `${settings.join('\n')}\n`);
  const child = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  const killAtExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const client = new Redis({ host: '127.0.0.1', port: port.first });
  client.on('error', () => {}); // it is starting
  await waitFor('the sentinel to answer', 60_000, () => client.status === 'ready');
  await waitFor('the sentinel to know the replica', 120_000, async () => {
    const found = (await client.call('sentinel', 'replicas', name)) as string[][];
    const fields = found.find((one) => one[one.indexOf('port') + 1] === String(replica.port)) ?? [];
    const field = (key: string): string | undefined => fields[fields.indexOf(key) + 1];
    return field('flags') === 'slave' && field('master-link-status') === 'ok';
  });
  return {
    url: `redis+sentinel://127.0.0.1:${port.first}/${name}`,
    primaryPort: async () => Number(((await client.call('sentinel', 'get-master-addr-by-name', name)) as string[])[1]),
    stop: async () => {
      client.disconnect();
      child.kill('SIGKILL');
      await ended;
      process.off('exit', killAtExit);
      rmSync(folder, { recursive: true, force: true });
      port.release();
    },
  };
}

async function untilReplicated(primary: PeerRedis): Promise<void> {
  const client = new Redis(primary.url);
  try {
    await waitFor('the replica to have all', 120_000, async () =>
      /^slave0:.*state=online/m.test(await client.info('replication')),
    );
  } finally {
    client.disconnect();
  }
}
