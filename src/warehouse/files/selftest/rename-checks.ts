import type { WarehouseFiles } from '../warehouse-files.ts';
import { type Check, type CheckContext, type Finding, failed, ok, textSource, warning } from './check.ts';

const racerCount = 20;
const raceCount = 5;
const noPrimitive =
  'exactly-once rests on this: use HDFS, a local disk with hard links, or an S3 store whose conditional writes are real';

const noReplace: Check = {
  name: 'rename-no-replace',
  promise: 'a rename never replaces a file',
  run: async ({ files, folder, signal }) => {
    const [mine, taken] = [`${folder}/replace/mine`, `${folder}/replace/taken`];
    await files.create(mine, textSource('mine'), { signal });
    await files.create(taken, textSource('theirs'), { signal });
    const outcome = await files.publishIfAbsent(mine, taken, { signal });
    const contents = [await textAt(files, taken, signal), await textAt(files, mine, signal)].join(' and ');
    if (outcome === 'refused' && contents === 'theirs and mine') return ok('refused, and both files are as they were');
    return failed(`"${outcome}", and then the files held ${contents}`, noPrimitive);
  },
};

const ontoFolder: Check = {
  name: 'rename-onto-folder',
  promise: 'a file does not disappear into a folder of that name',
  run: async ({ files, folder, signal }) => {
    const [mine, target] = [`${folder}/trap/mine`, `${folder}/trap/folder`];
    await files.create(mine, textSource('mine'), { signal });
    await files.mkdirs(target, { signal });
    const outcome = await files.publishIfAbsent(mine, target, { signal });
    const inside = await files.list(target, { signal });
    if (outcome === 'refused' && inside.length === 0) return ok('refused, and the folder is empty');
    return failed(`"${outcome}", and the folder holds ${inside.map(({ name }) => name).join(', ')}`, noPrimitive);
  },
};

const noParent: Check = {
  name: 'rename-no-parent',
  promise: 'a rename does not bring a removed folder back',
  run: async ({ files, folder, signal }) => {
    const mine = `${folder}/orphan/mine`;
    await files.create(mine, textSource('mine'), { signal });
    const outcome = await files.publishIfAbsent(mine, `${folder}/removed/record`, { signal });
    const parent = await files.stat(`${folder}/removed`, { signal });
    if (outcome === 'refused' && parent === null) return ok('refused, and the folder was not made');
    return failed(
      `"${outcome}", folder ${parent ? 'made' : 'not made'}`,
      'a frozen loader could commit: do not load here',
    );
  },
};

const race: Check = {
  name: 'rename-race',
  promise: `of ${racerCount} clients that rename onto one name at once, exactly one wins`,
  run: async (context) => {
    const { folder, connect, signal } = context;
    const clients = Array.from({ length: racerCount }, connect);
    try {
      await context.files.mkdirs(`${folder}/race`, { signal });
      const problems: string[] = [];
      for (let round = 0; round < raceCount; round++) problems.push(...(await runRace(clients, round, context)));
      if (problems.length === 0) return ok(`one winner in each of ${raceCount} races, and its file is what is read`);
      return failed(problems.join('; '), noPrimitive);
    } finally {
      await Promise.all(clients.map((client) => client.close()));
    }
  },
};

async function runRace(clients: WarehouseFiles[], round: number, context: CheckContext): Promise<string[]> {
  const { files, folder, signal } = context;
  const target = `${folder}/race/${round}`;
  const paths = clients.map((_, client) => `${folder}/racers/${round}-${client}`);
  await Promise.all(clients.map((client, i) => client.create(paths[i]!, textSource(paths[i]!), { signal })));
  const outcomes = await Promise.all(clients.map((client, i) => client.publishIfAbsent(paths[i]!, target, { signal })));
  const winners = paths.filter((_, i) => outcomes[i] === 'published');
  const read = await textAt(files, target, signal);
  if (winners.length === 1 && winners[0] === read) return [];
  return [`race ${round + 1}: ${winners.length} were told that they won, and the file is that of ${read}`];
}

const identity: Check = {
  name: 'rename-identity',
  promise: 'a file can be known again after a rename whose answer was lost',
  run: async ({ files, hdfs, facts, folder, signal }): Promise<Finding> => {
    const [from, to] = [`${folder}/identity/a`, `${folder}/identity/b`];
    await files.create(from, textSource('x'), { signal });
    const before = await hdfs?.rawStatus(from, { signal });
    await files.publishIfAbsent(from, to, { signal });
    if (!hdfs) return ok(facts.identity);
    const after = await hdfs.rawStatus(to, { signal });
    if (before?.fileId && before.fileId === after?.fileId) return ok(`by its file id, ${before.fileId}`);
    if (before?.fileId) return failed(`the file id changed from ${before.fileId} to ${after?.fileId}`, noPrimitive);
    const advice =
      'commits are settled by reading what is there, at the price of a retry; a newer HttpFS tells file ids';
    return warning('the server tells no file ids', advice);
  },
};

export const renameChecks: readonly Check[] = [noReplace, ontoFolder, noParent, race, identity];

async function textAt(files: WarehouseFiles, path: string, signal: AbortSignal): Promise<string> {
  const status = await files.stat(path, { signal });
  return status === null ? 'nothing' : (await files.read(path, { signal })).toString();
}
