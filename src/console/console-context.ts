import type { MatchFeed, StatsStore } from '../online/index.ts';
import type { Clock, Logger } from '../shared/index.ts';
import type { WarehouseFiles } from '../warehouse/index.ts';
import type { KafkaCluster } from '../wire/client/index.ts';
import type { ConsoleRun, ConsoleSchedule } from './answers.ts';

/** The jobs, as whoever runs them hands them in. */
export interface ConsoleJobs {
  list(): Promise<{ schedules: ConsoleSchedule[]; runs: ConsoleRun[] }>;
  /** Lines of JSON; null: there is no such run. */
  log(runId: string): Promise<string[] | null>;
  /** Starts the job of a schedule now; throws BadInputError for an unknown one. */
  run(schedule: string): Promise<void>;
  setPause(schedule: string, pause: { by: string; reason: string; atMs: number } | null): Promise<void>;
}

/** Rules that run, and where their matches are told. */
export interface ConsoleRules {
  /** Each rule as the formatter writes it. */
  rules: readonly { name: string; text: string }[];
  /** Where they come from, for people. */
  source: string;
  feed: MatchFeed;
}

/** Counters of `sluice stats`, only looked at. */
export interface ConsoleCounters {
  store: Pick<StatsStore, 'settings' | 'snapshot'>;
  /** Where they are, for people. */
  place: string;
}

/** What the pages look at. */
export interface ConsoleContext {
  cluster: KafkaCluster;
  /** Opened at the first use: a cluster may be looked at before there is a warehouse. `write` is asked for by actions only. */
  warehouse(access: 'read' | 'write'): Promise<WarehouseFiles>;
  /** Null: no jobs are set up here. */
  jobs: ConsoleJobs | null;
  /** Null: no rules run here. */
  rules: ConsoleRules | null;
  /** Null: the console counts by itself, from what it reads of the log. */
  counters: ConsoleCounters | null;
  /** Column with the event time, for reports on tables that do not say it themselves. */
  timeField: string;
  clock: Clock;
  logger: Logger;
  /** Aborted when the console closes. */
  signal: AbortSignal;
}
