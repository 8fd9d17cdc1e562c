// The door of the online side: what reacts to events while they happen: the consumer runtime, counters, their comparison with the
// warehouse, and rules.
export {
  type BatchHandler,
  type ConsumedBatch,
  type ConsumedEvent,
  type EventPlace,
  eachEvent,
  type HandlerContext,
  type LogPlace,
  type PositionedSink,
} from './consumer/consumed-batch.ts';
export type { PartitionView } from './consumer/consumer-metrics.ts';
export type { ConsumerOptions, RetryPolicy } from './consumer/consumer-options.ts';
export { type Consumer, createConsumer } from './consumer/create-consumer.ts';
export { type Decode, type DecodeRow, decodeJson } from './consumer/decode-records.ts';
export { HandlerFailedError } from './consumer/deliver-batch.ts';
export { type JsonObject, parseJson } from './consumer/json-value.ts';
export {
  type CheckpointLag,
  type CounterDifference,
  type ReconcileOptions,
  type ReconcileReport,
  reconcileHour,
} from './reconcile/reconcile-hour.ts';
export { type BacktestOptions, backtestRules } from './rules/backtest-rules.ts';
export { explainRule } from './rules/explain-rules.ts';
export { formatRules } from './rules/format-rules.ts';
export { type FeedMatch, MatchFeed, type MatchFeedEvent, type MatchFeedOptions } from './rules/match-feed.ts';
export { type MatchRecord, matchId } from './rules/match-record.ts';
export { parseRules } from './rules/parse-rules.ts';
export type { Rule } from './rules/rule-ast.ts';
export { RuleError } from './rules/rule-error.ts';
export { type RulesReport, type RunRulesOptions, runRules } from './rules/run-rules.ts';
export { streamMatches } from './rules/stream-matches.ts';
export { checkRedisUrl } from './stats/connect-redis.ts';
export { MemoryStatsStore } from './stats/memory-stats-store.ts';
export { defaultStatsFields, minuteMs, minuteName, parseMinuteName, type StatsFields } from './stats/minute-counts.ts';
export { type RedisStatsOptions, RedisStatsStore } from './stats/redis-stats-store.ts';
export { createStats, StatsHandler, type StatsOptions } from './stats/stats-handler.ts';
export {
  defaultExpiryMs,
  type LeftOut,
  type MinuteRange,
  type MinuteRow,
  type StatsPosition,
  type StatsSettings,
  type StatsSnapshot,
  type StatsStore,
} from './stats/stats-store.ts';
