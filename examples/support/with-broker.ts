import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultBrokerConfig, startBroker } from '../../src/log/index.ts';

/** A broker for the time of an example: on a free port of this machine, its log in a folder that is removed afterwards. */
export async function withBroker<T>(work: (brokers: string[]) => Promise<T>): Promise<T> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'sluice-example-'));
  // A new group waits for further members before it shares partitions out; here nobody else comes.
  const groups = { ...defaultBrokerConfig.groups, initialRebalanceDelayMs: 20 };
  const broker = await startBroker({ dataDirectory, host: '127.0.0.1', port: 0, config: { groups } });
  try {
    return await work([`${broker.address.host}:${broker.address.port}`]);
  } finally {
    await broker.close();
    await rm(dataDirectory, { recursive: true, force: true });
  }
}
