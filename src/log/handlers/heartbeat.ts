import { HeartbeatRequestSchema, HeartbeatResponseSchema } from '../../wire/index.ts';
import { defineHandler } from './api-handler.ts';

export const heartbeatHandler = defineHandler({
  request: HeartbeatRequestSchema,
  response: HeartbeatResponseSchema,
  handle({ groupId, memberId, groupInstanceId, generationId }, { services }) {
    const identity = { memberId, instanceId: groupInstanceId };
    return { errorCode: services.groups.heartbeat(groupId, identity, generationId) };
  },
});
