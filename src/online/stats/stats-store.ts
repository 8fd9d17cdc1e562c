import type { LogPlace } from '../consumer/consumed-batch.ts';
import type { Aggregate, StatsFields } from './minute-counts.ts';

export const defaultExpiryMs = 4 * 3_600_000;

/** What a set of counters counts. All who write into it have the same. */
export interface StatsSettings {
  fields: StatsFields;
  /** A minute's counters live for so long from the minute's begin on. */
  expiryMs: number;
}

/** One batch of one partition, counted. */
export interface StatsUpdate extends LogPlace {
  /** Where the store has to stand; null: it must hold nothing of the partition. */
  expected: bigint | null;
  /** Offsets that were counted: from `first` up to `next`, exclusive. */
  first: bigint;
  next: bigint;
  aggregate: Aggregate;
}

export interface StatsOutcome {
  /** Where the store stands now; `next`: the update, or another one of the same offsets, was applied. */
  stands: bigint | null;
  /** Events that were left out because the counters of their minute have expired. 0 where nothing was applied. */
  late: number;
}

/** What the counters hold of a partition: the events from `first` up to `next`, exclusive. */
export interface StatsPosition extends LogPlace {
  first: bigint;
  next: bigint;
}

export interface MinuteRow {
  game: string;
  /** Begin of the minute, epoch ms. */
  minuteMs: number;
  counts: Record<string, number>;
}

/** Events that are in no counter, since the counters were begun. */
export interface LeftOut {
  late: number;
  future: number;
  unusable: number;
}

/** Counters and positions of one moment: what lies between the positions' `first` and `next` is in the counters, once. */
export interface StatsSnapshot {
  /** The store's clock, epoch ms. */
  nowMs: number;
  positions: StatsPosition[];
  /** By minute, then game. */
  rows: MinuteRow[];
  /** Keys of counters that somebody has removed before they expired, such as a Redis that evicts. Always empty in memory. */
  gone: string[];
  leftOut: LeftOut;
  /** Minutes whose counters do not expire. */
  kept: MinuteRange[];
}

/** [fromMs, toMs), full minutes. */
export interface MinuteRange {
  fromMs: number;
  toMs: number;
}

/**
 * Counters per game and minute, and how far each partition was counted, kept together. A minute's counters are removed `expiryMs` after the
 * minute's begin; what comes for such a minute afterwards is left out and counted, so counters that exist are complete.
 *
 * Errors that pass by themselves (no connection, a store that loads its data) have `isRetriable`.
 */
export interface StatsStore {
  /** Of the counters that are there; null: there are none. */
  settings(): Promise<StatsSettings | null>;
  /** Where counting of a partition goes on; null: nothing of it was counted. */
  position(place: LogPlace): Promise<bigint | null>;
  /** In one step: if the store stands at `expected`, adds the counts and moves to `next`. */
  apply(update: StatsUpdate): Promise<StatsOutcome>;
  snapshot(range: MinuteRange): Promise<StatsSnapshot>;
  /** About how many different values the unique field had in a game (0.8 % off, as a rule). */
  uniques(game: string, range: MinuteRange): Promise<number>;
  /** From then on counters of these minutes do not expire. False: some have expired already. */
  keep(range: MinuteRange): Promise<boolean>;
  close(): Promise<void>;
}

/** Whether the counters of these minutes are all there, none expired. */
export function isAlive({ nowMs, kept }: StatsSnapshot, { fromMs, toMs }: MinuteRange, expiryMs: number): boolean {
  if (fromMs + expiryMs > nowMs) return true;
  return kept.some((range) => range.fromMs <= fromMs && range.toMs >= toMs);
}
