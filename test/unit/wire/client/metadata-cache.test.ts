import { describe, expect, it } from 'vitest';
import { MetadataCache } from '../../../../src/wire/client/metadata-cache.ts';
import { errorCodes, type MetadataResponse } from '../../../../src/wire/index.ts';

const [idA, idB] = ['a'.repeat(32), 'b'.repeat(32)];

function response(
  topics: { name: string; id?: string; code?: number; leaders?: [leader: number, epoch: number][] }[],
): MetadataResponse {
  return {
    throttleTimeMs: 0,
    brokers: [{ nodeId: 1, host: 'h1', port: 9092, rack: null }],
    clusterId: 'c',
    controllerId: 1,
    topics: topics.map(({ name, id = idA, code = 0, leaders = [] }) => ({
      errorCode: code,
      name,
      topicId: id,
      isInternal: false,
      partitions: leaders
        .map(([leaderId, leaderEpoch], partitionIndex) => ({
          errorCode: 0,
          partitionIndex,
          leaderId,
          leaderEpoch,
          replicaNodes: [],
          isrNodes: [],
          offlineReplicas: [],
        }))
        .reverse(),
      topicAuthorizedOperations: 0,
    })),
    clusterAuthorizedOperations: 0,
    errorCode: 0,
  };
}

describe('MetadataCache', () => {
  it('lists partitions in order of their numbers, whatever the answer has', () => {
    const cache = new MetadataCache();
    cache.update(
      response([
        {
          name: 't',
          leaders: [
            [1, 0],
            [2, 0],
            [3, 0],
          ],
        },
      ]),
    );
    expect(cache.topic('t')!.partitions.map(({ leaderId }) => leaderId)).toEqual([1, 2, 3]);
  });

  it('keeps a leader of a newer epoch when a broker that lags behind tells of an older one', () => {
    const cache = new MetadataCache();
    cache.update(
      response([
        {
          name: 't',
          leaders: [
            [2, 5],
            [1, 5],
          ],
        },
      ]),
    );
    cache.update(
      response([
        {
          name: 't',
          leaders: [
            [1, 4],
            [3, 6],
          ],
        },
      ]),
    );
    expect(cache.topic('t')!.partitions).toEqual([
      { partition: 0, leaderId: 2, leaderEpoch: 5, replicas: [] },
      { partition: 1, leaderId: 3, leaderEpoch: 6, replicas: [] },
    ]);
  });

  it('begins anew for a topic that was created again, whose epochs begin anew too', () => {
    const cache = new MetadataCache();
    cache.update(response([{ name: 't', leaders: [[2, 5]] }]));
    cache.update(response([{ name: 't', id: idB, leaders: [[1, 0]] }]));
    expect(cache.topic('t')).toMatchObject({ topicId: idB, partitions: [{ leaderId: 1, leaderEpoch: 0 }] });
  });

  it('forgets a topic that is not there any more, but not one that is in trouble', () => {
    const cache = new MetadataCache();
    cache.update(response([{ name: 't', leaders: [[1, 0]] }]));
    cache.update(response([{ name: 't', code: errorCodes.LEADER_NOT_AVAILABLE }]));
    expect(cache.topic('t')).toBeDefined();
    cache.update(response([{ name: 't', code: errorCodes.UNKNOWN_TOPIC_OR_PARTITION }]));
    expect(cache.topic('t')).toBeUndefined();
  });

  it('knows only the nodes of the last answer that had any', () => {
    const cache = new MetadataCache();
    cache.update(response([]));
    cache.update({ ...response([]), brokers: [{ nodeId: 2, host: 'h2', port: 1, rack: null }] });
    cache.update({ ...response([]), brokers: [] });
    expect([...cache.nodes]).toEqual([[2, { host: 'h2', port: 1, rack: null }]]);
  });
});
