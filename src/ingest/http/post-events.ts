import { BadInputError, LineSplitter } from '../../shared/index.ts';
import type { WrittenEvent } from '../event-writer.ts';
import { bodyChunks, formatOf } from './event-body.ts';
import { type HttpAnswer, type HttpCall, type IngestContext, idempotencyKeyOf, keyOf } from './http-call.ts';
import { HttpError } from './http-error.ts';
import { type EventOutcome, RequestEvents } from './request-events.ts';
import { eventsOfJson, trimJson } from './split-events.ts';

/** `POST /topics/T/events`: answered when every event of the body is synced in the log, or told why not. */
export async function postEvents(context: IngestContext, call: HttpCall, topic: string): Promise<HttpAnswer> {
  const { request, url } = call;
  const format = formatOf(request);
  const chunks = bodyChunks(request, context.limits.maxBodyBytes);
  const idempotencyKey = idempotencyKeyOf(call);
  const events = newEvents(context, call, topic, 'http');
  if (format === 'ndjson' && idempotencyKey === null) await writeLines(chunks, events, context);
  else {
    await context.memory.holding(chunks, async (body) => {
      const split = format === 'json' ? eventsOfJson(body, context.limits.maxEventBytes) : linesOf(body, context);
      await writeWhole(context, call, { topic, events, split, body, idempotencyKey });
      await events.answered();
    });
  }
  return answerOf(topic, await events.answered(), url.searchParams.get('results') !== 'none');
}

export function newEvents(context: IngestContext, call: HttpCall, topic: string, source: string): RequestEvents {
  const { writer, metrics, limits } = context;
  const { maxEventBytes, maxEvents } = limits;
  return new RequestEvents({
    writer,
    metrics,
    source,
    topic,
    ...keyOf(call),
    maxEventBytes,
    maxEvents,
    signal: call.signal,
  });
}

/** Line by line as they come: what is behind is not read from the socket before there is room for it. */
async function writeLines(
  chunks: AsyncIterable<Buffer>,
  events: RequestEvents,
  { limits }: IngestContext,
): Promise<void> {
  // A line that is too long even to be told as that event's error ends the request.
  const splitter = new LineSplitter({
    maxLineBytes: Math.max(limits.maxEventBytes, limits.maxBodyBytes),
    keepEmpty: false,
  });
  try {
    for await (const chunk of chunks) await addLines(splitter.push(chunk), events, limits.maxEvents);
    await addLines(splitter.finish(), events, limits.maxEvents);
  } catch (error) {
    if (!(error instanceof HttpError) || events.count === 0) throw error;
    // Some were sent already: what became of them is part of the answer.
    throw new StreamCutError(error, await events.answered());
  }
}

async function addLines(lines: readonly Buffer[], events: RequestEvents, maxEvents: number): Promise<void> {
  for (const line of lines) {
    const event = trimJson(line);
    if (event.length === 0) continue;
    if (events.isFull) throw tooMany(maxEvents);
    const waiting = events.add(event);
    if (waiting) await waiting;
  }
}

function linesOf(body: Buffer, { limits }: IngestContext): Buffer[] {
  const splitter = new LineSplitter({ maxLineBytes: limits.maxBodyBytes, keepEmpty: false });
  try {
    return [...splitter.push(body), ...splitter.finish()].map(trimJson).filter(({ length }) => length > 0);
  } catch (error) {
    if (error instanceof BadInputError) throw new HttpError(400, error.message, { cause: error });
    throw error;
  }
}

export interface WholeRequest {
  topic: string;
  events: RequestEvents;
  /** The body, split. */
  split: readonly Buffer[];
  body: Buffer;
  idempotencyKey: string | null;
}

/** Writes events that are all there. With an idempotency key, only those that no earlier request with that key has written. */
export async function writeWhole(context: IngestContext, call: HttpCall, whole: WholeRequest): Promise<void> {
  const { topic, events, split, body, idempotencyKey } = whole;
  const { repeated, limits, metrics } = context;
  if (split.length > limits.maxEvents) throw tooMany(limits.maxEvents);
  if (idempotencyKey === null) {
    for (const event of split) await events.add(event);
    return;
  }
  const { owner, signal } = call;
  const claim = await repeated.claim({ topic, owner, key: idempotencyKey, body, count: split.length, signal });
  if (claim.isRepeat) metrics.noteRepeated();
  let outcomes: readonly EventOutcome[] = [];
  let isInDoubt = true;
  try {
    for (const [index, event] of split.entries()) {
      const known = claim.written[index];
      if (known) {
        events.addWritten(known);
        continue;
      }
      claim.check();
      await events.add(event, [claim.headerOf(index)]);
    }
    outcomes = await events.answered();
    isInDoubt = outcomes.some((outcome) => outcome.kind === 'failed' && outcome.isInDoubt);
  } finally {
    claim.end(outcomes.map(writtenOf), isInDoubt);
  }
}

function writtenOf(outcome: EventOutcome): WrittenEvent | undefined {
  return outcome.kind === 'written' ? outcome.written : undefined;
}

function tooMany(maxEvents: number): HttpError {
  return new HttpError(413, `expected at most ${maxEvents} events in one request`);
}

/** A stream of lines that had to be refused in the middle. */
export class StreamCutError extends HttpError {
  readonly outcomes: readonly EventOutcome[];

  constructor(cause: HttpError, outcomes: readonly EventOutcome[]) {
    super(cause.status, cause.message, { cause, headers: cause.headers });
    this.outcomes = outcomes;
  }
}

/**
 * 200 all are written, 207 some are, else 400 (none can be) or 503 (the log did not confirm). In the order of the request each event's
 * partition and offset, or its error.
 */
export function answerOf(topic: string, outcomes: readonly EventOutcome[], withEvents: boolean): HttpAnswer {
  if (outcomes.length === 0) throw new HttpError(400, 'expected at least one event, got none');
  const writtenCount = outcomes.filter(({ kind }) => kind === 'written').length;
  const isUnconfirmed = outcomes.some(({ kind }) => kind === 'failed');
  const failure = outcomes.find((outcome) => outcome.kind !== 'written');
  const status = !failure ? 200 : writtenCount > 0 ? 207 : isUnconfirmed ? 503 : 400;
  return {
    status,
    headers: isUnconfirmed ? { 'retry-after': '1' } : {},
    body: {
      ...(status >= 400 ? { error: failure!.reason } : {}),
      topic,
      written: writtenCount,
      failed: outcomes.length - writtenCount,
      ...(withEvents ? { events: outcomes.map(shown) } : {}),
    },
  };
}

export function shown(outcome: EventOutcome): object {
  if (outcome.kind === 'refused') return { error: outcome.reason };
  if (outcome.kind === 'failed') return { error: outcome.reason, inDoubt: outcome.isInDoubt };
  const { partition, offset } = outcome.written;
  return { partition, offset: offset < 0n ? null : offset };
}
