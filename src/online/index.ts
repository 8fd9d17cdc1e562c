// The door of the online side: what reacts to events while they happen. Rules so far.
export { type BacktestOptions, backtestRules } from './rules/backtest-rules.ts';
export { explainRule } from './rules/explain-rules.ts';
export { formatRules } from './rules/format-rules.ts';
export { type FeedMatch, MatchFeed, type MatchFeedEvent, type MatchFeedOptions } from './rules/match-feed.ts';
export type { MatchRecord } from './rules/match-record.ts';
export { parseRules } from './rules/parse-rules.ts';
export type { Rule } from './rules/rule-ast.ts';
export { RuleError } from './rules/rule-error.ts';
export { type RulesReport, type RunRulesOptions, runRules } from './rules/run-rules.ts';
export { streamMatches } from './rules/stream-matches.ts';
