import { describe, expect, it } from 'vitest';
import { SchemaStore } from '../../../src/offsets/index.ts';
import type { TableSchema } from '../../../src/warehouse/index.ts';
import { MemoryDisk, MemoryFiles } from '../../support/memory-files.ts';

function schema(...names: string[]): TableSchema {
  const columns = names.map((name, index) => ({
    name,
    type: 'string' as const,
    isRequired: false,
    fieldIds: { '': index + 1 },
  }));
  return { id: 0, mode: 'inferred', columns, keyType: 'bytes' };
}

describe('SchemaStore', () => {
  it('numbers schemas from 1 and gives back what was written', async () => {
    const store = new SchemaStore(new MemoryFiles(), 'events');
    expect(await store.current()).toBeNull();
    expect(await store.publishNext(schema('a'), 0)).toEqual({ outcome: 'adopted', schema: { ...schema('a'), id: 1 } });
    expect(await store.publishNext(schema('a', 'b'), 1)).toMatchObject({ outcome: 'adopted', schema: { id: 2 } });
    expect(await store.current()).toEqual({ ...schema('a', 'b'), id: 2 });
    expect(await store.read(1)).toEqual({ ...schema('a'), id: 1 });
  });

  it('lets one of many workers be first and shows the others its schema', async () => {
    const disk = new MemoryDisk();
    const names = ['a', 'b', 'c', 'd', 'e'];
    const outcomes = await Promise.all(
      names.map((name) => new SchemaStore(new MemoryFiles(disk), 'events').publishNext(schema(name), 0)),
    );
    const adopted = outcomes.filter(({ outcome }) => outcome === 'adopted');
    expect(adopted).toHaveLength(1);
    for (const { schema: seen } of outcomes) expect(seen).toEqual(adopted[0]!.schema);
  });

  it('takes the very same schema of somebody else for its own', async () => {
    const disk = new MemoryDisk();
    const publish = () => new SchemaStore(new MemoryFiles(disk), 'events').publishNext(schema('a'), 0);
    expect((await Promise.all([publish(), publish()])).map(({ outcome }) => outcome)).toEqual(['adopted', 'adopted']);
    expect(disk.paths('/events/_sluice/schema')).toHaveLength(1);
  });
});
