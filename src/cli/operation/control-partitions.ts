import { hostname, userInfo } from 'node:os';
import { describePause } from '../../loader/index.ts';
import { describeOwner } from '../../offsets/index.ts';
import { controlPartition, readPauses } from '../../operation/index.ts';
import { describeError } from '../../shared/index.ts';
import { usingWarehouse, type WarehouseOptions } from '../offsets/warehouse-options.ts';
import { exitCodes, printJson } from '../output.ts';

export type ControlOptions = WarehouseOptions;

/** `sluice partitions pause|resume`. */
export async function controlPartitions(
  action: 'pause' | 'resume',
  table: string,
  partition: number,
  options: ControlOptions & { reason: string },
): Promise<number> {
  return await usingWarehouse(options, 'write', async (files) => {
    const by = `${userInfo().username}@${hostname()}`;
    const written = await controlPartition(files, table, partition, { action, by, reason: options.reason });
    if (options.json) printJson(written);
    for (const { topic, isNew, entry } of options.json ? [] : written) {
      const what = `${topic}, partition ${partition}`;
      const since = entry ? ` since ${new Date(entry.atMs).toISOString()}, by ${entry.by}: ${entry.reason}` : '';
      const already = action === 'pause' ? `was paused already${since}` : `was not paused${since}`;
      const done = action === 'pause' ? 'is paused: its owner lets it go within seconds' : 'goes on within seconds';
      process.stdout.write(`${what}: ${isNew ? done : already}\n`);
    }
    return exitCodes.complete;
  });
}

/** `sluice partitions status`. */
export async function showPartitions(
  table: string,
  partition: number | undefined,
  options: ControlOptions,
): Promise<number> {
  return await usingWarehouse(options, 'read', async (files) => {
    const found = await readPauses(files, table, partition);
    if (options.json) {
      printJson(
        found.map(({ place, pause, history }) => ({
          table,
          topic: place.topic,
          partition: place.partition,
          checkpoint: place.state?.next ?? null,
          owner: place.state?.holder?.owner ?? null,
          pause,
          history,
        })),
      );
      return exitCodes.complete;
    }
    for (const { place, pause, history } of found) {
      const { state, problem } = place;
      const checkpoint = state ? `checkpoint ${state.next ?? 'none yet'}` : describeError(problem);
      const owner = state?.holder ? `owned by ${describeOwner(state.holder.owner)}` : 'owned by nobody';
      process.stdout.write(`${place.topic}, partition ${place.partition}: ${checkpoint}, ${owner}\n`);
      if (pause) process.stdout.write(`  ${describePause(pause)}\n`);
      for (const { action, by, reason, atMs } of history) {
        process.stdout.write(`  ${new Date(atMs).toISOString()} ${action} by ${by}: ${reason}\n`);
      }
    }
    return exitCodes.complete;
  });
}
