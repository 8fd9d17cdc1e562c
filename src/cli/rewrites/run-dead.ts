import { countOffsets } from '../../offsets/index.ts';
import { type DeadLetter, deadLetterFiles, lineOf, readDeadLetters, replayDeadLetters } from '../../rewrites/index.ts';
import { exitCodes, formatCount, printJson, printTable } from '../output.ts';
import { type ContractFlags, contractSettings, tellDifferences } from './contract-options.ts';
import { type TableOptions, usingTable } from './using-table.ts';

export interface DeadFlags extends TableOptions {
  partition?: number;
  code?: string;
}

export interface ShowDeadFlags extends DeadFlags {
  offset?: bigint;
  limit: number;
}

export interface ReplayFlags extends DeadFlags, ContractFlags {
  repair?: string;
  reason: string;
}

interface DeadCount {
  topic: string;
  partition: number;
  code: string;
  count: number;
  firstOffset: bigint;
  lastOffset: bigint;
  example: string;
}

/** `sluice dead list TABLE`: dead letters by partition and reason. */
export async function listDead(table: string, flags: DeadFlags): Promise<number> {
  return await usingTable(flags, table, async (context) => {
    const found = new Map<string, DeadCount>();
    for await (const file of deadLetterFiles(context, { partition: flags.partition })) {
      for await (const letter of readDeadLetters(context, file)) count(found, letter, flags.code);
    }
    const rows = [...found.values()].sort((a, b) => a.partition - b.partition || (a.code < b.code ? -1 : 1));
    if (flags.json) printJson(rows);
    else {
      printTable(rows, [
        { header: 'PARTITION', cell: ({ partition }) => String(partition), align: 'right' },
        { header: 'CODE', cell: ({ code }) => code },
        { header: 'COUNT', cell: (row) => formatCount(row.count), align: 'right' },
        { header: 'FIRST', cell: ({ firstOffset }) => String(firstOffset), align: 'right' },
        { header: 'LAST', cell: ({ lastOffset }) => String(lastOffset), align: 'right' },
        { header: 'EXAMPLE', cell: ({ example }) => example },
      ]);
      const total = rows.reduce((sum, row) => sum + row.count, 0);
      process.stdout.write(`${formatCount(total)} dead letters in ${table}\n`);
    }
    return exitCodes.complete;
  });
}

function count(found: Map<string, DeadCount>, letter: DeadLetter, code: string | undefined): void {
  if ((code ?? letter.code) !== letter.code) return;
  const { topic, partition, offset } = letter;
  const key = `${partition}/${letter.code}`;
  const before = found.get(key);
  if (!before) {
    const example = letter.reason;
    found.set(key, { topic, partition, code: letter.code, count: 1, firstOffset: offset, lastOffset: offset, example });
    return;
  }
  before.count++;
  if (offset < before.firstOffset) before.firstOffset = offset;
  if (offset > before.lastOffset) before.lastOffset = offset;
}

/** `sluice dead show TABLE`: the records, one JSON object a line. */
export async function showDead(table: string, flags: ShowDeadFlags): Promise<number> {
  return await usingTable(flags, table, async (context) => {
    let left = flags.limit;
    for await (const file of deadLetterFiles(context, { partition: flags.partition })) {
      const holds = file.dead.some((run) => {
        return flags.offset === undefined || (run.first <= flags.offset && flags.offset < run.next);
      });
      if (!holds || countOffsets(file.dead) === 0n) continue;
      for await (const letter of readDeadLetters(context, file)) {
        if ((flags.code ?? letter.code) !== letter.code || (flags.offset ?? letter.offset) !== letter.offset) continue;
        if (left-- <= 0) return exitCodes.complete;
        process.stdout.write(lineOf(letter));
      }
    }
    return exitCodes.complete;
  });
}

/** `sluice dead replay TABLE`: exit code 3 when some of them could not be made rows. */
export async function replayDead(table: string, flags: ReplayFlags): Promise<number> {
  const settings = await contractSettings(flags);
  return await usingTable(flags, table, async (context) => {
    await tellDifferences(context.files, table, settings);
    const { partition, code, repair, reason } = flags;
    const report = await replayDeadLetters(context, { settings, partition, code, repair, reason });
    if (flags.json) printJson(report);
    else {
      const records =
        report.sequences.length === 0 ? '' : ` (records ${report.sequences.join(', ')} of the table's chain)`;
      process.stdout.write(
        `${formatCount(report.landed)} of ${formatCount(report.tried)} dead letters of ${table} are rows now${records}\n`,
      );
    }
    return report.landed === report.tried ? exitCodes.complete : exitCodes.partial;
  });
}
