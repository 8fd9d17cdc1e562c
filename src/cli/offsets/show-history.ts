import { describeOffsets, describeOwner, type LedgerRecord, readHistory } from '../../offsets/index.ts';
import { exitCodes, formatBytes, printJson, printTable } from '../output.ts';
import { nothingLoaded, type ShowOptions } from './show-offsets.ts';
import { checkTable, usingWarehouse } from './warehouse-options.ts';

export interface HistoryOptions extends ShowOptions {
  limit: number;
}

interface HistoryLine {
  table: string;
  topicId: string;
  partition: number;
  record: LedgerRecord;
}

/** `sluice offsets history TOPIC`: the last records of each partition's chain, the newest last. */
export async function showHistory(topic: string, options: HistoryOptions): Promise<number> {
  return await usingWarehouse(options, 'read', async (files) => {
    await checkTable(files, options.table);
    const filter = { table: options.table, topic, partition: options.partition, withPast: true };
    const lines: HistoryLine[] = [];
    for (const { state, problem, ...chain } of await describeOffsets(files, filter)) {
      if (problem) throw problem;
      const { table, topicId, partition } = chain;
      const recent: HistoryLine[] = [];
      for await (const record of readHistory(files, chain, state!)) {
        recent.push({ table, topicId, partition, record });
        if (recent.length > options.limit) recent.shift();
      }
      lines.push(...recent);
    }
    if (lines.length === 0) throw nothingLoaded(topic, options);
    if (options.json) printJson(lines.map(({ table, record }) => ({ table, ...record })));
    else print(lines);
    return exitCodes.complete;
  });
}

function print(lines: readonly HistoryLine[]): void {
  printTable(lines, [
    { header: 'TABLE', cell: ({ table }) => table },
    { header: 'PARTITION', cell: ({ partition }) => String(partition), align: 'right' },
    { header: 'RECORD', cell: ({ record }) => String(record.sequence), align: 'right' },
    { header: 'TIME', cell: ({ record }) => new Date(record.writtenAtMs).toISOString() },
    { header: 'KIND', cell: ({ record }) => record.kind },
    { header: 'FIRST', cell: ({ record }) => ('first' in record ? String(record.first) : ''), align: 'right' },
    { header: 'NEXT', cell: ({ record }) => String(record.next), align: 'right' },
    { header: 'WHAT', cell: ({ record }) => what(record) },
    { header: 'OWNER', cell: ({ record }) => describeOwner(record.owner) },
  ]);
}

function what(record: LedgerRecord): string {
  switch (record.kind) {
    case 'claim':
      return record.takeOver === null ? '' : `overruled ${record.takeOver}`;
    case 'commit': {
      const bytes = record.files.reduce((sum, file) => sum + file.size, 0);
      const dead = record.deadLetters ? `, ${record.deadLetters.count} dead letters` : '';
      return `${record.landedCount} rows in ${record.files.length} files (${formatBytes(bytes)})${dead}, by ${record.cause}`;
    }
    case 'gap':
      return record.reason;
    case 'era-end':
      return record.era === 0 ? 'the chain begins' : `era ${record.era} ends`;
    case 'rewind':
      return `from ${record.from} back to ${record.next}, ${record.totals.landed} rows retracted: ${record.reason}`;
    case 'repair':
      return `record ${record.voids} does not count: ${record.reason}`;
    default:
      return '';
  }
}
