import type { TableChain } from '../offsets/index.ts';
import type { Clock, Logger } from '../shared/index.ts';
import type { WarehouseFiles } from '../warehouse/index.ts';

/** What every rewrite works with. */
export interface RewriteContext {
  files: WarehouseFiles;
  table: string;
  chain: TableChain;
  clock: Clock;
  logger: Logger;
  signal: AbortSignal;
}

/** Absolute path within the warehouse of a path of the table. */
export function inTable(root: string, relative: string): string {
  return `${root}/${relative}`;
}
