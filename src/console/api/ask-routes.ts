import type { LiveFile } from '../../offsets/index.ts';
import { BadInputError } from '../../shared/index.ts';
import { querySandboxed, type SandboxLimits, type SandboxView } from '../../warehouse/index.ts';
import type { AskAnswer } from '../answers.ts';
import type { ConsoleContext } from '../console-context.ts';
import { type ConsoleRequest, type ConsoleRoute, textOf } from '../route.ts';
import type { TableFiles } from './table-files.ts';
import type { Turns } from './turns.ts';

export const askLimits: SandboxLimits = {
  memoryLimit: '256MB',
  spillLimit: '512MB',
  timeMs: 20_000,
  rowCount: 2000,
  resultBytes: 4 * 1024 * 1024,
};

const hourMs = 3_600_000;
const maxFiles = 3000;
const maxSqlLength = 20_000;

/** Somebody's SQL over the tables: read-only, in a sandbox, in its turn. */
export function askRoutes(context: ConsoleContext, files: TableFiles, turns: Turns): ConsoleRoute[] {
  return [
    {
      kind: 'question',
      method: 'POST',
      pattern: /^\/api\/ask$/,
      answer: (request) => turns.take(request.signal, async () => ({ json: await ask(context, files, request) })),
    },
  ];
}

async function ask(
  { logger }: ConsoleContext,
  files: TableFiles,
  { body, caller, signal }: ConsoleRequest,
): Promise<AskAnswer> {
  const sql = textOf(body, 'sql', maxSqlLength);
  const hours = body['hours'] ?? null;
  if (hours !== null && (typeof hours !== 'number' || !(hours > 0))) {
    throw new BadInputError('expected "hours" to be a number above 0, or null for all of them');
  }
  logger.info({ who: caller.person.name, sql }, 'WarehouseAsked');
  const views: SandboxView[] = [];
  const notes: string[] = [];
  for (const table of await files.tables(signal)) {
    if (!sql.toLowerCase().includes(table.toLowerCase())) continue; // what is not named need not be opened
    const chosen = choose(await files.files(table, signal), hours);
    if (chosen.files.length === 0) continue;
    if (chosen.isCut)
      notes.push(`${table}: only its newest ${maxFiles} files are looked at; ask for fewer hours, or compact it`);
    views.push({ name: table, paths: await files.local(table, chosen.files, signal) });
  }
  return { ...(await querySandboxed(sql, views, askLimits, signal)), notes };
}

/** The files with rows of the last hours, counted back from the newest row of the table. */
function choose(files: readonly LiveFile[], hours: number | null): { files: readonly LiveFile[]; isCut: boolean } {
  const newest = files[0]?.maxTimeMs ?? 0n;
  const since = hours === null ? null : newest - BigInt(Math.round(hours * hourMs));
  const found = since === null ? files : files.filter(({ maxTimeMs }) => maxTimeMs >= since);
  return { files: found.slice(0, maxFiles), isCut: found.length > maxFiles };
}
