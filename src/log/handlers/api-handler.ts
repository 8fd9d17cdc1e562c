/**
 * What an API handler is: a message pair, the versions it understands, and a function. The answer to ApiVersions is made
 * from these objects, so what is advertised cannot drift from what is handled.
 */
import type { Clock, Logger } from '../../shared/index.ts';
import { type DeepPartial, errorCodes, type MessageSchema } from '../../wire/index.ts';
import type { BrokerConfig } from '../broker-config.ts';
import type { GroupCoordinator } from '../coordinator/group-coordinator.ts';
import { LogError } from '../storage/log-error.ts';
import type { LogManager } from '../storage/log-types.ts';

/** What handlers work on. */
export interface BrokerServices {
  readonly logs: LogManager;
  readonly groups: GroupCoordinator;
  readonly config: BrokerConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where clients are told to connect; a null host means the address that the client has reached us at. */
  readonly advertised: { readonly host: string | null; readonly port: number };
  readonly apis: readonly ApiHandler[];
  /** Aborted when the broker begins to stop: long polls answer with what they have. */
  readonly stopping: AbortSignal;
}

/** One request: what is known besides its message. */
export interface RequestContext {
  readonly apiVersion: number;
  readonly clientId: string;
  /** Address of the client, and the address of ours that it uses. */
  readonly clientHost: string;
  readonly localHost: string;
  /** Aborted when the connection is gone: nobody will read the answer. */
  readonly signal: AbortSignal;
  readonly services: BrokerServices;
}

export interface ApiHandler {
  readonly request: MessageSchema<unknown>;
  readonly response: MessageSchema<unknown>;
  /** Inclusive. */
  readonly minVersion: number;
  readonly maxVersion: number;
  /** What ApiVersions says where that differs from `minVersion`. */
  readonly advertisedMinVersion: number;
  /** Null: the client expects no answer (acks=0). */
  handle(request: unknown, context: RequestContext): DeepPartial<unknown> | null | Promise<DeepPartial<unknown> | null>;
  /** Answers a version below `minVersion` by hand; null closes the connection, as without this function. */
  answerOldVersion?(frame: Buffer, context: RequestContext, bodyOffset: number): Buffer | null;
}

export interface HandlerDefinition<Request, Response> {
  readonly request: MessageSchema<Request>;
  readonly response: MessageSchema<Response>;
  readonly minVersion?: number;
  readonly maxVersion?: number;
  readonly advertisedMinVersion?: number;
  handle(
    request: Request,
    context: RequestContext,
  ): DeepPartial<Response> | null | Promise<DeepPartial<Response> | null>;
  answerOldVersion?(frame: Buffer, context: RequestContext, bodyOffset: number): Buffer | null;
}

/** Versions default to all that the tables have, without a last one that Apache Kafka still works on. */
export function defineHandler<Request, Response>(definition: HandlerDefinition<Request, Response>): ApiHandler {
  const [first, last] = definition.request.validVersions;
  const minVersion = definition.minVersion ?? first;
  return {
    ...(definition as HandlerDefinition<unknown, unknown>),
    minVersion,
    maxVersion: definition.maxVersion ?? (definition.request.isLatestVersionUnstable ? last - 1 : last),
    advertisedMinVersion: definition.advertisedMinVersion ?? minVersion,
  };
}

/** The error that a client is told for something that was thrown; what we did not expect is logged. */
export function errorAnswer(error: unknown, logger: Logger): { errorCode: number; errorMessage: string } {
  if (error instanceof LogError) return { errorCode: errorCodes[error.kafkaName], errorMessage: error.message };
  logger.error({ err: error, cause: String(error) }, 'RequestFailed');
  return { errorCode: errorCodes.UNKNOWN_SERVER_ERROR, errorMessage: 'the broker failed; its log says why' };
}

/** Where this broker can be reached, for answers that name it. */
export function ownEndpoint(context: RequestContext): { nodeId: number; host: string; port: number } {
  const { advertised, config } = context.services;
  return { nodeId: config.nodeId, host: advertised.host ?? context.localHost, port: advertised.port };
}
