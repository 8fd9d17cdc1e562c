import { readLogBounds } from '../../loader/index.ts';
import { type FoundOffset, type OffsetPlace, whereOffset } from '../../operation/index.ts';
import { withCluster } from '../kafka/with-cluster.ts';
import { usingWarehouse, type WarehouseOptions } from '../offsets/warehouse-options.ts';
import { exitCodes, printJson } from '../output.ts';
import { stopSignal } from '../signals.ts';
import { askLoad } from './ask-load.ts';
import type { AskedPlace } from './asked-place.ts';

export interface WhereOptions extends WarehouseOptions {
  http?: string;
}

/** What the log and the running load say of an offset that is not committed. */
interface Elsewhere {
  log: 'in-log' | 'expired' | 'not-appended' | null;
  buffered: 'encoded' | 'read' | null;
}

export async function showWhere(asked: AskedPlace, options: WhereOptions): Promise<number> {
  const { signal } = stopSignal();
  const found = await usingWarehouse(options, 'read', (files) =>
    whereOffset(files, { ...asked, table: options.table }, signal),
  );
  const elsewhere: Elsewhere = {
    log: options.brokers ? await lookIntoLog(asked, options.brokers, options.commandConfig) : null,
    buffered: options.http ? await lookIntoLoad(asked, options.http) : null,
  };
  if (options.json) printJson(found.map((one) => ({ ...one, ...elsewhere })));
  else for (const one of found) process.stdout.write(`${describe(one, elsewhere)}\n`);
  return found.some((one) => one.found.place === 'unexplained') ? exitCodes.difference : exitCodes.complete;
}

async function lookIntoLog(asked: AskedPlace, brokers: string[], commandConfig?: string): Promise<Elsewhere['log']> {
  const flags = { brokers, ...(commandConfig === undefined ? {} : { commandConfig }) };
  const bounds = await withCluster(flags, (cluster) => readLogBounds(cluster, [asked.topic]));
  const own = bounds.find(({ partition }) => partition === asked.partition);
  if (!own || asked.offset >= own.end) return 'not-appended';
  return asked.offset < own.start ? 'expired' : 'in-log';
}

/** What the load at this address holds in memory. */
async function lookIntoLoad(asked: AskedPlace, url: string): Promise<Elsewhere['buffered']> {
  const shown = await askLoad(url);
  const own = shown.find(({ topic, partition }) => topic === asked.topic && partition === asked.partition);
  const isBelow = (end: string | null | undefined): boolean => end != null && asked.offset < BigInt(end);
  if (!own || isBelow(own.committed)) return null;
  if (isBelow(own.encoded)) return 'encoded';
  return isBelow(own.read) ? 'read' : null;
}

function describe({ table, topic, partition, offset, found }: FoundOffset, elsewhere: Elsewhere): string {
  return `${topic}/${partition}@${offset} (table ${table}): ${words(found, elsewhere)}`;
}

function words(found: OffsetPlace, elsewhere: Elsewhere): string {
  const inLog = elsewhere.log === 'in-log' ? '; it is in the log as well' : '';
  switch (found.place) {
    case 'file':
      return `landed: row ${found.row} of ${found.rowCount} (from 0) of ${found.file}, brought by ${found.broughtBy}${inLog}`;
    case 'dead-letter':
      return `a dead letter: ${found.code}: ${found.reason} (line ${found.line} of ${found.file})${inLog}`;
    case 'before-first':
      return `before the first offset that was ever loaded, ${found.first}${inLog}`;
    case 'not-committed':
      return notCommittedWords(found.checkpoint, elsewhere);
    case 'control':
      return `no record: ${found.detail}${inLog}`;
    default:
      return `${found.place}: ${found.detail}${inLog}`;
  }
}

function notCommittedWords(checkpoint: bigint | null, { log, buffered }: Elsewhere): string {
  const behind = `not committed yet (the checkpoint is ${checkpoint ?? 'not set'})`;
  if (buffered === 'encoded') return `buffered: encoded in the open roll of the load, ${behind}`;
  if (buffered === 'read') return `buffered: read by the load and not encoded, ${behind}`;
  switch (log) {
    case 'in-log':
      return `in the log, ${behind}`;
    case 'expired':
      return `expired in the log before it was loaded, ${behind}`;
    case 'not-appended':
      return 'nowhere: the log has not come so far';
    default:
      return `${behind}; name --brokers to look into the log`;
  }
}
