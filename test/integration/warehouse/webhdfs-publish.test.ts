import { describe, expect, it } from 'vitest';
import { isWarehouseError, type WarehouseFiles } from '../../../src/warehouse/index.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { bytes, describeWarehouseFiles, failure } from '../../support/warehouse-files-contract.ts';
import type { WebHdfsFaultServer } from '../../support/webhdfs-fault-server.ts';
import { connect, patient, startServer } from './webhdfs-fixture.ts';

describeWarehouseFiles('HttpFS', async () => {
  const server = await startServer();
  server.isHttpFs = true; // renames know no options: a boolean, and a folder swallows the file
  return await connect(server, { timeouts: patient });
});

describe('publishIfAbsent over WebHDFS', () => {
  it('never moves a file into a folder that appears at the last moment', async () => {
    const server = await startServer();
    const files = await connect(server);
    await files.create('/t/a', bytes('mine'));
    server.faults.plan({ kind: 'slow', op: 'RENAME' });
    const publishing = files.publishIfAbsent('/t/a', '/t/b');
    while (!server.requests.some(({ op }) => op === 'RENAME')) await new Promise((resolve) => setTimeout(resolve, 1));
    server.tree.mkdirs('/wh/t/b');
    expect(await publishing).toBe('refused');
    expect(server.tree.files('/wh/t')).toEqual(['/wh/t/a']);
  });

  it.each(['lost-answer', 'lost-stall', 'late'] as const)('knows its own file after "%s"', async (kind) => {
    const server = await startServer();
    const files = await connect(server);
    await files.create('/t/a', bytes('mine'));
    server.faults.plan({ kind, op: 'RENAME', times: 2 });
    expect(await files.publishIfAbsent('/t/a', '/t/b')).toBe('published');
    await server.settled();
    expect(server.read('/wh/t/b')?.toString()).toBe('mine');
    expect(server.tree.renames).toHaveLength(1);
  });

  it('does not take another file for its own after a lost answer', async () => {
    const server = await startServer();
    const files = await connect(server);
    await files.create('/t/a', bytes('same'));
    await files.create('/t/other', bytes('same')); // equal in every byte
    server.faults.plan({ kind: 'reset', op: 'RENAME' });
    server.faults.plan({ kind: 'slow', op: 'RENAME', occurrence: 2 });
    const publishing = files.publishIfAbsent('/t/a', '/t/b');
    while (!server.requests.some(({ op }) => op === 'RENAME')) await new Promise((resolve) => setTimeout(resolve, 0));
    server.tree.renameWithOptions('/wh/t/other', '/wh/t/b');
    expect(await publishing).toBe('refused');
    expect(server.tree.files('/wh/t')).toEqual(['/wh/t/a', '/wh/t/b']);
  });

  it('is uncertain, not wrong, where files have no ids', async () => {
    const server = await startServer();
    server.isHttpFs = true;
    const files = await connect(server);
    await files.create('/t/a', bytes('mine'));
    server.faults.plan({ kind: 'lost-answer', op: 'RENAME' });
    expect(await failure(files.publishIfAbsent('/t/a', '/t/b'))).toBe('uncertain');
    expect(server.read('/wh/t/b')?.toString()).toBe('mine');
  });

  it('gives each number of a chain to exactly one of many racing clients, under every kind of fault', async () => {
    const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9));
    const random = seededRandom(seed);
    for (let round = 0; round < 4; round++) {
      const server = await startServer({ seed: Math.floor(random() * 1e9), nameNodes: 2 });
      const clients = await Promise.all(Array.from({ length: 8 }, () => connect(server)));
      await clients[0]!.mkdirs('/chain');
      const rate = 0.04;
      server.faults.rates = {
        ...{ standby: rate, retriable: rate, 'safe-mode': rate, reset: rate, 'lost-answer': rate, late: rate },
        ...{ slow: rate, cut: rate, 'error-page': rate, 'dead-datanode': rate, stall: 0.005, 'lost-stall': 0.005 },
      };
      const winners: string[] = [];
      for (let n = 0; n < 6; n++) winners.push((await race(clients, n)).join(' and '));
      server.faults.rates = {};
      await server.settled();
      const context = `seed ${seed}, round ${round}`;
      expect(chainOf(server), context).toEqual(winners);
      expect(server.tree.renames.length, context).toBe(6);
    }
  });
});

/** All clients try to publish a record of their own as number `n`; gives the content of those told that theirs it is. */
async function race(clients: WarehouseFiles[], n: number): Promise<string[]> {
  const records = clients.map((files, client) => ({ files, client, content: `record ${n} of client ${client}` }));
  const temporaries = await Promise.all(
    records.map(({ files, client, content }) => createSomehow(files, `/tmp/${n}-${client}`, content)),
  );
  const outcomes = await Promise.all(
    records.map(({ files }, client) => files.publishIfAbsent(temporaries[client]!, `/chain/${n}`)),
  );
  return records.flatMap(({ content }, client) => (outcomes[client] === 'published' ? [content] : []));
}

async function createSomehow(files: WarehouseFiles, name: string, content: string): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    try {
      await files.create(`${name}-${attempt}`, bytes(content));
      return `${name}-${attempt}`;
    } catch (error) {
      if (!isWarehouseError(error, 'uncertain', 'no-space')) throw error;
    }
  }
}

function chainOf(server: WebHdfsFaultServer): string[] {
  return server.tree.files('/wh/chain').map((path) => server.read(path)!.toString());
}
