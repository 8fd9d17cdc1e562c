import { startHdfs, waitFor } from './peers.ts';
import { WebHdfsFaultServer } from './webhdfs-fault-server.ts';
import type { WebHdfsFaultKind } from './webhdfs-faults.ts';

/** Where the simulated days are settled, and what breaks it. */
export interface DaysWarehouse {
  url(path: string): string;
  /** Breaks it, each time in another way; gives what heals it. */
  breakDown(): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** A simulated HDFS. It is away, or in safe mode, until a load has met that several times. */
export async function simulatedHdfs(seed: number): Promise<DaysWarehouse> {
  const server = await WebHdfsFaultServer.start({ seed });
  const ways: WebHdfsFaultKind[] = ['reset', 'safe-mode', 'quota'];
  let breakCount = 0;
  return {
    url: (path) => server.url(path),
    async breakDown() {
      const kind = ways[breakCount++ % ways.length]!;
      const metBefore = server.faults.counts.get(kind) ?? 0;
      server.requests.length = 0; // they are of no use here, and days have very many
      server.faults.rates = { [kind]: 1 };
      return async () => {
        await waitFor(`a load to meet "${kind}" five times`, 180_000, () => {
          return (server.faults.counts.get(kind) ?? 0) >= metBefore + 5;
        });
        server.faults.rates = {};
      };
    },
    close: () => server.stop(),
  };
}

/** A real HDFS. Its DataNode or its NameNode is killed, or its NameNode is frozen. */
export async function realHdfs(): Promise<DaysWarehouse> {
  const hdfs = await startHdfs();
  await hdfs.waitUntilReady();
  let breakCount = 0;
  return {
    url: (path) => hdfs.url(path),
    async breakDown() {
      const server = breakCount % 2 === 0 ? 'nn1' : 'dn0';
      const isFrozen = breakCount++ % 3 === 2;
      await hdfs.kill(server, isFrozen ? 'STOP' : 'KILL');
      return async () => {
        if (isFrozen) await hdfs.kill(server, 'CONT');
        else await hdfs.start(server);
        await hdfs.waitUntilReady();
      };
    },
    close: () => hdfs.stop(),
  };
}
