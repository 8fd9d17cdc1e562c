import { hostname } from 'node:os';
import {
  examineTableDamage,
  type OpenIntent,
  restoreTableState,
  type TableDamage,
  thisProcess,
  voidTableRecord,
} from '../../offsets/index.ts';
import { BadInputError, describeError } from '../../shared/index.ts';
import type { WarehouseFiles } from '../../warehouse/index.ts';

export interface TableRepair {
  reason: string;
  /** Asks the person at the keyboard, unless told so on the command line. */
  confirmed: () => Promise<boolean>;
  say: (line: string) => void;
}

/**
 * The table's own chain: explains what is wrong with it, makes a damaged last record void, and writes a lost state file again.
 * `sound`: nothing was wrong; `failed`: it is still damaged.
 */
export async function repairTable(
  files: WarehouseFiles,
  table: string,
  repair: TableRepair,
): Promise<'sound' | 'repaired' | 'failed'> {
  const { say } = repair;
  try {
    const restored = await restoreState(files, table, repair);
    if (restored === 'declined') return 'failed';
    const damage = await examineTableDamage(files, table);
    if (damage === null) return restored === 'written' ? 'repaired' : 'sound';
    return (await makeVoid(files, damage, repair)) ? 'repaired' : 'failed';
  } catch (error) {
    if (error instanceof BadInputError) throw error;
    say(`${table}: the table's chain: ${describeError(error)}`);
    say(`  this cannot be made void: ${whyNot(error)}`);
    return 'failed';
  }
}

/** Nothing is decided by it: the records say what the file has to hold, byte for byte. */
async function restoreState(
  files: WarehouseFiles,
  table: string,
  { say, confirmed }: TableRepair,
): Promise<'sound' | 'written' | 'declined'> {
  const lost = await restoreTableState(files, table, { isTrial: true });
  if (lost === null) return 'sound';
  say(`${table}: the state file of the table's chain is lost or altered: ${lost}`);
  say('  Repair: it is written again from the records of the eras before it; an altered file is set aside.');
  if (!(await confirmed())) {
    say('  Nothing was changed; run it again with --yes to do this.');
    return 'declined';
  }
  await restoreTableState(files, table);
  say('  Done: it holds the very bytes that the chain has recorded.');
  return 'written';
}

async function makeVoid(files: WarehouseFiles, damage: TableDamage, repair: TableRepair): Promise<boolean> {
  const { say, reason, confirmed } = repair;
  explain(damage, say);
  const alive = damage.intents.find(isAlive);
  if (alive) {
    say(`  Nothing was changed: ${nameOf(alive)} may have written it and runs still: stop it first.`);
    return false;
  }
  if (!(await confirmed())) {
    say('  Nothing was changed; run it again with --yes to do this.');
    return false;
  }
  const record = await voidTableRecord(files, damage, { writer: thisProcess(), reason });
  say(`  Done: record ${record.sequence} makes record ${record.voids} void; what it brought lies in ${record.aside}`);
  say(`  ${record.added.length} files that it had moved away are back.`);
  return true;
}

function explain({ table, path, sequence, problem, brought, away, intents }: TableDamage, say: (line: string) => void) {
  say(`${table}: the last record of the table's chain cannot be read`);
  say(`  ${path}: ${problem}`);
  say(`  Record ${sequence - 1} before it is good. Whatever record ${sequence} was is done again by who wrote it:`);
  say('  hours are closed, files compacted and expired again; a reload, replay or undo has to be asked for again.');
  say(
    `  It may have brought ${brought.length} files, and moved ${away.length} files of the table aside. Checkpoints are not concerned.`,
  );
  say(
    `  Repair: record ${sequence + 1} says that record ${sequence} does not count, what it brought is set aside (not`,
  );
  say('  deleted), what it moved away comes back under new names, and every rewrite under way has to begin anew.');
  const others = intents.filter((intent) => intent.writer.host !== hostname());
  for (const intent of others) say(`  Make sure that ${nameOf(intent)} has ended: it may have written the record.`);
}

function nameOf({ operation, sequence, writer }: OpenIntent): string {
  return `the ${operation} of intent ${sequence} (${writer.user}@${writer.host}, process ${writer.pid})`;
}

/** Of other machines nothing is known. */
function isAlive({ writer }: OpenIntent): boolean {
  if (writer.host !== hostname()) return false;
  try {
    process.kill(writer.pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM';
  }
}

function whyNot(error: unknown): string {
  const code = (error as { code?: string }).code;
  if (code !== 'unreadable-record' && code !== 'broken-chain') return describeError(error);
  return 'a record or snapshot before the last record is damaged or missing, and it was good once; stop what writes to the table and bring back a copy of the file (snapshot, trash, replica)';
}
