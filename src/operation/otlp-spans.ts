import { randomBytes } from 'node:crypto';
import type { RollTrace } from '../loader/index.ts';

/** An attribute as OTLP's JSON encoding has it (opentelemetry-proto, common.proto); int64 is a decimal string there. */
export interface OtlpAttribute {
  key: string;
  value: { stringValue: string } | { intValue: string };
}

/** A span as OTLP's JSON encoding has it (opentelemetry-proto, trace.proto): ids in hex, times in nanoseconds as text. */
export interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  /** 1: internal. */
  kind: 1;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: OtlpAttribute[];
  /** 1: ok, 2: error. */
  status: { code: 1 | 2; message?: string };
}

/** One trace: the roll from its first fetch to its end, with a span for each step on its way. */
export function spansOf(trace: RollTrace): OtlpSpan[] {
  const traceId = randomBytes(16).toString('hex');
  const rootId = randomBytes(8).toString('hex');
  const { steps, error } = trace;
  const startedMs = Math.min(...steps.map((step) => step.startedMs));
  const endedMs = Math.max(...steps.map((step) => step.endedMs));
  const root: OtlpSpan = {
    traceId,
    spanId: rootId,
    name: `roll ${trace.topic}`,
    kind: 1,
    ...times(startedMs, endedMs),
    attributes: attributesOf(trace),
    status: error === null ? { code: 1 } : { code: 2, message: error },
  };
  const children = steps.map(({ name, startedMs, endedMs }, i): OtlpSpan => {
    const isBroken = error !== null && i === steps.length - 1;
    return {
      traceId,
      spanId: randomBytes(8).toString('hex'),
      parentSpanId: rootId,
      name,
      kind: 1,
      ...times(startedMs, endedMs),
      attributes: [],
      status: isBroken ? { code: 2, message: error } : { code: 1 },
    };
  });
  return [root, ...children];
}

/** Names as OpenTelemetry's semantic conventions for messaging have them, where they have one. */
function attributesOf(trace: RollTrace): OtlpAttribute[] {
  return [
    text('messaging.system', 'kafka'),
    text('messaging.destination.name', trace.topic),
    text('messaging.destination.partition.id', String(trace.partition)),
    int('sluice.offset.first', trace.first),
    int('sluice.offset.next', trace.next),
    text('sluice.roll.cause', trace.cause),
    int('sluice.rows', trace.rowCount),
    int('sluice.dead_letters', trace.deadCount),
    int('sluice.files', trace.fileCount),
    int('sluice.bytes', trace.bytes),
  ];
}

export function text(key: string, value: string): OtlpAttribute {
  return { key, value: { stringValue: value } };
}

function int(key: string, value: bigint | number): OtlpAttribute {
  return { key, value: { intValue: value.toString() } };
}

function times(startedMs: number, endedMs: number): Pick<OtlpSpan, 'startTimeUnixNano' | 'endTimeUnixNano'> {
  const nanos = (ms: number): string => (BigInt(ms) * 1_000_000n).toString();
  return { startTimeUnixNano: nanos(startedMs), endTimeUnixNano: nanos(Math.max(startedMs, endedMs)) };
}
