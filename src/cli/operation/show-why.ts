import { type ExplainedTable, explainTable } from '../../operation/index.ts';
import { usingWarehouse, type WarehouseOptions } from '../offsets/warehouse-options.ts';
import { exitCodes, printJson } from '../output.ts';
import { stopSignal } from '../signals.ts';
import { askLoad, type LivePartition } from './ask-load.ts';

export interface WhyOptions extends WarehouseOptions {
  partition?: number;
  limit: number;
  http?: string;
}

export async function showWhy(table: string, options: WhyOptions): Promise<number> {
  const { partition, limit } = options;
  const { signal } = stopSignal();
  const live = options.http ? await askLoad(options.http) : [];
  const explained = await usingWarehouse(options, 'read', (files) =>
    explainTable(files, table, { partition, limit, signal }),
  );
  if (options.json) printJson({ ...explained, live });
  else print(explained, live);
  return exitCodes.complete;
}

function print({ table, partitions, waits }: ExplainedTable, live: readonly LivePartition[]): void {
  for (const { topic, partition, checkpoint, records, causes, waits: own } of partitions) {
    process.stdout.write(`${table}: ${topic}, partition ${partition}, checkpoint ${checkpoint ?? 'none yet'}\n`);
    for (const { sequence, atMs, words } of records) {
      process.stdout.write(`  ${new Date(atMs).toISOString()}  record ${sequence}: ${words}\n`);
    }
    const counts = Object.entries(causes).map(([cause, count]) => `${count} by ${cause}`);
    if (counts.length > 0) process.stdout.write(`  rolls shown: ${counts.join(', ')}\n`);
    for (const wait of own) process.stdout.write(`  waits: ${wait}\n`);
    const now = live.find((one) => one.topic === topic && one.partition === partition);
    if (now) process.stdout.write(`  now: ${now.state}: ${now.wait}\n`);
  }
  for (const wait of waits) process.stdout.write(`${table} waits: ${wait}\n`);
}
