import { awaitHour } from '../../hours/index.ts';
import { usingWarehouse, type WarehouseOptions } from '../offsets/warehouse-options.ts';
import { exitCodes, printJson } from '../output.ts';
import { stopSignal } from '../signals.ts';

export interface AwaitFlags extends WarehouseOptions {
  timeout: number;
  poll: number;
}

export async function runAwait(table: string, hour: string, flags: AwaitFlags): Promise<number> {
  const { signal } = stopSignal();
  return await usingWarehouse(flags, 'read', async (files) => {
    const { isReady, reason, answer } = await awaitHour({
      ...{ files, table, hour, signal, timeoutMs: flags.timeout, pollMs: flags.poll },
      onWait: (waitsFor) => process.stderr.write(`sluice: ${table} ${hour} waits: ${waitsFor}\n`),
    });
    if (flags.json) printJson(answer ?? { table, hour, isReady, reason });
    if (!isReady) {
      process.stderr.write(`sluice: ${table} ${hour} is not complete: ${reason}\n`);
      return exitCodes.notReady;
    }
    if (!flags.json && answer) {
      process.stdout.write(
        `${table} ${answer.hour} is ${answer.status}, revision ${answer.revision}: ${answer.manifest}\n`,
      );
    }
    return exitCodes.complete;
  });
}
