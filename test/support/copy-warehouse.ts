import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WarehouseFiles } from '../../src/warehouse/index.ts';

/** Copies everything below a local folder into a warehouse, empty folders too. */
export async function copyWarehouse(directory: string, files: WarehouseFiles, path = ''): Promise<void> {
  for (const entry of await readdir(join(directory, path), { withFileTypes: true })) {
    const child = `${path}/${entry.name}`;
    if (entry.isDirectory()) {
      await files.mkdirs(child);
      await copyWarehouse(directory, files, child);
    } else await files.create(child, { bytes: await readFile(join(directory, child)) });
  }
}
