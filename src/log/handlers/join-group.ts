import { errorCodes, JoinGroupRequestSchema, JoinGroupResponseSchema } from '../../wire/index.ts';
import { defineHandler } from './api-handler.ts';

/** Answered when the rebalance that it starts, or takes part in, is complete. */
export const joinGroupHandler = defineHandler({
  request: JoinGroupRequestSchema,
  response: JoinGroupResponseSchema,
  async handle(request, { apiVersion, clientId, clientHost, signal, services }) {
    // Whoever sent this is gone: a member that will never answer would only hold the others up.
    if (signal.aborted) return { errorCode: errorCodes.UNKNOWN_MEMBER_ID };
    const result = await services.groups.join(request.groupId, {
      memberId: request.memberId,
      instanceId: request.groupInstanceId,
      clientId,
      clientHost,
      sessionTimeoutMs: request.sessionTimeoutMs,
      rebalanceTimeoutMs: request.rebalanceTimeoutMs < 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs,
      protocolType: request.protocolType,
      // Kept long after the request is gone: not a window into the network's buffer.
      protocols: request.protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) })),
      requiresKnownMemberId: apiVersion >= 4 && request.groupInstanceId === null,
      supportsSkippingAssignment: apiVersion >= 9,
    });
    return {
      errorCode: result.errorCode,
      generationId: result.generation,
      protocolType: result.protocolType,
      // Not nullable before version 7.
      protocolName: result.protocolName ?? (apiVersion >= 7 ? null : ''),
      leader: result.leader,
      skipAssignment: result.skipAssignment,
      memberId: result.memberId,
      members: result.members.map(({ memberId, instanceId, metadata }) => ({
        memberId,
        groupInstanceId: instanceId,
        metadata,
      })),
    };
  },
});
