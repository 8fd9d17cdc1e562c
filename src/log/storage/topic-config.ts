/** What a topic's settings may be, and what they are when nobody sets them (Kafka's own defaults). */
import { definedOnly } from '../../shared/index.ts';
import { LogError } from './log-error.ts';
import type { TopicConfig } from './log-types.ts';

const dayMs = 24 * 60 * 60 * 1000;

export const builtInTopicConfig: TopicConfig = {
  retentionMs: 7 * dayMs,
  retentionBytes: -1,
  segmentBytes: 1 << 30,
  segmentMs: 7 * dayMs,
  maxMessageBytes: (1 << 20) + 12,
  cleanupPolicy: 'delete',
  deleteRetentionMs: dayMs,
  minCleanableDirtyRatio: 0.5,
  minCompactionLagMs: 0,
  messageTimestampType: 'CreateTime',
  pinGroup: '',
  pinMaxBytes: -1,
  pinPolicy: 'refuse',
};

/** Inclusive bounds. A position in a segment must fit an int32. */
const bounds = {
  retentionMs: [-1, Number.MAX_SAFE_INTEGER],
  retentionBytes: [-1, Number.MAX_SAFE_INTEGER],
  segmentBytes: [1024, 0x7fff_ffff],
  segmentMs: [1, Number.MAX_SAFE_INTEGER],
  maxMessageBytes: [0, 0x7fff_ffff],
  deleteRetentionMs: [0, Number.MAX_SAFE_INTEGER],
  minCompactionLagMs: [0, Number.MAX_SAFE_INTEGER],
  pinMaxBytes: [-1, Number.MAX_SAFE_INTEGER],
} as const;

/** The defaults with a topic's own settings over them; those that are undefined do not count. */
export function mergeTopicConfig(defaults: TopicConfig, overrides: Partial<TopicConfig>): TopicConfig {
  return { ...defaults, ...definedOnly(overrides) };
}

/** Throws LogError INVALID_CONFIG. */
export function checkTopicConfig(config: TopicConfig): void {
  for (const [key, [least, most]] of Object.entries(bounds)) {
    const value = config[key as keyof typeof bounds];
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new LogError(
        'INVALID_CONFIG',
        `expected ${key} to be a whole number from ${least} to ${most}, got ${value}`,
      );
    }
  }
  const { cleanupPolicy, minCleanableDirtyRatio: ratio } = config;
  if (!['delete', 'compact', 'compact,delete'].includes(cleanupPolicy)) {
    throw new LogError('INVALID_CONFIG', `expected cleanup.policy delete, compact or both, got ${cleanupPolicy}`);
  }
  if (!(ratio >= 0 && ratio <= 1)) {
    throw new LogError('INVALID_CONFIG', `expected min.cleanable.dirty.ratio from 0 to 1, got ${ratio}`);
  }
  if (config.pinPolicy !== 'refuse' && config.pinPolicy !== 'drop') {
    throw new LogError('INVALID_CONFIG', `expected sluice.pin.policy refuse or drop, got ${config.pinPolicy}`);
  }
  if (config.messageTimestampType !== 'CreateTime' && config.messageTimestampType !== 'LogAppendTime') {
    throw new LogError(
      'INVALID_CONFIG',
      `expected message.timestamp.type CreateTime or LogAppendTime, got ${config.messageTimestampType}`,
    );
  }
}

export function isCompacted({ cleanupPolicy }: TopicConfig): boolean {
  return cleanupPolicy !== 'delete';
}
