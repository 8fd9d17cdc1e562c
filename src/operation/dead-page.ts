import { TableChain } from '../offsets/index.ts';
import { type DeadLetter, deadLetterFiles, type RewriteContext, readDeadLetters } from '../rewrites/index.ts';
import { type Clock, type Logger, silentLogger } from '../shared/index.ts';
import type { WarehouseFiles } from '../warehouse/index.ts';

export interface DeadCount {
  partition: number;
  code: string;
  count: number;
  example: string;
}

export interface DeadPage {
  /** By partition and code, of everything that was looked through. */
  counts: DeadCount[];
  /** The first that fit the question. */
  letters: DeadLetter[];
  /** There are more letters than were looked through. */
  isCut: boolean;
}

export interface DeadQuestion {
  partition?: number | undefined;
  code?: string | undefined;
  /** Letters to give back, and to look through at most. */
  limit: number;
  scanLimit: number;
}

/** A look at the dead letters of a table that ends in bounded time: how many of each kind, and the first of them whole. */
export async function readDeadPage(
  files: WarehouseFiles,
  table: string,
  question: DeadQuestion,
  { clock, logger = silentLogger, signal }: { clock: Clock; logger?: Logger; signal: AbortSignal },
): Promise<DeadPage> {
  const chain = await TableChain.open(files, table, { logger, signal });
  const context: RewriteContext = { files, table, chain, clock, logger, signal };
  const counts = new Map<string, DeadCount>();
  const letters: DeadLetter[] = [];
  let seen = 0;
  const page = (isCut: boolean): DeadPage => ({ counts: [...counts.values()].sort(compare), letters, isCut });
  for await (const file of deadLetterFiles(context, { partition: question.partition })) {
    for await (const letter of readDeadLetters(context, file)) {
      if (++seen > question.scanLimit) return page(true);
      count(counts, letter);
      const isWanted = (question.code ?? letter.code) === letter.code;
      if (isWanted && letters.length < question.limit) letters.push(letter);
    }
  }
  return page(false);
}

function count(counts: Map<string, DeadCount>, { partition, code, reason }: DeadLetter): void {
  const key = `${partition}/${code}`;
  const known = counts.get(key);
  if (known) known.count++;
  else counts.set(key, { partition, code, count: 1, example: reason });
}

function compare(a: DeadCount, b: DeadCount): number {
  return a.partition - b.partition || (a.code < b.code ? -1 : 1);
}
