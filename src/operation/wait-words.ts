import type { OwnerStatus, WorkerStatus } from '../loader/index.ts';
import { describePause } from '../loader/index.ts';
import { appendedOf, type PartitionView } from './load-status.ts';

/** What a load was told about rolling, for the words about what it waits for. */
export interface RollSettings {
  rollBytes: number;
  rollAgeMs: number;
}

/** In one line, what the partition is doing or waiting for at this moment. */
export function waitWords(
  view: PartitionView,
  context: { workers: ReadonlyMap<number, WorkerStatus>; roll: RollSettings; nowMs: number },
): string {
  const { owner, error } = view;
  if (error !== null) return `stopped, and waits for somebody to act: ${error}`;
  if (!owner) return notOwnedWords(context);
  if (owner.pause && owner.state === 'paused') return describePause(owner.pause);
  if (owner.delay) return delayWords(owner.delay, context.nowMs);
  return `${stateWords(view, owner, context)}${troubleWords(view, owner, context)}`;
}

/** A call that is made again and again inside of the warehouse's client is told of once a minute. */
const troubleLastsMs = 90_000;

function troubleWords(
  { worker }: PartitionView,
  { state, isCommitting }: OwnerStatus,
  { workers, nowMs }: { workers: ReadonlyMap<number, WorkerStatus>; nowMs: number },
): string {
  const trouble = worker === null ? null : (workers.get(worker)?.trouble ?? null);
  const usesWarehouse = isCommitting || !['running', 'paused', 'stopped'].includes(state);
  if (!trouble || !usesWarehouse || nowMs - trouble.atMs > troubleLastsMs) return '';
  return `; ${trouble.event}: ${trouble.reason}`;
}

function notOwnedWords({ workers, nowMs }: { workers: ReadonlyMap<number, WorkerStatus>; nowMs: number }): string {
  for (const { phase, phaseSinceMs, delay } of workers.values()) {
    if (delay) return delayWords(delay, nowMs);
    if (phase === 'opening') return `waits for its connections to open, since ${ago(phaseSinceMs, nowMs)}`;
    if (phase === 'joining') return `waits for the group to assign partitions, since ${ago(phaseSinceMs, nowMs)}`;
  }
  return 'no worker of this process owns it: another process of the group does, or the group is rebalancing';
}

function delayWords(delay: NonNullable<OwnerStatus['delay']>, nowMs: number): string {
  const tries = delay.attempt === 1 ? 'once' : `${delay.attempt} times`;
  const remedy = remedies[delay.code];
  const then = remedy === undefined ? '' : `; ${remedy}, and it goes on by itself`;
  return `${delay.event}: ${delay.reason} (tried ${tries}, since ${ago(delay.sinceMs, nowMs)})${then}`;
}

/** What somebody has to do, by the code of the error. */
const remedies: Readonly<Record<string, string>> = {
  'no-space': 'make room in the warehouse',
  'quota-exceeded': 'make room in the warehouse or raise the quota',
  'permission-denied': 'give the user of the load that right',
};

function stateWords(
  view: PartitionView,
  owner: OwnerStatus,
  { roll, nowMs }: { roll: RollSettings; nowMs: number },
): string {
  const since = ago(owner.stateSinceMs, nowMs);
  switch (owner.state) {
    case 'starting':
      return `reads its chain of checkpoints, since ${since}`;
    case 'claiming':
      return `claims the partition in the ledger, since ${since}`;
    case 'waiting':
      return `waits for the live owner of another group or job to commit and release, since ${since}`;
    case 'paused':
      return `is paused, since ${since}`;
    case 'fenced':
      return `another owner wrote to the chain: asks its group who owns the partition, since ${since}`;
    case 'stopping':
      return `commits what is open and releases the partition, since ${since}`;
    case 'stopped':
      return 'has stopped';
    default:
      return workWords(view, owner, roll, nowMs);
  }
}

function workWords(view: PartitionView, owner: OwnerStatus, roll: RollSettings, nowMs: number): string {
  if (owner.isCommitting)
    return `a roll is on its way into the warehouse${openWords(owner, roll, nowMs, ', the next ')}`;
  const encoded = owner.encoded ?? 0n;
  if (owner.read !== null && owner.read > encoded)
    return `encodes: ${owner.read - encoded} records are read and not encoded`;
  if (owner.logEnd !== null && owner.logEnd > encoded) return `reads on: ${owner.logEnd - encoded} records to go`;
  if (owner.openSinceMs !== null) return `waits for the roll to be due${openWords(owner, roll, nowMs, ': ')}`;
  const appended = appendedOf(view);
  if (appended !== null && owner.logEnd !== null && appended > owner.logEnd) {
    return `${appended - owner.logEnd} records are appended behind an open transaction: waits for its producer to commit or abort it`;
  }
  return 'waits for new records';
}

function openWords(owner: OwnerStatus, { rollBytes, rollAgeMs }: RollSettings, nowMs: number, before: string): string {
  if (owner.openSinceMs === null) return '';
  const ageS = Math.round((nowMs - owner.openSinceMs) / 1000);
  const megabytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);
  return `${before}oldest row ${ageS} s of ${Math.round(rollAgeMs / 1000)} s, ${megabytes(owner.openBytes)} MB of ${megabytes(rollBytes)} MB`;
}

function ago(ms: number, nowMs: number): string {
  return `${new Date(ms).toISOString()} (${Math.max(0, Math.round((nowMs - ms) / 1000))} s)`;
}
