import { SyncGroupRequestSchema, SyncGroupResponseSchema } from '../../wire/index.ts';
import { defineHandler } from './api-handler.ts';

/** Answered when the leader has brought the assignment, and that is durable. */
export const syncGroupHandler = defineHandler({
  request: SyncGroupRequestSchema,
  response: SyncGroupResponseSchema,
  async handle(request, { services }) {
    return await services.groups.sync(request.groupId, {
      memberId: request.memberId,
      instanceId: request.groupInstanceId,
      generation: request.generationId,
      protocolType: request.protocolType,
      protocolName: request.protocolName,
      assignments: request.assignments.map(({ memberId, assignment }) => ({
        memberId,
        assignment: Buffer.from(assignment),
      })),
    });
  },
});
