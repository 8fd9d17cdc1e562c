import {
  type DeepPartial,
  errorCodes,
  FindCoordinatorRequestSchema,
  type FindCoordinatorResponseCoordinator,
  FindCoordinatorResponseSchema,
} from '../../wire/index.ts';
import { defineHandler, ownEndpoint, type RequestContext } from './api-handler.ts';

const groupKey = 0;
const transactionKey = 1;

/** This broker coordinates all groups. There are no transactions: asking for their coordinator is answered with a final error. */
export const findCoordinatorHandler = defineHandler({
  request: FindCoordinatorRequestSchema,
  response: FindCoordinatorResponseSchema,
  handle(request, context) {
    if (context.apiVersion >= 4) {
      return { coordinators: request.coordinatorKeys.map((key) => findCoordinator(key, request.keyType, context)) };
    }
    const { errorCode, errorMessage, nodeId, host, port } = findCoordinator(request.key, request.keyType, context);
    return { errorCode, errorMessage, nodeId, host, port };
  },
});

function findCoordinator(
  key: string,
  keyType: number,
  context: RequestContext,
): DeepPartial<FindCoordinatorResponseCoordinator> {
  const refused = { key, nodeId: -1, host: '', port: -1 };
  if (keyType === transactionKey) {
    // The one error that every client takes as final here; "not available" would make them ask for ever.
    const errorCode = errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    return { ...refused, errorCode, errorMessage: 'this broker does not offer transactions' };
  }
  if (keyType !== groupKey) {
    const errorMessage = `expected key type ${groupKey} (group), got ${keyType}`;
    return { ...refused, errorCode: errorCodes.INVALID_REQUEST, errorMessage };
  }
  if (key === '') return { ...refused, errorCode: errorCodes.INVALID_GROUP_ID, errorMessage: 'expected a group id' };
  return { key, ...ownEndpoint(context) };
}
