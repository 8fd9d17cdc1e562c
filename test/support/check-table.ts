import { join } from 'node:path';
import type { KafkaCluster } from '../../src/wire/client/index.ts';
import { compareRows, readLog } from './compare-with-log.ts';
import { expectedOf } from './lab-records.ts';
import { filesBelow, readDeadLetters } from './load-lab.ts';

/**
 * Whether a local table holds exactly what the topic's log holds: each good record once as a row, filed under its hour,
 * each poison record once as a dead letter with its bytes, and nothing else. Gives what is wrong, a line each.
 */
export async function checkTable(cluster: KafkaCluster, topic: string, warehouseDirectory: string): Promise<string[]> {
  const table = join(warehouseDirectory, topic);
  const { rows, dead } = expectedOf(await readLog(cluster, topic));
  const { missing, unexpected } = await compareRows(`${table}/dt=*/hr=*/part+*.parquet`, rows);
  const problems = [...missing.map((row) => `missing ${row}`), ...unexpected.map((row) => `unexpected ${row}`)];

  const letterText = (partition: number, offset: string, value: string | null): string =>
    `${partition}/${offset} ${value}`;
  const expectedLetters = dead.map((row) =>
    letterText(row.partition, String(row.offset), row.value?.toString('base64') ?? null),
  );
  const foundLetters = readDeadLetters(table).map((letter) =>
    letterText(letter.partition, letter.offset, letter.value),
  );
  problems.push(...difference(expectedLetters, foundLetters).map((letter) => `dead letter missing ${letter}`));
  problems.push(...difference(foundLetters, expectedLetters).map((letter) => `dead letter unexpected ${letter}`));

  const left = filesBelow(table, '_sluice/staging');
  problems.push(...left.map((path) => `left in staging: ${path}`));
  return problems;
}

/** Multiset difference. */
function difference(left: readonly string[], right: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const item of right) counts.set(item, (counts.get(item) ?? 0) + 1);
  return left.filter((item) => {
    const count = counts.get(item) ?? 0;
    counts.set(item, count - 1);
    return count <= 0;
  });
}
