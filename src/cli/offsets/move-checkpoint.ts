import { describeOffsets, LedgerError } from '../../offsets/index.ts';
import { type PartitionPlace, type RewriteContext, rewindPartition, skipOffsets } from '../../rewrites/index.ts';
import { BadInputError } from '../../shared/index.ts';
import { exitCodes, formatCount, printJson } from '../output.ts';
import { type TableOptions, usingTable } from '../rewrites/using-table.ts';

export interface MoveOptions extends TableOptions {
  partition: number;
  to: bigint;
  reason: string;
}

/** `sluice offsets rewind TABLE`. */
export async function rewindOffsets(table: string, options: MoveOptions): Promise<number> {
  return await usingTable(options, table, async (context) => {
    const place = await findPlace(context, options.partition);
    const { from, next, totals, sequence, reason } = await rewindPartition(
      context,
      place,
      options.to,
      options.reason,
    ).catch((error: unknown) => {
      const isRefused = error instanceof LedgerError && (error.code === 'conflict' || error.code === 'bad-record');
      throw isRefused ? new BadInputError(error.message, { cause: error }) : error;
    });
    if (options.json) printJson({ ...place, from, checkpoint: next, retracted: totals, sequence, reason });
    else {
      process.stdout.write(
        `${table}, partition ${place.partition}: the checkpoint went from ${from} back to ${next} (record ${sequence}); ` +
          `${formatCount(totals.landed)} rows in ${totals.files} files are retracted\n`,
      );
    }
    return exitCodes.complete;
  });
}

/** `sluice offsets skip TABLE`. */
export async function skipOffsetsTo(table: string, options: MoveOptions): Promise<number> {
  return await usingTable(options, table, async (context) => {
    const place = await findPlace(context, options.partition);
    const { first, next, sequence } = await skipOffsets(context, place, options.to, options.reason);
    if (options.json) printJson({ ...place, first, checkpoint: next, sequence, reason: options.reason });
    else {
      process.stdout.write(
        `${table}, partition ${place.partition}: [${first}, ${next}) is declared a gap (record ${sequence})\n`,
      );
    }
    return exitCodes.complete;
  });
}

/** The partition of the topic's newest incarnation. */
async function findPlace({ files, table, signal }: RewriteContext, partition: number): Promise<PartitionPlace> {
  const found = await describeOffsets(files, { table, partition, signal });
  const [chain] = found;
  if (!chain) throw new BadInputError(`expected a partition of ${table} that was loaded, got ${partition}`);
  if (chain.problem) throw chain.problem;
  return { topic: chain.topic, topicId: chain.topicId, partition };
}
