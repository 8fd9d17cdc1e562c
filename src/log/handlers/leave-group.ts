import { errorCodes, LeaveGroupRequestSchema, LeaveGroupResponseSchema } from '../../wire/index.ts';
import { defineHandler } from './api-handler.ts';

/** Up to version 2 one member leaves and the answer has one code; from version 3 several may be named, each with its own. */
export const leaveGroupHandler = defineHandler({
  request: LeaveGroupRequestSchema,
  response: LeaveGroupResponseSchema,
  handle(request, { apiVersion, services }) {
    if (apiVersion < 3) {
      const single = services.groups.leave(request.groupId, [{ memberId: request.memberId, instanceId: null }]);
      return { errorCode: single.errorCode || (single.memberCodes[0] ?? errorCodes.NONE) };
    }
    const identities = request.members.map(({ memberId, groupInstanceId }) => ({
      memberId,
      instanceId: groupInstanceId,
    }));
    const { errorCode, memberCodes } = services.groups.leave(request.groupId, identities);
    if (errorCode !== errorCodes.NONE) return { errorCode };
    const members = identities.map(({ memberId, instanceId }, i) => ({
      memberId,
      groupInstanceId: instanceId,
      errorCode: memberCodes[i]!,
    }));
    return { errorCode, members };
  },
});
