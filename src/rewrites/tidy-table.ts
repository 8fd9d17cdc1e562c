import { hostname } from 'node:os';
import {
  clearHours,
  type OpenIntent,
  readLayout,
  rewriteFolders,
  type TableState,
  type TableWriter,
} from '../offsets/index.ts';
import { TimeFolders } from '../warehouse/index.ts';
import type { RewriteContext } from './rewrite-context.ts';

export interface TidyOptions {
  /** What rewrites replaced is deleted, and cannot be restored any more, when it is older. */
  graceMs: number;
  /** An intent is taken for abandoned when it is older; at once when its process is known to be gone. */
  abandonedMs: number;
}

export interface TidyReport {
  cancelled: number[];
  expired: number[];
}

export const defaultTidy: TidyOptions = { graceMs: 24 * 3_600_000, abandonedMs: 6 * 3_600_000 };

/**
 * The janitor of a table: makes moves that somebody left undone, cancels what was abandoned (the record first, so that it can
 * never be committed any more, then its files), and deletes replaced files behind their grace time. Ages are by the
 * warehouse's clock. Any number may run at a time.
 */
export async function tidyTable(context: RewriteContext, options: Partial<TidyOptions> = {}): Promise<TidyReport> {
  const { chain, files, signal } = context;
  const { graceMs, abandonedMs } = { ...defaultTidy, ...options };
  const nowMs = await files.nowMs({ signal });
  await chain.finishMoves({ signal });
  const cancelled = await cancelAbandoned(context, nowMs - abandonedMs);
  await clearRetired(context);
  const expired = await expireReplaced(context, nowMs - graceMs);
  await sweep(context, nowMs - graceMs);
  return { cancelled, expired };
}

async function cancelAbandoned({ chain, signal }: RewriteContext, oldMs: number): Promise<number[]> {
  const abandoned = [...chain.state.intents.values()].filter((intent) => isAbandoned(intent, oldMs));
  const cancelled: number[] = [];
  for (const { sequence, writer } of abandoned) {
    const reason = `abandoned by ${writer.user}@${writer.host}:${writer.pid}`;
    const record = await chain.append(
      (state) => (state.intents.has(sequence) ? { kind: 'cancel', intent: sequence, reason } : null),
      { signal },
    );
    if (record) cancelled.push(sequence);
  }
  return cancelled;
}

/** A rewind is never abandoned: only running it again can tell how far it got. */
function isAbandoned(intent: OpenIntent, oldMs: number): boolean {
  if (intent.operation === 'rewind') return false;
  return intent.writtenAtMs <= oldMs || isGone(intent.writer);
}

/** Whether a process of this very machine has ended; of others nothing is known. */
function isGone({ host, pid }: TableWriter): boolean {
  if (host !== hostname()) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as { code?: string }).code === 'ESRCH';
  }
}

/** A closer may have shown the manifest of an hour while its rows were being taken out. */
async function clearRetired({ chain, files, table, signal }: RewriteContext): Promise<void> {
  const { rewrites, hours } = chain.state;
  const retired = [...rewrites.values()].filter((rewrite) => rewrite.isActive && !rewrite.isExpired);
  const keys = retired.flatMap((rewrite) => rewrite.hours);
  if (keys.length === 0) return;
  const times = new TimeFolders(await readLayout(files, table, signal));
  const left = keys.flatMap((hour) => {
    const folder = times.period(hour)?.folder;
    return folder === undefined ? [] : [{ hour, folder, revision: hours.get(hour)?.revision ?? 0 }];
  });
  await clearHours(files, table, left, signal);
}

/** The record first: an undo that comes later finds it and leaves the files alone. */
async function expireReplaced({ chain, signal }: RewriteContext, oldMs: number): Promise<number[]> {
  const record = await chain.append(
    (state) => {
      const rewrites = [...state.rewrites.values()]
        .filter(
          ({ sequence, isExpired, writtenAtMs }) => !isExpired && writtenAtMs <= oldMs && !isMoving(state, sequence),
        )
        .map(({ sequence }) => sequence);
      return rewrites.length > 0 ? { kind: 'expire', rewrites } : null;
    },
    { signal },
  );
  return record?.rewrites ?? [];
}

/** Whether files of the rewrite may still be on their way, its own or those that an undo of it brings back. */
function isMoving(state: TableState, sequence: number): boolean {
  return state.pending.some((record) => {
    return record.sequence === sequence || (record.kind === 'rewrite' ? record.undoes : record.voids) === sequence;
  });
}

/** Staging of intents that are over, what replaced files are left of rewrites that cannot be undone, and what old rewinds retracted. */
async function sweep({ chain, files, signal, table }: RewriteContext, oldMs: number): Promise<void> {
  const { state } = chain;
  const { staging, replaced, rewound } = rewriteFolders(table);
  for (const { name, sequence } of await sequenceFolders(files, staging, signal)) {
    const isOver = sequence <= state.sequence && !state.intents.has(sequence);
    const isNamed = state.pending.some((record) => record.kind === 'rewrite' && record.intent === sequence);
    if (isOver && !isNamed) await files.delete(`${staging}/${name}`, { recursive: true, signal });
  }
  for (const { name, sequence } of await sequenceFolders(files, replaced, signal)) {
    const isKept = state.rewrites.get(sequence)?.isExpired === false;
    if (sequence > state.sequence || isKept || isMoving(state, sequence)) continue;
    await files.delete(`${replaced}/${name}`, { recursive: true, signal });
  }
  for (const { name, modifiedMs } of await files.list(rewound, { signal })) {
    if (modifiedMs <= oldMs) await files.delete(`${rewound}/${name}`, { recursive: true, signal });
  }
}

async function sequenceFolders(
  files: RewriteContext['files'],
  folder: string,
  signal: AbortSignal,
): Promise<{ name: string; sequence: number }[]> {
  const entries = await files.list(folder, { signal });
  return entries.flatMap(({ name }) => (/^\d{20}$/.test(name) ? [{ name, sequence: Number(name) }] : []));
}
