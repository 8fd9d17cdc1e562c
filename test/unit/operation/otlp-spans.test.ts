import { describe, expect, it } from 'vitest';
import { spansOf } from '../../../src/operation/otlp-spans.ts';
import { traceSettings } from '../../../src/operation/trace-exporter.ts';

const trace = {
  topic: 'events',
  partition: 3,
  first: 9_007_199_254_740_993n,
  next: 9_007_199_254_740_999n,
  cause: 'age' as const,
  rowCount: 5n,
  deadCount: 1n,
  fileCount: 1,
  bytes: 1000,
  steps: [
    { name: 'fetch' as const, startedMs: 1_800_000_000_000, endedMs: 1_800_000_010_000 },
    { name: 'upload' as const, startedMs: 1_800_000_010_000, endedMs: 1_800_000_010_500 },
  ],
  error: null,
};

describe('the trace of a roll', () => {
  it('is one span from the first fetch to the end, with a child for each step and exact 64-bit offsets', () => {
    const [root, fetch, upload] = spansOf(trace);
    expect(root).toMatchObject({
      startTimeUnixNano: '1800000000000000000',
      endTimeUnixNano: '1800000010500000000',
      status: { code: 1 },
    });
    expect(root!.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(root!.attributes).toContainEqual({ key: 'sluice.offset.first', value: { intValue: '9007199254740993' } });
    for (const child of [fetch!, upload!]) {
      expect(child).toMatchObject({ traceId: root!.traceId, parentSpanId: root!.spanId });
    }
    expect([fetch!.name, upload!.name]).toEqual(['fetch', 'upload']);
  });

  it('of a roll that was dropped says so at the step that broke', () => {
    const [root, fetch, upload] = spansOf({ ...trace, error: 'fenced' });
    expect([root, fetch, upload].map((span) => span!.status)).toEqual([
      { code: 2, message: 'fenced' },
      { code: 1 },
      { code: 2, message: 'fenced' },
    ]);
  });
});

describe('where traces go', () => {
  it('is nowhere without an endpoint, and what the environment says otherwise', () => {
    expect(traceSettings({})).toBeNull();
    expect(traceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_SDK_DISABLED: 'true' })).toBeNull();
    const settings = traceSettings({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/',
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20b,other=1',
      OTEL_SERVICE_NAME: 'night-load',
    });
    expect(settings).toMatchObject({ url: 'http://c:4318/v1/traces', headers: { 'api-key': 'a b', other: '1' } });
    expect(settings!.resource).toContainEqual({ key: 'service.name', value: { stringValue: 'night-load' } });
    const full = traceSettings({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://c/v1/t' });
    expect(full!.url).toBe('https://c/v1/t');
    expect(() => traceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: 'c:4318' })).toThrow(/http\(s\) URL/);
  });
});
