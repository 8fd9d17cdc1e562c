import { bodyChunks } from './event-body.ts';
import { type HttpAnswer, type HttpCall, type IngestContext, idempotencyKeyOf } from './http-call.ts';
import { HttpError } from './http-error.ts';
import { answerOf, newEvents, writeWhole } from './post-events.ts';
import { eventsOfJson } from './split-events.ts';

/** A transparent GIF of one pixel. */
const pixel = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');
/** Parameters that are about the request, not about the event. */
const ownParameters: readonly string[] = ['topic', 'key', 'keyField', 'id'];
/** A page sends little; this keeps one page from sending much. */
const maxBeaconBytes = 64 * 1024;
const maxFields = 64;

/** `GET /p.gif?topic=T&type=page_view&...`: every other parameter is a field. Answered when the event is synced in the log. */
export async function getPixel(context: IngestContext, call: HttpCall): Promise<HttpAnswer> {
  const topic = webTopicOf(context, call);
  const event = Buffer.from(JSON.stringify(pixelEvent(call, context.nowMs())));
  const events = newEvents(context, call, topic, 'pixel');
  await writeWhole(context, call, {
    topic,
    events,
    split: [event],
    body: bodyOf(call),
    idempotencyKey: idempotencyKeyOf(call),
  });
  const answer = answerOf(topic, await events.answered(), false);
  if (answer.status !== 200) return answer;
  return { status: 200, body: pixel, headers: { 'content-type': 'image/gif', 'cache-control': 'no-store' } };
}

/** `POST /beacon?topic=T`: a JSON object or array, whatever its type is called, because `sendBeacon` cannot choose it without asking first. */
export async function postBeacon(context: IngestContext, call: HttpCall): Promise<HttpAnswer> {
  const topic = webTopicOf(context, call);
  const events = newEvents(context, call, topic, 'beacon');
  const chunks = bodyChunks(call.request, Math.min(maxBeaconBytes, context.limits.maxBodyBytes));
  await context.memory.holding(chunks, async (body) => {
    const split = eventsOfJson(body, context.limits.maxEventBytes);
    await writeWhole(context, call, { topic, events, split, body, idempotencyKey: idempotencyKeyOf(call) });
    await events.answered();
  });
  const answer = answerOf(topic, await events.answered(), true);
  return answer.status === 200 ? { status: 204, body: null } : answer;
}

function webTopicOf({ webTopics }: IngestContext, { url }: HttpCall): string {
  const asked = url.searchParams.get('topic') || webTopics[0];
  if (asked !== undefined && webTopics.includes(asked)) return asked;
  throw new HttpError(404, `there is no topic "${asked ?? ''}" that takes events of websites here`);
}

function pixelEvent({ request, url }: HttpCall, nowMs: number): Record<string, string> {
  const event: Record<string, string> = { ts: new Date(nowMs).toISOString(), type: 'page_view' };
  const { referer } = request.headers;
  if (referer !== undefined) event['page'] = referer;
  let fieldCount = 0;
  for (const [name, value] of url.searchParams) {
    if (ownParameters.includes(name)) continue;
    if (++fieldCount > maxFields) throw new HttpError(400, `expected at most ${maxFields} fields`);
    Object.defineProperty(event, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return event;
}

/** What makes a repeated pixel the same request: its parameters, not when it came. */
function bodyOf({ url }: HttpCall): Buffer {
  return Buffer.from(url.search);
}
