// Pins: requests and responses survive the trip through frames, however the stream is cut; hostile sizes are refused early.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ApiVersionsRequestSchema,
  ApiVersionsResponseSchema,
  apiKeys,
  decodeMessage,
  decodeRequestHeader,
  decodeResponseFrame,
  encodeRequestFrame,
  encodeResponseFrame,
  errorByCode,
  errorCodes,
  FetchResponseSchema,
  FrameSplitter,
  HeartbeatRequestSchema,
  readCorrelationId,
  WireError,
} from '../../../../src/wire/index.ts';

const header = { apiKey: apiKeys.Heartbeat, apiVersion: 4, correlationId: 77, clientId: 'clïent' };
const message = { groupId: 'g', generationId: 3, memberId: 'm', groupInstanceId: null };

describe('request frames', () => {
  it('are read back, with and without a client id, flexible or not', () => {
    for (const apiVersion of [1, 4]) {
      for (const clientId of ['clïent', '', null]) {
        const bytes = Buffer.concat(
          encodeRequestFrame({ ...header, apiVersion, clientId }, HeartbeatRequestSchema, message),
        );
        expect(bytes.readInt32BE()).toBe(bytes.length - 4);
        const frame = bytes.subarray(4);
        const { bodyOffset, ...decoded } = decodeRequestHeader(frame);
        expect(decoded).toEqual({ ...header, apiVersion, clientId });
        expect(decodeMessage(HeartbeatRequestSchema, apiVersion, frame, bodyOffset)).toEqual(message);
      }
    }
  });

  it('equal the bytes of the protocol guide', () => {
    const bytes = Buffer.concat(
      encodeRequestFrame({ apiKey: 18, apiVersion: 3, correlationId: 1, clientId: 'c' }, ApiVersionsRequestSchema, {
        clientSoftwareName: 'n',
        clientSoftwareVersion: '1',
      }),
    );
    expect(bytes.toString('hex')).toBe(
      '00000011' + '0012' + '0003' + '00000001' + '0001' + '63' + '00' + '026e' + '0231' + '00',
    );
  });

  it('of versions we do not have still tell their header, those of unknown APIs do not', () => {
    const frame = Buffer.concat(encodeRequestFrame(header, HeartbeatRequestSchema, message)).subarray(4);
    frame.writeInt16BE(99, 2);
    expect(decodeRequestHeader(frame)).toMatchObject({ apiVersion: 99, correlationId: 77, clientId: 'clïent' });
    frame.writeInt16BE(999, 0);
    expect(() => decodeRequestHeader(frame)).toThrow(WireError);
  });
});

describe('response frames', () => {
  it('are read back and reference big fields', () => {
    const records = Buffer.alloc(50_000, 1);
    const answer = {
      responses: [{ topicId: 'ab'.repeat(16), partitions: [{ partitionIndex: 2, highWatermark: 9n, records }] }],
    };
    const chunks = encodeResponseFrame(apiKeys.Fetch, 13, 5, FetchResponseSchema, answer);
    expect(chunks).toContain(records);
    const bytes = Buffer.concat(chunks);
    expect(bytes.readInt32BE()).toBe(bytes.length - 4);
    expect(readCorrelationId(bytes.subarray(4))).toBe(5);
    const decoded = decodeResponseFrame(apiKeys.Fetch, 13, FetchResponseSchema, bytes.subarray(4));
    expect(decoded.correlationId).toBe(5);
    expect(decoded.message).toMatchObject(answer);
  });

  it('of ApiVersions keep the old header in every version, so that any client can read them', () => {
    for (const version of [0, 3, 4]) {
      const bytes = Buffer.concat(
        encodeResponseFrame(apiKeys.ApiVersions, version, 9, ApiVersionsResponseSchema, { errorCode: 35 }),
      );
      expect(bytes.readInt16BE(8)).toBe(35);
    }
  });
});

describe('FrameSplitter', () => {
  const frames = fc.array(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    { maxLength: 12 },
  );

  it('gives back the frames of a stream, wherever it is cut', () => {
    const property = fc.property(frames, fc.infiniteStream(fc.integer({ min: 1, max: 40 })), (sent, sizes) => {
      const stream = Buffer.concat(sent.flatMap((frame) => [sizeField(frame.length), frame]));
      const splitter = new FrameSplitter(300);
      const got: Buffer[] = [];
      for (let at = 0; at < stream.length; ) {
        const size = sizes.next().value as number;
        got.push(...splitter.push(stream.subarray(at, at + size)));
        at += size;
      }
      expect(got.map((frame) => frame.toString('hex'))).toEqual(sent.map((frame) => frame.toString('hex')));
      expect(splitter.pendingBytes).toBe(0);
    });
    fc.assert(property, { numRuns: 500, verbose: 1 });
  });

  it('does not copy frames that lie in one chunk', () => {
    const chunk = Buffer.concat([sizeField(3), Buffer.from('abc'), sizeField(0), sizeField(2), Buffer.from('de')]);
    const got = new FrameSplitter(10).push(chunk);
    expect(got.map(String)).toEqual(['abc', '', 'de']);
    expect(got.every((frame) => frame.buffer === chunk.buffer)).toBe(true);
  });

  it('holds memory for the bytes that came, not for the size that is claimed', () => {
    const splitter = new FrameSplitter(1 << 30);
    splitter.push(sizeField(1 << 30));
    splitter.push(Buffer.alloc(1000));
    expect(splitter.pendingBytes).toBeLessThan(100_000);
    splitter.push(Buffer.alloc(1_000_000));
    expect(splitter.pendingBytes).toBeLessThan(2_100_000);
  });

  it('takes linear time for a big frame in tiny pieces', () => {
    const splitter = new FrameSplitter(1 << 30);
    const size = 4_000_000;
    const piece = Buffer.alloc(16, 1);
    const startedMs = performance.now();
    let got = splitter.push(sizeField(size));
    for (let sent = 0; sent < size; sent += piece.length) got = splitter.push(piece);
    expect(got.map((frame) => frame.length)).toEqual([size]);
    expect(performance.now() - startedMs).toBeLessThan(5000);
  });

  it('refuses negative and too large sizes, also when they come in pieces', () => {
    for (const [size, code] of [
      [-1, 'malformed'],
      [0x47455420, 'too-large'], // "GET "
      [1001, 'too-large'],
    ] as const) {
      expect(codeOf(() => new FrameSplitter(1000).push(sizeField(size)))).toBe(code);
      const splitter = new FrameSplitter(1000);
      splitter.push(sizeField(size).subarray(0, 3));
      expect(codeOf(() => splitter.push(sizeField(size).subarray(3)))).toBe(code);
    }
    expect(new FrameSplitter(1000).push(Buffer.concat([sizeField(1000), Buffer.alloc(1000)]))).toHaveLength(1);
  });
});

describe('error codes', () => {
  it('are known by number and say whether a retry helps', () => {
    expect(errorByCode(errorCodes.NOT_LEADER_OR_FOLLOWER)).toEqual({
      code: 6,
      name: 'NOT_LEADER_OR_FOLLOWER',
      isRetriable: true,
      message: 'not leader or follower (6)',
    });
    expect(errorByCode(errorCodes.TOPIC_ALREADY_EXISTS)).toMatchObject({ code: 36, isRetriable: false });
    expect(errorByCode(-1)).toMatchObject({ name: 'UNKNOWN_SERVER_ERROR' });
    expect(errorByCode(12345)).toMatchObject({ code: 12345, isRetriable: false });
    expect(Object.keys(errorCodes).length).toBeGreaterThan(130);
  });
});

function sizeField(size: number): Buffer {
  const field = Buffer.alloc(4);
  field.writeInt32BE(size);
  return field;
}

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
  return undefined;
}
