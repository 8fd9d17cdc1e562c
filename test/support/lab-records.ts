import { hourFolder } from '../../src/warehouse/index.ts';
import type { ProducerRecord } from '../../src/wire/index.ts';
import type { ExpectedRow, LogRow } from './compare-with-log.ts';

/** Values that can never be rows, each with the reason it must be refused for. */
export const poisonValues: readonly (readonly [string, Buffer | null])[] = [
  ['not JSON', Buffer.from('poison')],
  ['cut JSON', Buffer.from('{"id":1,"body":"x"')],
  ['an array', Buffer.from('[1,2,3]')],
  ['a scalar', Buffer.from('17')],
  ['empty', Buffer.alloc(0)],
  ['null value', null],
  ['not UTF-8', Buffer.from([0x7b, 0x22, 0x69, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
];

const startMs = Date.parse('2026-11-21T06:30:00Z');

export interface LabRecordOptions {
  random: () => number;
  count: number;
  /** Number of the first record: ids go on from there. */
  from?: number;
  /** Share of poison; 0.02 when left out. */
  poisonShare?: number;
  /** Hours over which event times are spread; 2 when left out. */
  hours?: number;
}

/**
 * Events with an id beyond 2^53, an event time in `ts`, a body of any length and characters, now and then a field that no
 * record had before, and some poison.
 */
export function labRecords(options: LabRecordOptions): ProducerRecord[] {
  const { random, count, from = 0, poisonShare = 0.02, hours = 2 } = options;
  return Array.from({ length: count }, (_, index) => {
    const number = from + index;
    const key = `k${number % 97}`;
    if (random() < poisonShare) return { key, value: poisonValues[Math.floor(random() * poisonValues.length)]![1] };
    const ts = new Date(startMs + Math.floor(random() * hours * 3_600_000)).toISOString();
    const body = bodyOf(random);
    const extra =
      number > 50 && random() < 0.05 ? `,"extra_${Math.floor(random() * 4)}":${Math.floor(random() * 1000)}` : '';
    return {
      key,
      value: `{"id":${9_007_199_254_740_993n + BigInt(number)},"ts":"${ts}","body":${JSON.stringify(body)}${extra}}`,
    };
  });
}

const characters = ['a', 'B', '7', ' ', '"', '\\', 'é', '漢', '😀', '\n', '\u0001'];

function bodyOf(random: () => number): string {
  const length = Math.floor(random() ** 3 * 300);
  return Array.from({ length }, () => characters[Math.floor(random() * characters.length)]).join('');
}

/** The log's records as rows and as dead letters. */
export function expectedOf(log: readonly LogRow[]): { rows: ExpectedRow[]; dead: LogRow[] } {
  const rows: ExpectedRow[] = [];
  const dead: LogRow[] = [];
  for (const record of log) {
    const row = expectedRow(record);
    if (row) rows.push(row);
    else dead.push(record);
  }
  return { rows, dead };
}

function expectedRow(record: LogRow): ExpectedRow | null {
  const text = record.value?.toString('utf8') ?? '';
  const id = /^\{"id":(\d+),/.exec(text)?.[1];
  if (id === undefined || record.value === null) return null;
  try {
    const { ts, body } = JSON.parse(text) as { ts: string; body: string };
    const { partition, offset, key } = record;
    return { partition, offset: String(offset), key, folder: hourFolder(BigInt(Date.parse(ts))), id, body };
  } catch {
    return null;
  }
}
