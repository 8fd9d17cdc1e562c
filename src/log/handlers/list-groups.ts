import { errorCodes, ListGroupsRequestSchema, ListGroupsResponseSchema } from '../../wire/index.ts';
import { defineHandler } from './api-handler.ts';

const classicType = 'classic';

/** All groups, or those in the states (v4, KIP-518) and of the types (v5, KIP-848) asked for. */
export const listGroupsHandler = defineHandler({
  request: ListGroupsRequestSchema,
  response: ListGroupsResponseSchema,
  handle(request, { services }) {
    const states = new Set(request.statesFilter.map((state) => state.toLowerCase()));
    const types = new Set(request.typesFilter.map((type) => type.toLowerCase()));
    const isWanted = (state: string): boolean =>
      (states.size === 0 || states.has(state.toLowerCase())) && (types.size === 0 || types.has(classicType));
    const groups = services.groups
      .list()
      .filter(({ state }) => isWanted(state))
      .map(({ groupId, protocolType, state }) => ({
        groupId,
        protocolType,
        groupState: state,
        groupType: classicType,
      }));
    return { errorCode: errorCodes.NONE, groups };
  },
});
