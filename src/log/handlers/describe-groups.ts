import { DescribeGroupsRequestSchema, DescribeGroupsResponseSchema, errorCodes } from '../../wire/index.ts';
import { defineHandler } from './api-handler.ts';

/** A group that is not there is described as dead; from version 6 as not found. */
export const describeGroupsHandler = defineHandler({
  request: DescribeGroupsRequestSchema,
  response: DescribeGroupsResponseSchema,
  handle(request, { apiVersion, services }) {
    const groups = request.groups.map((groupId) => {
      const group = services.groups.describe(groupId);
      if (!group && apiVersion >= 6) {
        const errorMessage = `there is no group ${groupId}`;
        return { groupId, groupState: 'Dead', errorCode: errorCodes.GROUP_ID_NOT_FOUND, errorMessage };
      }
      if (!group) return { groupId, groupState: 'Dead' };
      return {
        groupId,
        groupState: group.state,
        protocolType: group.protocolType,
        protocolData: group.protocolName,
        members: group.members.map((member) => ({
          memberId: member.memberId,
          groupInstanceId: member.instanceId,
          clientId: member.clientId,
          clientHost: `/${member.clientHost}`,
          memberMetadata: member.metadata,
          memberAssignment: member.assignment,
        })),
      };
    });
    return { groups };
  },
});
