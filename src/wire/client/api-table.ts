// The APIs this client calls: their message types, and the newest version of each that the client's code understands.
// Where a newer version exists (Produce 13, OffsetCommit 10: topics by id), its meaning differs, not only its bytes.
import {
  type ApiVersionsRequest,
  type ApiVersionsResponse,
  apiKeys,
  apiName,
  type CreateTopicsRequest,
  type CreateTopicsResponse,
  type DeepPartial,
  type DeleteGroupsRequest,
  type DeleteGroupsResponse,
  type DeleteTopicsRequest,
  type DeleteTopicsResponse,
  type DescribeConfigsRequest,
  type DescribeConfigsResponse,
  type DescribeGroupsRequest,
  type DescribeGroupsResponse,
  type DescribeProducersRequest,
  type DescribeProducersResponse,
  type FetchRequest,
  type FetchResponse,
  type FindCoordinatorRequest,
  type FindCoordinatorResponse,
  type HeartbeatRequest,
  type HeartbeatResponse,
  type InitProducerIdRequest,
  type InitProducerIdResponse,
  type JoinGroupRequest,
  type JoinGroupResponse,
  type LeaveGroupRequest,
  type LeaveGroupResponse,
  type ListGroupsRequest,
  type ListGroupsResponse,
  type ListOffsetsRequest,
  type ListOffsetsResponse,
  type MetadataRequest,
  type MetadataResponse,
  type OffsetCommitRequest,
  type OffsetCommitResponse,
  type OffsetFetchRequest,
  type OffsetFetchResponse,
  type OffsetForLeaderEpochRequest,
  type OffsetForLeaderEpochResponse,
  type ProduceRequest,
  type ProduceResponse,
  requestSchema,
  type SaslAuthenticateRequest,
  type SaslAuthenticateResponse,
  type SaslHandshakeRequest,
  type SaslHandshakeResponse,
  type SyncGroupRequest,
  type SyncGroupResponse,
} from '../index.ts';
import { KafkaError } from './kafka-error.ts';

/** Request and response type by API key. */
export interface ApiMessages {
  [apiKeys.Produce]: [ProduceRequest, ProduceResponse];
  [apiKeys.Fetch]: [FetchRequest, FetchResponse];
  [apiKeys.ListOffsets]: [ListOffsetsRequest, ListOffsetsResponse];
  [apiKeys.Metadata]: [MetadataRequest, MetadataResponse];
  [apiKeys.OffsetCommit]: [OffsetCommitRequest, OffsetCommitResponse];
  [apiKeys.OffsetFetch]: [OffsetFetchRequest, OffsetFetchResponse];
  [apiKeys.FindCoordinator]: [FindCoordinatorRequest, FindCoordinatorResponse];
  [apiKeys.JoinGroup]: [JoinGroupRequest, JoinGroupResponse];
  [apiKeys.Heartbeat]: [HeartbeatRequest, HeartbeatResponse];
  [apiKeys.LeaveGroup]: [LeaveGroupRequest, LeaveGroupResponse];
  [apiKeys.SyncGroup]: [SyncGroupRequest, SyncGroupResponse];
  [apiKeys.DescribeGroups]: [DescribeGroupsRequest, DescribeGroupsResponse];
  [apiKeys.ListGroups]: [ListGroupsRequest, ListGroupsResponse];
  [apiKeys.SaslHandshake]: [SaslHandshakeRequest, SaslHandshakeResponse];
  [apiKeys.ApiVersions]: [ApiVersionsRequest, ApiVersionsResponse];
  [apiKeys.CreateTopics]: [CreateTopicsRequest, CreateTopicsResponse];
  [apiKeys.DeleteTopics]: [DeleteTopicsRequest, DeleteTopicsResponse];
  [apiKeys.InitProducerId]: [InitProducerIdRequest, InitProducerIdResponse];
  [apiKeys.SaslAuthenticate]: [SaslAuthenticateRequest, SaslAuthenticateResponse];
  [apiKeys.OffsetForLeaderEpoch]: [OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse];
  [apiKeys.DescribeConfigs]: [DescribeConfigsRequest, DescribeConfigsResponse];
  [apiKeys.DeleteGroups]: [DeleteGroupsRequest, DeleteGroupsResponse];
  [apiKeys.DescribeProducers]: [DescribeProducersRequest, DescribeProducersResponse];
}

export type ApiKey = keyof ApiMessages;
export type RequestOf<K extends ApiKey> = ApiMessages[K][0];
export type ResponseOf<K extends ApiKey> = ApiMessages[K][1];

/** A message, or what makes it for the version both sides agreed on, where versions carry the same thing in different fields. */
export type RequestMessage<K extends ApiKey> =
  | DeepPartial<RequestOf<K>>
  | ((version: number) => DeepPartial<RequestOf<K>>);

export interface VersionRange {
  min: number;
  max: number;
}

const newestUnderstood: Record<ApiKey, number> = {
  [apiKeys.Produce]: 12,
  [apiKeys.Fetch]: 17,
  [apiKeys.ListOffsets]: 10,
  [apiKeys.Metadata]: 13,
  [apiKeys.OffsetCommit]: 9,
  [apiKeys.OffsetFetch]: 9,
  [apiKeys.FindCoordinator]: 6,
  [apiKeys.JoinGroup]: 9,
  [apiKeys.Heartbeat]: 4,
  [apiKeys.LeaveGroup]: 5,
  [apiKeys.SyncGroup]: 5,
  [apiKeys.DescribeGroups]: 6,
  [apiKeys.ListGroups]: 5,
  [apiKeys.SaslHandshake]: 1,
  [apiKeys.ApiVersions]: 4,
  [apiKeys.CreateTopics]: 7,
  [apiKeys.DeleteTopics]: 6,
  [apiKeys.InitProducerId]: 5,
  [apiKeys.SaslAuthenticate]: 2,
  [apiKeys.OffsetForLeaderEpoch]: 4,
  [apiKeys.DescribeConfigs]: 4,
  [apiKeys.DeleteGroups]: 3,
  [apiKeys.DescribeProducers]: 0,
};

/** The versions that we can speak: what the codec knows, up to what the client understands. */
export function clientVersions(apiKey: ApiKey): VersionRange {
  const [min, max] = requestSchema(apiKey)!.validVersions;
  return { min, max: Math.min(max, newestUnderstood[apiKey]) };
}

/** The newest version that both sides know; throws UNSUPPORTED_VERSION when there is none. */
export function negotiateVersion(apiKey: ApiKey, broker: VersionRange | undefined, address: string): number {
  const ours = clientVersions(apiKey);
  const version = Math.min(ours.max, broker?.max ?? -1);
  if (broker && version >= ours.min && version >= broker.min) return version;
  const theirs = broker ? `${broker.min} to ${broker.max}` : 'none';
  throw new KafkaError(35, `${apiName(apiKey)} at ${address}`, {
    detail: `expected one of the versions ${ours.min} to ${ours.max}, the broker has ${theirs}`,
  });
}
