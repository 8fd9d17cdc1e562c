import { TableChain, type TableChainOptions } from '../../src/offsets/index.ts';
import type { RewriteContext } from '../../src/rewrites/index.ts';
import { silentLogger, systemClock } from '../../src/shared/index.ts';
import type { WarehouseFiles } from '../../src/warehouse/index.ts';
import { type Lake, openLake } from './lake.ts';
import type { SmallWarehouse } from './small-warehouse.ts';

/** A context for rewrites of the warehouse's table, as one process has it. */
export async function rewriteContext(
  warehouse: SmallWarehouse,
  options: { files?: WarehouseFiles; chain?: TableChainOptions; signal?: AbortSignal } = {},
): Promise<RewriteContext> {
  const files = options.files ?? warehouse.files;
  const { table } = warehouse;
  const chain = await TableChain.open(files, table, { retryMs: 1, ...options.chain });
  const signal = options.signal ?? new AbortController().signal;
  return { files, table, chain, clock: systemClock, logger: silentLogger, signal };
}

/** The rows that a reader of the table's folders sees, `partition/offset/n` each, sorted. */
export async function visibleRows(warehouse: SmallWarehouse): Promise<string[]> {
  const lake: Lake = await openLake();
  try {
    const glob = `${warehouse.local(`/${warehouse.table}`)}/dt=*/hr=*/part+*.parquet`;
    const rows = await lake.rows(
      `SELECT _partition, _offset, n, dt, hr FROM read_parquet('${glob}', union_by_name = true)`,
    );
    return rows.map((row) => row.join('/')).sort();
  } finally {
    await lake.close();
  }
}
