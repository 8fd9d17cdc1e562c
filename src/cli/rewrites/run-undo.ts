import type { RewriteRecord } from '../../offsets/index.ts';
import { type RewriteContext, undoRewrite } from '../../rewrites/index.ts';
import { exitCodes, formatCount, printJson, printTable } from '../output.ts';
import { type TableOptions, usingTable } from './using-table.ts';

export interface UndoFlags extends TableOptions {
  sequence?: number;
  reason: string;
}

/** `sluice undo TABLE`: without --sequence, what could be undone. */
export async function runUndo(table: string, flags: UndoFlags): Promise<number> {
  return await usingTable(flags, table, async (context) => {
    if (flags.sequence === undefined) return await list(context, flags.json ?? false);
    const report = await undoRewrite(context, flags.sequence, flags.reason);
    if (flags.json) printJson(report);
    else {
      const { operation, undone, restoredFiles, restoredRows, removedFiles, sequence } = report;
      process.stdout.write(
        `${operation} ${undone} of ${table} is undone: ${restoredFiles} files with ${formatCount(restoredRows)} rows are back, ` +
          `${removedFiles} files are gone (record ${sequence})\n`,
      );
    }
    return exitCodes.complete;
  });
}

/** The rewrites of the table, newest last, and which of them can be undone. */
async function list({ chain, signal }: RewriteContext, isJson: boolean): Promise<number> {
  const rewrites: { record: RewriteRecord; state: string }[] = [];
  for await (const record of chain.history({ signal })) {
    if (record.kind !== 'rewrite') continue;
    const summary = chain.state.rewrites.get(record.sequence);
    const state = !summary || summary.isExpired ? 'expired' : summary.isActive ? 'can be undone' : 'undone';
    rewrites.push({ record, state });
  }
  const rows = rewrites.map(({ record, state }) => {
    const { sequence, operation, writtenAtMs, writer, replaced, added, undoes, reason } = record;
    const what = undoes !== null ? `undo of ${undoes}` : operation === 'retire' ? 'retire (expired hours)' : operation;
    const time = new Date(writtenAtMs).toISOString();
    return {
      sequence,
      time,
      what,
      replaced: replaced.length,
      added: added.length,
      state,
      by: `${writer.user}@${writer.host}`,
      reason,
    };
  });
  if (isJson) printJson(rows);
  else {
    printTable(rows, [
      { header: 'RECORD', cell: ({ sequence }) => String(sequence), align: 'right' },
      { header: 'TIME', cell: ({ time }) => time },
      { header: 'WHAT', cell: ({ what }) => what },
      { header: 'REPLACED', cell: ({ replaced }) => String(replaced), align: 'right' },
      { header: 'ADDED', cell: ({ added }) => String(added), align: 'right' },
      { header: 'STATE', cell: ({ state }) => state },
      { header: 'BY', cell: ({ by }) => by },
      { header: 'REASON', cell: ({ reason }) => reason },
    ]);
  }
  return exitCodes.complete;
}
