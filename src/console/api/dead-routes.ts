import { isUtf8 } from 'node:buffer';
import { readDeadPage } from '../../operation/index.ts';
import { BadInputError } from '../../shared/index.ts';
import type { DeadAnswer } from '../answers.ts';
import type { ConsoleContext } from '../console-context.ts';
import { type ConsoleRoute, numberOf } from '../route.ts';
import type { TableFiles } from './table-files.ts';

const scanLimit = 100_000;
const textBytes = 8 * 1024;

/** Dead letters of a table: how many of each kind, and the records themselves. */
export function deadRoutes(context: ConsoleContext, tables: TableFiles): ConsoleRoute[] {
  return [
    {
      kind: 'question',
      method: 'GET',
      pattern: /^\/api\/tables\/([^/]+)\/dead$/,
      answer: async ({ params, query, signal }) => {
        const [table] = params as [string];
        if (!(await tables.tables(signal)).includes(table))
          throw new BadInputError(`expected an existing table, got "${table}"`);
        const partition = query.get('partition') ? numberOf(query, 'partition', 0, 2 ** 31 - 1, 0) : undefined;
        const question = {
          partition,
          code: query.get('code') || undefined,
          limit: numberOf(query, 'limit', 1, 500, 100),
          scanLimit,
        };
        const page = await readDeadPage(await context.warehouse('read'), table, question, {
          clock: context.clock,
          signal,
        });
        const letters = page.letters.map(({ key, value, headers: _, topicId: __, ...letter }) => {
          return { ...letter, key: textOf(key), value: textOf(value) };
        });
        return { json: { ...page, letters } satisfies DeadAnswer };
      },
    },
  ];
}

function textOf(bytes: Buffer | null): string | null {
  if (bytes === null) return null;
  const cut = bytes.subarray(0, textBytes);
  return isUtf8(bytes) ? cut.toString('utf8') : `base64:${cut.toString('base64')}`;
}
