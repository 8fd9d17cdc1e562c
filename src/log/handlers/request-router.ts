/** From a request frame to the frame of its answer: header, handler, message, handler's work, message, frame. */
import { SluiceError } from '../../shared/index.ts';
import {
  apiKeys,
  apiName,
  decodeMessage,
  decodeRequestHeader,
  encodeResponseFrame,
  errorCodes,
  WireError,
} from '../../wire/index.ts';
import type { Caller } from '../server/index.ts';
import type { ApiHandler, BrokerServices, RequestContext } from './api-handler.ts';
import { supportedApis } from './api-versions.ts';

export class RequestRouter {
  readonly #services: BrokerServices;
  readonly #handlers = new Map<number, ApiHandler>();

  constructor(services: BrokerServices) {
    this.#services = services;
    for (const handler of services.apis) this.#handlers.set(handler.request.apiKey, handler);
  }

  /**
   * Resolves to the chunks of the answer, or to null when the client expects none. Whatever is thrown means that the connection
   * must be closed: WireError for what is not a request that we advertise, anything else for a failure of ours. The handler
   * has started when this returns.
   */
  route(frame: Buffer, caller: Caller): Promise<Buffer[] | null> {
    try {
      return Promise.resolve(this.#start(frame, caller));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #start(frame: Buffer, caller: Caller): Buffer[] | null | Promise<Buffer[] | null> {
    const { apiKey, apiVersion, correlationId, clientId, bodyOffset } = decodeRequestHeader(frame);
    const handler = this.#handlers.get(apiKey);
    if (!handler) {
      throw new WireError(
        'unsupported-version',
        `expected an API that is advertised, got ${apiName(apiKey)} v${apiVersion}`,
      );
    }
    this.#checkSize(apiKey, frame);
    const context: RequestContext = { apiVersion, clientId: clientId ?? '', ...caller, services: this.#services };
    if (apiVersion < handler.minVersion || apiVersion > handler.maxVersion) {
      return this.#answerUnknownVersion(handler, frame, context, correlationId, bodyOffset);
    }
    const request = decodeMessage(handler.request, apiVersion, frame, bodyOffset);
    const encode = (answer: object | null): Buffer[] | null =>
      answer && encodeAnswer(handler, apiVersion, correlationId, answer);
    const answer = handler.handle(request, context) as object | null | Promise<object | null>;
    return answer instanceof Promise ? answer.then(encode) : encode(answer);
  }

  /** Decoding makes many small objects; only a Produce request is mostly one big one. */
  #checkSize(apiKey: number, frame: Buffer): void {
    const { maxControlFrameBytes } = this.#services.config.limits;
    if (apiKey === apiKeys.Produce || frame.length <= maxControlFrameBytes) return;
    throw new WireError(
      'too-large',
      `expected ${apiName(apiKey)} requests of at most ${maxControlFrameBytes} bytes, got ${frame.length}`,
    );
  }

  #answerUnknownVersion(
    handler: ApiHandler,
    frame: Buffer,
    context: RequestContext,
    correlationId: number,
    bodyOffset: number,
  ): Buffer[] {
    const { apiKey } = handler.request;
    if (apiKey === apiKeys.ApiVersions) {
      const answer = supportedApis(context, errorCodes.UNSUPPORTED_VERSION);
      return encodeResponseFrame(apiKey, 0, correlationId, handler.response, answer);
    }
    const body = handler.answerOldVersion?.(frame, context, bodyOffset);
    if (body) {
      const head = Buffer.allocUnsafe(8);
      head.writeInt32BE(4 + body.length, 0);
      head.writeInt32BE(correlationId, 4);
      return [head, body];
    }
    throw new WireError(
      'unsupported-version',
      `expected ${apiName(apiKey)} v${handler.minVersion} to v${handler.maxVersion}, got v${context.apiVersion}`,
    );
  }
}

/** What we cannot put into bytes is a mistake of ours, not of the client. */
function encodeAnswer(handler: ApiHandler, apiVersion: number, correlationId: number, answer: object): Buffer[] {
  const { apiKey } = handler.request;
  try {
    return encodeResponseFrame(apiKey, apiVersion, correlationId, handler.response, answer);
  } catch (error) {
    throw new SluiceError('answer-not-encodable', `${apiName(apiKey)} v${apiVersion}`, { cause: error });
  }
}
