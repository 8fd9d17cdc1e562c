import { z } from 'zod';
import type { CloseHoursReport } from '../src/hours/index.ts';
import { auditTable, type TableAudit } from './audit-tables.ts';
import { closeHours } from './close-hours.ts';
import type { JobContext, JobFlow } from './job-flow.ts';
import {
  type LoadWindowChild,
  type LoadWindowChildResult,
  type LoadWindowResult,
  loadWindow,
  parseLoadWindow,
} from './load-window.ts';
import { parseJobInput, usingTables } from './table-jobs.ts';

const inputSchema = z.looseObject({ latenessMs: z.int().min(0).optional() });

export type CatchUpInput = ReturnType<typeof loadWindow.parseInput> & { latenessMs?: number | undefined };

export interface CatchUpResult extends LoadWindowResult {
  hours: CloseHoursReport[];
  audits: TableAudit[];
}

/**
 * What to run after an outage: loads everything up to the end that each partition has now, one child a partition (a
 * partition with a live continuous owner is left to it, and waited for), then closes the hours, then audits against the log.
 */
export const catchUp: JobFlow<CatchUpInput, LoadWindowChild, LoadWindowChildResult, CatchUpResult> = {
  name: 'catch-up',
  childAttempts: loadWindow.childAttempts,
  parseInput(value) {
    const { latenessMs, ...window } = parseJobInput('catch-up', inputSchema, value);
    return { ...parseLoadWindow('catch-up', window), ...(latenessMs === undefined ? {} : { latenessMs }) };
  },
  plan: (input, context) => loadWindow.plan(windowOf(input), context),
  runChild: loadWindow.runChild,
  async finish(input, results, failures, context) {
    const loaded = await loadWindow.finish(windowOf(input), results, failures, context);
    if (loaded.outcome === 'failed') return { ...loaded, hours: [], audits: [] };
    const hours = await closeAll(input, context);
    const { brokers, clientConfig, topics } = input;
    const audits = await usingTables(input, 'read', context, async (files) => {
      const found: TableAudit[] = [];
      for (const table of topics)
        found.push(await auditTable(files, table, { brokers, clientConfig, deep: false }, context));
      return found;
    });
    const differing = audits.filter(({ problems }) => problems.length > 0);
    const differences = differing.map(({ table, problems }) => ({ step: table, error: problems.join('; ') }));
    const outcome = differences.length > 0 ? 'failed' : loaded.outcome;
    return { ...loaded, outcome, failures: [...loaded.failures, ...differences], hours, audits };
  },
};

function windowOf({ latenessMs: _latenessMs, ...window }: CatchUpInput) {
  return window;
}

async function closeAll(input: CatchUpInput, context: JobContext): Promise<CloseHoursReport[]> {
  const { brokers, clientConfig, warehouseUrl, user, topics, latenessMs } = input;
  const closing = { brokers, clientConfig, warehouseUrl, user, tables: topics, latenessMs };
  const children = topics.map((table) => ({ input: closing, table }));
  const reports: CloseHoursReport[] = [];
  for (const child of children) reports.push(await closeHours.runChild(child, context));
  return reports;
}
