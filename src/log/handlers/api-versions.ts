import { ApiVersionsRequestSchema, ApiVersionsResponseSchema, errorCodes } from '../../wire/index.ts';
import { defineHandler, type RequestContext } from './api-handler.ts';

/** What a client library may call itself (KIP-511). */
const softwareNamePattern = /^[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?$/;

/**
 * Tells which APIs and versions there are, from the register of handlers. A version that we do not know is answered in
 * version 0 with UNSUPPORTED_VERSION and the same list (the router sees to that), so that the client can ask again.
 */
export const apiVersionsHandler = defineHandler({
  request: ApiVersionsRequestSchema,
  response: ApiVersionsResponseSchema,
  handle(request, context) {
    const { apiVersion } = context;
    if (
      apiVersion >= 3 &&
      !(softwareNamePattern.test(request.clientSoftwareName) && softwareNamePattern.test(request.clientSoftwareVersion))
    ) {
      return { errorCode: errorCodes.INVALID_REQUEST };
    }
    // KIP-1242: a client that means another broker must look its cluster up again.
    const { logs, config } = context.services;
    const isOtherCluster = request.clusterId !== null && request.clusterId !== logs.clusterId;
    if (isOtherCluster || (request.nodeId >= 0 && request.nodeId !== config.nodeId)) {
      return { errorCode: errorCodes.REBOOTSTRAP_REQUIRED };
    }
    return supportedApis(context, errorCodes.NONE);
  },
});

export function supportedApis(context: RequestContext, errorCode: number) {
  const apiKeys = context.services.apis.map(({ request, advertisedMinVersion, maxVersion }) => ({
    apiKey: request.apiKey,
    minVersion: advertisedMinVersion,
    maxVersion,
  }));
  return { errorCode, apiKeys };
}
