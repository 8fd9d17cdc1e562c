import { describe, expect, it } from 'vitest';
import { readConnectHdfs } from '../../../src/imports/connect-hdfs.ts';
import { MemoryFiles } from '../../support/memory-files.ts';

async function filesNamed(names: Record<string, number>): Promise<MemoryFiles> {
  const files = new MemoryFiles();
  for (const [path, size] of Object.entries(names)) await files.create(path, { bytes: Buffer.alloc(size) });
  return files;
}

describe("the files of Confluent's HDFS sink", () => {
  it('say how far each partition is, whatever the partitioner; temporary files and other topics do not count', async () => {
    const files = await filesNamed({
      '/events/year=2026/month=11/day=20/events+0+0000000000+0000000099.parquet': 100,
      '/events/year=2026/month=11/day=21/events+0+0000000100+0000000149.parquet': 100,
      '/events/year=2026/month=11/day=21/events+12+0000000007+0000000007.avro': 100,
      '/events/year=2026/month=11/day=21/events+0+0000000150+0000000199.parquet': 0,
      '/events/+tmp/year=2026/4f2c_tmp.parquet': 100,
      '/events/partition=1/events+1+5+9.snappy.parquet': 100,
      '/events/partition=1/other+1+5+999.parquet': 100,
      '/events/notes.txt': 1,
      '/events.v2/partition=0/events.v2+0+0+5.json': 10,
    });
    const { positions, warnings } = await readConnectHdfs(files, 'events');
    expect(positions.map(({ partition, first, next, sourceCount }) => [partition, first, next, sourceCount])).toEqual([
      [0, 0n, 150n, 2],
      [1, 5n, 10n, 1],
      [12, 7n, 8n, 1],
    ]);
    expect(warnings).toEqual([expect.stringContaining('events+0+0000000150+0000000199.parquet has 0 bytes')]);
    const dotted = await readConnectHdfs(files, 'events.v2');
    expect(dotted.positions).toMatchObject([{ partition: 0, next: 6n }]);
  });

  it('are found too when the topic folder itself is named', async () => {
    const files = await filesNamed({ '/partition=0/t+0+0+9.parquet': 100, '/partition=0/t+0+12+19.parquet': 100 });
    const { positions } = await readConnectHdfs(files, 't');
    expect(positions).toMatchObject([{ partition: 0, next: 20n, holes: [{ first: 10n, next: 12n }] }]);
  });
});
