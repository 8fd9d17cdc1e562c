import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ConsoleRules } from '../../console/index.ts';
import { explainRule, MatchFeed, matchId, parseRules, runRules } from '../../online/index.ts';
import { abortScope, BadInputError, describeError, type Logger, systemClock } from '../../shared/index.ts';
import { type ClientConfigSource, KafkaCluster } from '../../wire/client/index.ts';

export interface ConsoleRulesOptions {
  file: string;
  topics: string[];
  brokers: string[];
  clientConfig: ClientConfigSource | null;
  timeField: string | null;
  logger: Logger;
}

const feedBytes = 4 * 1024 * 1024;
const retryMs = 5000;
const idleMs = 1000;

/**
 * Runs the rules of a file from the end of the topics on, for those who watch: nothing is remembered, and every match is told
 * to the console, whatever its actions. Throws BadInputError for rules that cannot be used.
 */
export async function startConsoleRules(
  options: ConsoleRulesOptions,
): Promise<{ rules: ConsoleRules; close: () => Promise<void> }> {
  const program = await readProgram(options.file);
  const rules = parseRules(program);
  const feed = new MatchFeed({ maxBytes: feedBytes, id: randomUUID().slice(0, 8) });
  const scope = abortScope();
  const running = keepRunning(program, feed, options, scope.signal);
  return {
    rules: {
      rules: rules.map((rule) => ({ name: rule.name, text: explainRule(rule, program) })),
      source: `${options.file} over ${options.topics.join(', ')}`,
      feed,
    },
    close: async () => {
      scope.abort(new Error('stopping'));
      feed.close();
      await running;
    },
  };
}

/** A cluster that is gone for a while ends a run; the next one begins at the end again. */
async function keepRunning(
  program: string,
  feed: MatchFeed,
  { brokers, clientConfig, topics, timeField, logger }: ConsoleRulesOptions,
  signal: AbortSignal,
): Promise<void> {
  // Matches of actions TO DASHBOARD come through `onMatch` as all the others do.
  const unwatched = new MatchFeed({ maxBytes: 1, id: 'unwatched' });
  while (!signal.aborted) {
    const cluster = new KafkaCluster({ brokers, clientConfig, clientId: 'sluice-console-rules', logger });
    try {
      await runRules({
        ...{
          program,
          cluster,
          topics,
          typeField: 'type',
          timeField,
          from: 'end',
          history: null,
          untilEnd: false,
          idleMs,
        },
        ...{ stateFolder: null, checkpointEveryMs: 60_000, redisUrl: null, dashboard: unwatched },
        onMatch: (match) => feed.publish({ id: matchId(match), ...match }),
        ...{ clock: systemClock, logger, signal },
      });
    } catch (error) {
      if (!signal.aborted) logger.warn({ reason: describeError(error) }, 'RulesInterrupted');
    } finally {
      await cluster.close();
    }
    await systemClock.sleep(retryMs, signal).catch(() => {});
  }
}

async function readProgram(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new BadInputError(`expected a file with rules, got ${file}: ${describeError(cause)}`, { cause });
  }
}
