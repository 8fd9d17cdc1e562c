import {
  type DeepPartial,
  DeleteGroupsRequestSchema,
  type DeleteGroupsResponseDeletableGroupResult,
  DeleteGroupsResponseSchema,
  errorCodes,
} from '../../wire/index.ts';
import { defineHandler } from './api-handler.ts';

/** Deletes groups that have no members, with their offsets. One that pins a topic stays until the pin is taken off. */
export const deleteGroupsHandler = defineHandler({
  request: DeleteGroupsRequestSchema,
  response: DeleteGroupsResponseSchema,
  async handle({ groupsNames }, { services }) {
    const results: DeepPartial<DeleteGroupsResponseDeletableGroupResult>[] = [];
    for (const groupId of new Set(groupsNames)) {
      const isPinning = [...services.logs.topics()].some(({ config }) => config.pinGroup === groupId);
      const errorCode = isPinning ? errorCodes.POLICY_VIOLATION : await services.groups.deleteGroup(groupId);
      results.push({ groupId, errorCode });
    }
    return { results };
  },
});
