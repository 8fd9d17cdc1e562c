import { describe, expect, it } from 'vitest';
import { parseTopicConfigs } from '../../../../src/log/handlers/topic-configs.ts';

describe('topic settings', () => {
  it("are taken under Kafka's names", () => {
    const configs = [
      { name: 'retention.ms', value: '-1' },
      { name: 'segment.bytes', value: '1048576' },
      { name: 'message.timestamp.type', value: 'LogAppendTime' },
    ];
    expect(parseTopicConfigs(configs)).toEqual({
      retentionMs: -1,
      segmentBytes: 1_048_576,
      messageTimestampType: 'LogAppendTime',
    });
  });

  it('that cannot vary may be set to what they are', () => {
    expect(parseTopicConfigs([{ name: 'min.insync.replicas', value: '1' }])).toEqual({});
  });

  it('take the largest int64 as "no bound", as clients write it', () => {
    const parsed = parseTopicConfigs([{ name: 'retention.ms', value: '9223372036854775807' }]);
    expect(parsed.retentionMs).toBe(Number.MAX_SAFE_INTEGER);
  });

  const refusals: [string, string][] = [
    ['min.insync.replicas', '2'],
    ['retention.ms', '-2'],
    ['retention.ms', '1e3'],
    ['retention.ms', ''],
    ['segment.bytes', '2147483648'],
    ['cleanup.policy', 'compact,archive'],
    ['min.cleanable.dirty.ratio', '1.5'],
    ['message.timestamp.type', 'createtime'],
    ['no.such.setting', '1'],
    ['constructor', 'x'],
  ];
  it.each(refusals)('%s=%s is refused, saying what was expected', (name, value) => {
    expect(() => parseTopicConfigs([{ name, value }])).toThrow(/expected/);
  });
});
