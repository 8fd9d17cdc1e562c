import { parseClientCommand, syncCatalog } from '../../catalog/index.ts';
import { usingWarehouse } from '../offsets/warehouse-options.ts';
import { exitCodes, formatCount, printJson } from '../output.ts';
import { stopSignal } from '../signals.ts';
import { projectFor, type SyncFlags } from './catalog-options.ts';
import { driftJson, driftLines } from './check-catalog.ts';

export async function runSync(table: string, flags: SyncFlags): Promise<number> {
  const { signal } = stopSignal();
  const client = parseClientCommand(flags.run);
  return await usingWarehouse(flags, 'read', async (files) => {
    const { dialect } = flags;
    const projected = await projectFor(files, table, flags, signal);
    const { before, after, statements, isEqual } = await syncCatalog(projected, { client, dialect, signal });
    if (flags.json) {
      printJson({ ...driftJson(projected, after), before: driftJson(projected, before), statements });
    } else {
      const mended = driftLines(before).map((line) => `was: ${line}`);
      const left = driftLines(after).map((line) => `is: ${line}`);
      const word = statements.length === 1 ? 'statement' : 'statements';
      const end = isEqual ? 'the catalog is right' : 'the catalog still differs';
      const counts = `${formatCount(projected.partitions.length)} partitions, ${statements.length} ${word} run`;
      process.stdout.write(
        `${[...mended, ...(isEqual ? [] : left), `${projected.name}: ${end}, ${counts}`].join('\n')}\n`,
      );
    }
    return isEqual ? exitCodes.complete : exitCodes.difference;
  });
}
