import {
  type DeepPartial,
  DeleteGroupsRequestSchema,
  type DeleteGroupsResponseDeletableGroupResult,
  DeleteGroupsResponseSchema,
} from '../../wire/index.ts';
import { defineHandler } from './api-handler.ts';

/** Deletes groups that have no members, with their offsets. */
export const deleteGroupsHandler = defineHandler({
  request: DeleteGroupsRequestSchema,
  response: DeleteGroupsResponseSchema,
  async handle({ groupsNames }, { services }) {
    const results: DeepPartial<DeleteGroupsResponseDeletableGroupResult>[] = [];
    for (const groupId of new Set(groupsNames)) {
      results.push({ groupId, errorCode: await services.groups.deleteGroup(groupId) });
    }
    return { results };
  },
});
