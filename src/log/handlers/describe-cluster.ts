import { DescribeClusterRequestSchema, DescribeClusterResponseSchema, errorCodes } from '../../wire/index.ts';
import { defineHandler, ownEndpoint } from './api-handler.ts';

const brokerEndpoint = 1;

/** The cluster: its id and its one broker. */
export const describeClusterHandler = defineHandler({
  request: DescribeClusterRequestSchema,
  response: DescribeClusterResponseSchema,
  handle(request, context) {
    if (request.endpointType !== brokerEndpoint) {
      const errorMessage = `expected endpoint type ${brokerEndpoint} (brokers), got ${request.endpointType}`;
      return { errorCode: errorCodes.UNSUPPORTED_ENDPOINT_TYPE, errorMessage, endpointType: request.endpointType };
    }
    const { nodeId, host, port } = ownEndpoint(context);
    const { clusterId } = context.services.logs;
    return { clusterId, controllerId: nodeId, brokers: [{ brokerId: nodeId, host, port }] };
  },
});
