import type { WarehouseFiles } from '../../warehouse/index.ts';
import { feedHistory } from './feed-history.ts';
import { HistoryEvents } from './history-events.ts';
import { type MatchRecord, matchRecord } from './match-record.ts';
import { parseRules } from './parse-rules.ts';
import { defaultStateBytes, RuleEngine } from './rule-engine.ts';
import type { RulesReport } from './run-rules.ts';

export interface BacktestOptions {
  program: string;
  files: WarehouseFiles;
  /** Name of the table. */
  table: string;
  typeField: string;
  /** Null: the record's timestamp. */
  timeField: string | null;
  /** What rules may remember, about: the oldest beginnings are given up. 1 GiB when left out. */
  maxStateBytes?: number;
  onMatch: (record: MatchRecord) => void;
  signal: AbortSignal;
}

/** What a program would have found in a table's rows. Actions are not carried out. */
export async function backtestRules(options: BacktestOptions): Promise<RulesReport> {
  const { program, files, table, typeField, timeField, onMatch, signal } = options;
  const rules = parseRules(program);
  const engine = new RuleEngine(rules, program, { maxStateBytes: options.maxStateBytes ?? defaultStateBytes });
  const events = { typeField, timeField, fieldKeys: engine.fieldKeys };
  const history = await HistoryEvents.open({ files, table, events, signal });
  const deliver = (): void => {
    for (const match of engine.takeMatches()) {
      for (const action of match.rule.actions) onMatch(matchRecord(match, action));
    }
  };
  try {
    for (const { topic, partition, first } of history.partitions) engine.assign(topic, partition, first);
    const maxWaitingBytes = options.maxStateBytes ?? defaultStateBytes;
    await feedHistory(history, engine, { isWhole: true, maxWaitingBytes, onPiece: deliver });
    engine.finish();
    deliver();
  } finally {
    await history.close();
  }
  const { events: count, late, droppedRuns, matches } = engine.counts;
  return { events: count, skipped: 0, late, droppedRuns, matches };
}
