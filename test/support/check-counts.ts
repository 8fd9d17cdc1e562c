import { join } from 'node:path';
import type { KafkaCluster } from '../../src/wire/client/index.ts';
import { openLake } from './lake.ts';
import { filesBelow, readDeadLetters } from './load-lab.ts';

/**
 * Whether a local table has every offset of its topic's log exactly once, as a row or as a dead letter: what can be checked of
 * a log that is too large to be compared row for row. Gives what is wrong, a line each.
 */
export async function checkCounts(cluster: KafkaCluster, topic: string, warehouseDirectory: string): Promise<string[]> {
  const table = join(warehouseDirectory, topic);
  const partitions = (await cluster.topics({}, [topic]))[0]!.partitions.map(({ partition }) => partition);
  const ends = await cluster.listOffsets(topic, partitions, 'latest', { isolation: 'read_committed' });
  const dead = new Map<number, Set<string>>(partitions.map((partition) => [partition, new Set()]));
  const problems: string[] = [];
  for (const { partition, offset } of readDeadLetters(table)) {
    if (dead.get(partition)!.has(offset)) problems.push(`dead letter ${partition}/${offset} is there twice`);
    dead.get(partition)!.add(offset);
  }
  const lake = await openLake();
  try {
    const counted = await lake.rows(
      `SELECT _partition, count(*), count(DISTINCT _offset), min(_offset), max(_offset)
       FROM read_parquet('${table}/dt=*/hr=*/part+*.parquet', union_by_name = true, hive_partitioning = false) GROUP BY 1`,
    );
    const rows = new Map(counted.map((row) => [Number(row[0]), row.slice(1).map((cell) => BigInt(String(cell)))]));
    for (const partition of partitions) {
      const end = ends.get(partition)!.offset;
      const [count = 0n, distinct = 0n, , max = -1n] = rows.get(partition) ?? [];
      const letters = BigInt(dead.get(partition)!.size);
      if (count !== distinct) problems.push(`partition ${partition}: ${count} rows with ${distinct} offsets`);
      if (count + letters !== end || max >= end) {
        problems.push(`partition ${partition}: ${count} rows and ${letters} dead letters for ${end} offsets`);
      }
    }
  } finally {
    await lake.close();
  }
  return [...problems, ...filesBelow(table, '_sluice/staging').map((path) => `left in staging: ${path}`)];
}
