import type { WarehouseFiles } from '../../warehouse/index.ts';
import { usingWarehouse } from '../offsets/warehouse-options.ts';

/** Runs `work` with the warehouse that was named; with none when none was: then there is only the log. */
export async function withHistory<R>(
  { warehouse, user }: { warehouse?: string; user?: string },
  work: (files: WarehouseFiles | undefined) => Promise<R>,
): Promise<R> {
  if (warehouse === undefined) return await work(undefined);
  return await usingWarehouse({ warehouse, ...(user ? { user } : {}) }, 'read', work);
}
