import type { LiveFile } from '../../offsets/index.ts';
import { BadInputError, SluiceError } from '../../shared/index.ts';
import { querySandboxed, type SandboxLimits, type SandboxView } from '../../warehouse/index.ts';
import type { ConsoleContext } from '../console-context.ts';
import { type ConsoleRequest, type ConsoleRoute, textOf } from '../route.ts';
import type { TableFiles } from './table-files.ts';

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
const atOnce = 2;
const waitingMost = 20;

/** Somebody's SQL over the tables: read-only, in a sandbox, a few at a time. */
export function askRoutes(context: ConsoleContext, files: TableFiles): ConsoleRoute[] {
  const turns = new Turns(atOnce, waitingMost);
  return [
    {
      kind: 'question',
      method: 'POST',
      pattern: /^\/api\/ask$/,
      answer: (request) => turns.take(async () => ({ json: await ask(context, files, request) })),
    },
  ];
}

async function ask({ logger }: ConsoleContext, files: TableFiles, { body, caller, signal }: ConsoleRequest) {
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

/** So many at a time; so many may wait. */
class Turns {
  readonly #atOnce: number;
  readonly #waitingMost: number;
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;

  constructor(atOnce: number, waitingMost: number) {
    this.#atOnce = atOnce;
    this.#waitingMost = waitingMost;
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#underWay >= this.#atOnce) {
      if (this.#waiting.length >= this.#waitingMost) {
        throw new SluiceError('busy', 'too many questions wait already: ask again in a moment', { isRetriable: true });
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#underWay++;
    try {
      return await work();
    } finally {
      this.#underWay--;
      this.#waiting.shift()?.();
    }
  }
}
