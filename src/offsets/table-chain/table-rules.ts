import type { IntentRecord, PartitionRange, TableFile, TableRecordBody } from './table-record.ts';
import { partitionKey, type TableState, touchedBy } from './table-state.ts';

type Body<K extends TableRecordBody['kind']> = Extract<TableRecordBody, { kind: K }>;

/**
 * Why this record would not be true right behind `state`, as one line; null when it may be written. What others wrote since
 * the work was planned decides: a rewrite counts only if its intent is open and every file it replaces is still live.
 */
export function refusalOf(state: TableState, body: TableRecordBody): string | null {
  switch (body.kind) {
    case 'intent':
      return refuseIntent(state, body);
    case 'cancel':
      return state.intents.has(body.intent) ? null : `intent ${body.intent} is over already`;
    case 'rewrite':
      return refuseRewrite(state, body);
    case 'hour':
      return refuseHour(state, body);
    case 'expire': {
      const gone = body.rewrites.find((sequence) => state.rewrites.get(sequence)?.isExpired !== false);
      return gone === undefined ? null : `what rewrite ${gone} replaced is gone already`;
    }
  }
}

/** Two operations never hold the same offsets at a time. */
function refuseIntent(state: TableState, { scope, operation }: Body<'intent'>): string | null {
  if (!scope) return null;
  for (const other of state.intents.values()) {
    if (!other.scope || !overlap(scope, other.scope)) continue;
    return `a ${other.operation} of ${describeRange(other.scope)} is under way since ${new Date(other.writtenAtMs).toISOString()} (${other.writer.user}@${other.writer.host}, intent ${other.sequence})`;
  }
  if (operation !== 'rewind') return null;
  const touched = state.touched.get(partitionKey(scope)) ?? 0n;
  return touched > scope.first
    ? `a rewrite has touched offsets up to ${touched} of partition ${scope.partition}: use "sluice reload"`
    : null;
}

function refuseRewrite(state: TableState, body: Body<'rewrite'>): string | null {
  const intent = state.intents.get(body.intent);
  if (!intent) return `its intent ${body.intent} was cancelled`;
  if (intent.operation !== body.operation) return `intent ${body.intent} is to ${intent.operation}`;
  const dead = body.replaced.find((file) => !isLive(state, file));
  if (dead) return `${dead.path} was replaced meanwhile`;
  const taken = body.added.find(({ path }) => state.replaced.has(path) || state.added.has(path));
  if (taken) return `${taken.path} was a file of the table before`;
  const gone = body.hours?.find(({ hour }) => state.expired.has(hour));
  if (gone) return `hour ${gone.hour} has expired already`;
  for (const range of touchedBy(body)) {
    const problem = refuseTouch(state, intent, range);
    if (problem) return problem;
  }
  return body.undoes === null ? null : refuseUndo(state, body.undoes);
}

function refuseTouch(state: TableState, intent: Pick<IntentRecord, 'sequence'>, range: PartitionRange): string | null {
  if ((state.rewinds.get(partitionKey(range)) ?? 0) > intent.sequence) {
    return `partition ${range.partition} was rewound meanwhile`;
  }
  for (const other of state.intents.values()) {
    if (other.operation === 'rewind' && other.scope && overlap(range, other.scope)) {
      return `partition ${range.partition} is being rewound (intent ${other.sequence})`;
    }
  }
  return null;
}

function refuseUndo(state: TableState, sequence: number): string | null {
  const rewrite = state.rewrites.get(sequence);
  if (!rewrite) return `there is no rewrite ${sequence} that could be undone`;
  if (rewrite.isExpired) return `what rewrite ${sequence} replaced was deleted after its grace time`;
  return rewrite.isActive ? null : `rewrite ${sequence} is undone already`;
}

/** A closed hour becomes complete; a complete one stays so, with higher revisions. */
function refuseHour(state: TableState, body: Body<'hour'>): string | null {
  const before = state.hours.get(body.hour);
  if (!before) return null;
  if (before.state === 'complete' && body.state === 'closed') return `hour ${body.hour} is complete already`;
  if (body.revision < before.revision) return `hour ${body.hour} has revision ${before.revision} already`;
  return null;
}

/** Whether a file of a partition's chain, or of a rewrite, still is one of the table's. */
export function isLive(state: TableState, file: Pick<TableFile, 'path'>): boolean {
  return !state.replaced.has(file.path);
}

export function overlap(a: PartitionRange, b: PartitionRange): boolean {
  return a.partition === b.partition && a.topicId === b.topicId && a.first < b.next && b.first < a.next;
}

function describeRange({ partition, first, next }: PartitionRange): string {
  return `[${first}, ${next}) of partition ${partition}`;
}
