/**
 * The settings of a topic under Kafka's names. Those that vary are in `settings`; `constants` are what clients ask about or
 * set routinely and what always holds here: setting one to the value in force is fine, to another one is refused.
 */
import { LogError } from '../storage/log-error.ts';
import type { TopicConfig, TopicState } from '../storage/log-types.ts';

/** ConfigType of DescribeConfigs. */
export const configTypes = { boolean: 1, string: 2, int: 3, long: 5, double: 6, list: 7 } as const;

/** ConfigSource of DescribeConfigs. */
export const configSources = { topic: 1, staticBroker: 4, default: 5 } as const;

export interface TopicSetting {
  readonly name: string;
  readonly key: keyof TopicConfig;
  readonly type: number;
  readonly documentation: string;
  /** Throws LogError INVALID_CONFIG. */
  readonly parse: (text: string) => number | string;
}

export interface EffectiveConfig {
  readonly name: string;
  readonly value: string;
  readonly type: number;
  readonly documentation: string;
  readonly readOnly: boolean;
  readonly configSource: number;
}

const maxInt32 = 2 ** 31 - 1;

export const topicSettings: readonly TopicSetting[] = [
  integer('retention.ms', 'retentionMs', configTypes.long, -1, 'Records older than this may be deleted; -1: never.'),
  integer(
    'retention.bytes',
    'retentionBytes',
    configTypes.long,
    -1,
    'Above this size of a partition its oldest segments are deleted; -1: no bound.',
  ),
  integer(
    'segment.bytes',
    'segmentBytes',
    configTypes.int,
    1024,
    'Size at which a segment is closed and the next one begun.',
    maxInt32,
  ),
  integer('segment.ms', 'segmentMs', configTypes.long, 1, 'Age at which a segment is closed.'),
  integer(
    'max.message.bytes',
    'maxMessageBytes',
    configTypes.int,
    0,
    'Largest record batch that is accepted.',
    maxInt32,
  ),
  {
    name: 'cleanup.policy',
    key: 'cleanupPolicy',
    type: configTypes.list,
    documentation: 'What happens to old segments: delete, compact (the last record of each key is kept), or both.',
    parse: parseCleanupPolicy,
  },
  integer(
    'delete.retention.ms',
    'deleteRetentionMs',
    configTypes.long,
    0,
    'How long a tombstone outlives the cleaning that removed what it deletes.',
  ),
  {
    name: 'min.cleanable.dirty.ratio',
    key: 'minCleanableDirtyRatio',
    type: configTypes.double,
    documentation: 'Share of a compacted log that must be new before it is cleaned again.',
    parse: parseRatio,
  },
  integer('min.compaction.lag.ms', 'minCompactionLagMs', configTypes.long, 0, 'Younger records are not compacted.'),
  choice(
    'message.timestamp.type',
    'messageTimestampType',
    configTypes.string,
    ['CreateTime', 'LogAppendTime'],
    'Whose clock the timestamps of records come from.',
  ),
  {
    name: 'sluice.pin.group',
    key: 'pinGroup',
    type: configTypes.string,
    documentation: 'Records that this group has not committed are kept past retention; empty: none.',
    parse: (text) => text.trim(),
  },
  integer(
    'sluice.pin.max.bytes',
    'pinMaxBytes',
    configTypes.long,
    -1,
    'Bytes of a partition that only the pin may keep; -1: no bound.',
  ),
  choice(
    'sluice.pin.policy',
    'pinPolicy',
    configTypes.string,
    ['refuse', 'drop'],
    'Above sluice.pin.max.bytes: refuse producers, or drop the oldest records.',
  ),
];

export const topicConstants: Readonly<Record<string, { value: string; type: number; documentation: string }>> = {
  'compression.type': {
    value: 'producer',
    type: configTypes.string,
    documentation: 'Batches are kept as producers compress them.',
  },
  'min.insync.replicas': {
    value: '1',
    type: configTypes.int,
    documentation: 'One broker, one copy, synced to disk before acks=all is answered.',
  },
  'unclean.leader.election.enable': {
    value: 'false',
    type: configTypes.boolean,
    documentation: 'There is one broker, so no election.',
  },
  preallocate: {
    value: 'false',
    type: configTypes.boolean,
    documentation: 'Segments get room ahead by themselves where acks=all waits for syncs.',
  },
};

function integer(
  name: string,
  key: keyof TopicConfig,
  type: number,
  min: number,
  documentation: string,
  max = Number.MAX_SAFE_INTEGER,
): TopicSetting {
  const parse = (text: string): number => {
    // Clients write "unlimited" as the largest int64, which a number cannot hold; no bound is the same.
    const value = /^-?\d{1,19}$/.test(text.trim()) ? BigInt(text.trim()) : null;
    if (value !== null && type === configTypes.long && value > BigInt(max)) return max;
    if (value !== null && value >= BigInt(min) && value <= BigInt(max)) return Number(value);
    throw new LogError('INVALID_CONFIG', `${name}: expected a whole number from ${min} to ${max}, got "${text}"`);
  };
  return { name, key, type, documentation, parse };
}

function choice(
  name: string,
  key: keyof TopicConfig,
  type: number,
  values: string[],
  documentation: string,
): TopicSetting {
  const parse = (text: string): string => {
    if (values.includes(text.trim())) return text.trim();
    throw new LogError('INVALID_CONFIG', `${name}: expected ${values.join(' or ')}, got "${text}"`);
  };
  return { name, key, type, documentation, parse };
}

/** A list without an order: `delete,compact` means the same as `compact,delete`. */
function parseCleanupPolicy(text: string): string {
  const policies = [...new Set(text.split(',').map((policy) => policy.trim()))].sort().join(',');
  if (['compact', 'delete', 'compact,delete'].includes(policies)) return policies;
  throw new LogError('INVALID_CONFIG', `cleanup.policy: expected delete, compact or both, got "${text}"`);
}

function parseRatio(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (value >= 0 && value <= 1) return value;
  throw new LogError('INVALID_CONFIG', `min.cleanable.dirty.ratio: expected a number from 0 to 1, got "${text}"`);
}

/** The settings that a request gives, or throws LogError INVALID_CONFIG with what was expected. */
export function parseTopicConfigs(configs: readonly { name: string; value: string | null }[]): Partial<TopicConfig> {
  const parsed: Record<string, number | string> = {};
  for (const { name, value } of configs) {
    const setting = topicSettings.find((each) => each.name === name);
    const constant = Object.hasOwn(topicConstants, name) ? topicConstants[name]! : undefined;
    if (setting && value !== null) parsed[setting.key] = setting.parse(value);
    else if (!setting && !constant)
      throw new LogError('INVALID_CONFIG', `expected the name of a topic setting, got "${name}"`);
    else if (constant && value !== null && value !== constant.value) {
      throw new LogError('INVALID_CONFIG', `${name}: expected ${constant.value}, the only value here, got "${value}"`);
    }
  }
  return parsed as Partial<TopicConfig>;
}

export function effectiveTopicConfigs(topic: TopicState): EffectiveConfig[] {
  const settings = topicSettings.map(({ name, key, type, documentation }) => ({
    name,
    value: String(topic.config[key]),
    type,
    documentation,
    readOnly: false,
    configSource: key in topic.configOverrides ? configSources.topic : configSources.default,
  }));
  const constants = Object.entries(topicConstants).map(([name, constant]) => ({
    name,
    ...constant,
    readOnly: true,
    configSource: configSources.default,
  }));
  return [...settings, ...constants];
}
