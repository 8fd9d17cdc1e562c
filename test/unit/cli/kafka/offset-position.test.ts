import { describe, expect, it } from 'vitest';
import { parseOffsetPosition, resolveOffsets } from '../../../../src/cli/kafka/offset-position.ts';
import type { KafkaCluster, ListedOffset, OffsetAt } from '../../../../src/wire/client/index.ts';

describe('parseOffsetPosition', () => {
  it.each([
    ['beginning', { kind: 'beginning' }],
    ['end', { kind: 'end' }],
    ['0', { kind: 'offset', offset: 0n }],
    ['9223372036854775806', { kind: 'offset', offset: 9223372036854775806n }],
    ['2026-11-21T10:00:00Z', { kind: 'time', timestampMs: 1795255200000n }],
    ['2026-11-21T11:00:00+01:00', { kind: 'time', timestampMs: 1795255200000n }],
    ['2026-11-21', { kind: 'time', timestampMs: 1795219200000n }],
  ])('reads %s', (text, position) => {
    expect(parseOffsetPosition(text)).toEqual(position);
  });

  it('reads a duration as that long ago', () => {
    const position = parseOffsetPosition('2h');
    const agoMs = position.kind === 'time' ? Date.now() - Number(position.timestampMs) : 0;
    expect(agoMs).toBeGreaterThanOrEqual(7_200_000);
    expect(agoMs).toBeLessThan(7_260_000);
  });

  it.each(['', 'latest', '-1', '1.5', '2026-13-40', 'yesterday'])('refuses "%s"', (text) => {
    expect(() => parseOffsetPosition(text)).toThrow('expected beginning, end, an offset');
  });
});

describe('resolveOffsets', () => {
  /** A log from 10 to 20 whose last record is of time 1000. */
  const listOffsets = async (
    _: string,
    partitions: readonly number[],
    at: OffsetAt,
  ): Promise<Map<number, ListedOffset>> => {
    const offset = at === 'earliest' ? 10n : at === 'latest' ? 20n : at > 1000n ? -1n : 15n;
    return new Map(partitions.map((partition) => [partition, { offset, timestampMs: -1n, leaderEpoch: 0 }]));
  };
  const cluster = { listOffsets } as unknown as KafkaCluster;

  it.each([
    ['beginning', 10n],
    ['end', 20n],
    ['12', 12n],
    ['3', 10n],
    ['99', 20n],
    ['1970-01-01T00:00:00Z', 15n],
    ['2026-11-21', 20n],
  ])('%s is offset %d', async (text, offset) => {
    const offsets = await resolveOffsets(cluster, 't', [0], parseOffsetPosition(text), { isolation: 'read_committed' });
    expect([...offsets]).toEqual([[0, offset]]);
  });
});
