import { hostname } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { readLogBounds } from '../../loader/index.ts';
import {
  describeOffsets,
  describeOwner,
  examineDamage,
  type LedgerDamage,
  listTables,
  voidDamagedRecord,
} from '../../offsets/index.ts';
import { BadInputError, describeError, silentLogger } from '../../shared/index.ts';
import type { WarehouseFiles } from '../../warehouse/index.ts';
import { KafkaCluster } from '../../wire/client/index.ts';
import { clientConfigOf } from '../kafka/client-config.ts';
import { exitCodes } from '../output.ts';
import { repairTable } from './repair-table.ts';
import { checkTable, usingWarehouse, type WarehouseOptions } from './warehouse-options.ts';

export interface RepairOptions extends WarehouseOptions {
  yes?: boolean;
  reason: string;
}

/** `sluice offsets repair`: explains what is wrong with the ledger, and makes a damaged last record void when that loses nothing. */
export async function repairOffsets(options: RepairOptions): Promise<number> {
  return await usingWarehouse(options, 'write', async (files) => {
    await checkTable(files, options.table);
    let exitCode: number = exitCodes.complete;
    const tables = (await listTables(files)).filter((table) => (options.table ?? table) === table);
    const found = await describeOffsets(files, { table: options.table, withPast: true });
    const broken = found.filter(({ problem }) => problem !== null);
    let isSound = broken.length === 0;
    const isAgreed = async (): Promise<boolean> => options.yes === true || (await confirmed());
    for (const table of tables) {
      const outcome = await repairTable(files, table, { reason: options.reason, confirmed: isAgreed, say });
      if (outcome !== 'sound') isSound = false;
      if (outcome === 'failed') exitCode = exitCodes.failed;
    }
    if (isSound) say(`the ledger is in order: ${found.length} partitions`);
    for (const { topic, problem, table, topicId, partition } of broken) {
      const chain = { table, topicId, partition };
      try {
        const damage = await examineDamage(files, chain, topic);
        if (damage && !(await repair(files, damage, options))) exitCode = exitCodes.failed;
      } catch (error) {
        if (error instanceof BadInputError) throw error;
        say(`${table}, partition ${partition}: ${describeError(problem)}`);
        say(`  this cannot be made void: ${whyNot(error)}`);
        exitCode = exitCodes.failed;
      }
    }
    return exitCode;
  });
}

async function repair(files: WarehouseFiles, damage: LedgerDamage, options: RepairOptions): Promise<boolean> {
  explain(damage);
  const obstacle = await findObstacle(damage, options);
  if (obstacle !== null) {
    say(`  Nothing was changed: ${obstacle}`);
    return false;
  }
  if (!options.yes && !(await confirmed())) {
    say('  Nothing was changed; run it again with --yes to do this.');
    return false;
  }
  const by = { host: `${hostname()}:${process.pid}`, reason: options.reason };
  const record = await voidDamagedRecord(files, damage, by);
  say(`  Done: record ${record.sequence} makes record ${record.voids} void; what it brought lies in ${record.aside}`);
  say(`  The next load goes on at offset ${record.next}.`);
  return true;
}

function explain({ chain, topic, path, sequence, problem, before, files }: LedgerDamage): void {
  const holder = before.holder ? describeOwner(before.holder.owner) : 'nobody';
  say(`${chain.table}: ${topic}, partition ${chain.partition}: the last record of the ledger cannot be read`);
  say(`  ${path}: ${problem}`);
  say(`  Record ${sequence - 1} before it is good: checkpoint ${before.next ?? 'none'}, owner ${holder}.`);
  say(
    `  What the damaged record may have brought: ${files.visible.length} visible and ${files.staged.length} staged files.`,
  );
  say(
    `  Repair: record ${sequence + 1} says that record ${sequence} does not count, those files are set aside (not deleted),`,
  );
  say(`  a running owner is fenced, and the next load reads the log again from offset ${before.next ?? '?'} on.`);
}

/** Why making the record void could lose rows; null when it cannot. */
async function findObstacle(damage: LedgerDamage, options: WarehouseOptions): Promise<string | null> {
  const { before, files, chain, topic } = damage;
  if (before.next === null) {
    return 'nothing has been loaded from this partition yet; stop all loads and remove the folder of its chain';
  }
  if (files.visible.length + files.staged.length === 0) return null;
  const { brokers } = options;
  if (!brokers)
    return 'the rows of those files must still be in the log; name the cluster with --brokers to have that checked';
  const cluster = new KafkaCluster({
    brokers,
    clientConfig: clientConfigOf(options, options.config ?? null),
    clientId: 'sluice-offsets',
    logger: silentLogger,
  });
  try {
    const bounds = await readLogBounds(cluster, [topic]);
    const log = bounds.find(({ topicId, partition }) => topicId === chain.topicId && partition === chain.partition);
    if (!log) return `the cluster has no partition ${chain.partition} of topic ${topic} with id ${chain.topicId}`;
    if (log.start <= before.next) return null;
    return `the log begins at ${log.start}, so the rows from ${before.next} on are only in those files; find a copy of the record, or keep the files`;
  } finally {
    await cluster.close();
  }
}

async function confirmed(): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await prompt.question('  Do it? [y/N] ')).trim());
  } finally {
    prompt.close();
  }
}

function whyNot(error: unknown): string {
  const code = (error as { code?: string }).code;
  if (code !== 'unreadable-record') return describeError(error);
  return 'there are records behind it, so it was good once; stop the load and bring back a copy of the file (snapshot, trash, replica)';
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
