import {
  type DeepPartial,
  errorCodes,
  type FetchRequest,
  FetchRequestSchema,
  type FetchResponse,
  FetchResponseSchema,
} from '../../wire/index.ts';
import { defineHandler, type RequestContext } from './api-handler.ts';
import { FetchAttempt } from './fetch-attempt.ts';

/** Isolation level of a request: 0 shows everything below the high watermark, 1 what is below the last stable offset. */
const readCommitted = 1;

/**
 * Reads batches as they lie in the log, and waits for more when there are too few: up to `maxWaitMs`, or until `minBytes` are
 * there, or a partition has an error. Never shows anything at or above the high watermark.
 *
 * Fetch sessions (KIP-227) are not kept: every answer says session 0, and clients then send full requests. Only consumers may
 * fetch: a request that claims to come from a replica is refused (CVE-2018-1288).
 */
export const fetchHandler = defineHandler({
  request: FetchRequestSchema,
  response: FetchResponseSchema,
  handle(request, context) {
    if (context.signal.aborted) return {};
    const errorCode = checkSession(request);
    if (errorCode !== errorCodes.NONE) return { errorCode };
    const replicaId = context.apiVersion >= 15 ? request.replicaState.replicaId : request.replicaId;
    if (replicaId >= 0) return refuseAll(request, errorCodes.TOPIC_AUTHORIZATION_FAILED);
    return fetch(request, context);
  },
});

/** Session id 0 with epoch 0 asks for a new session, with -1 for none; anything else belongs to a session we never gave. */
function checkSession({ sessionId, sessionEpoch }: FetchRequest): number {
  if (sessionId !== 0) return sessionEpoch === -1 ? errorCodes.NONE : errorCodes.FETCH_SESSION_ID_NOT_FOUND;
  return sessionEpoch <= 0 ? errorCodes.NONE : errorCodes.INVALID_FETCH_SESSION_EPOCH;
}

async function fetch(request: FetchRequest, context: RequestContext): Promise<DeepPartial<FetchResponse>> {
  const { services, signal } = context;
  const attempt = new FetchAttempt(services, {
    topics: request.topics,
    maxBytes: Math.min(Math.max(request.maxBytes, 0), services.config.maxFetchBytes),
    isReadCommitted: request.isolationLevel === readCommitted,
  });
  const deadlineMs = services.clock.monotonicMs() + request.maxWaitMs;
  await attempt.read();
  while (!attempt.hasError && attempt.byteCount < request.minBytes && !attempt.isFull) {
    const leftMs = deadlineMs - services.clock.monotonicMs();
    if (leftMs <= 0 || signal.aborted || services.stopping.aborted) break;
    await attempt.whenMoreMayBeThere(leftMs, AbortSignal.any([signal, services.stopping]));
    await attempt.read();
  }
  return { responses: attempt.responses() };
}

function refuseAll(request: FetchRequest, errorCode: number): DeepPartial<FetchResponse> {
  const responses = request.topics.map(({ topic, topicId, partitions }) => ({
    topic,
    topicId,
    partitions: partitions.map(({ partition }) => ({ partitionIndex: partition, errorCode, highWatermark: -1n })),
  }));
  return { responses };
}
