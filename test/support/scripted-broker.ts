import { createServer, type Server, type Socket } from 'node:net';
import type { ApiKey, RequestOf, ResponseOf } from '../../src/wire/client/index.ts';
import {
  apiKeys,
  type DeepPartial,
  decodeMessage,
  decodeRequestHeader,
  encodeResponseFrame,
  FrameSplitter,
  requestSchema,
  responseSchema,
} from '../../src/wire/index.ts';

/** What a handler may do instead of answering. */
export type Instead = 'stay-silent' | 'close' | { bytes: Buffer };

export interface Exchange {
  version: number;
  correlationId: number;
  socket: Socket;
  /** Number of the connection, counting from 1. */
  connection: number;
}

export type Handler<K extends ApiKey> = (
  request: RequestOf<K>,
  exchange: Exchange,
) => DeepPartial<ResponseOf<K>> | Instead | Promise<DeepPartial<ResponseOf<K>> | Instead>;

type AnyHandler = (request: never, exchange: Exchange) => unknown;

interface TopicState {
  topicId: string;
  leaders: { leaderId: number; leaderEpoch: number }[];
}

/**
 * A broker that says what a test wants: real sockets and frames, answers by hand. Answers the requests of one connection
 * in their order, as Kafka does. Knows ApiVersions, Metadata and FindCoordinator by itself.
 */
export class ScriptedBroker {
  readonly nodeId: number;
  /** Every request that came, by API. */
  readonly requests: { apiKey: number; version: number; connection: number; message: unknown }[] = [];
  /** Told in Metadata. Shared between the nodes of one cluster. */
  readonly cluster: { nodes: ScriptedBroker[]; topics: Map<string, TopicState>; coordinatorId: number };
  readonly #handlers = new Map<number, AnyHandler>();
  readonly #versions = new Map<number, [min: number, max: number]>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  #connectionCount = 0;
  #port = 0;

  static async start(cluster?: ScriptedBroker['cluster']): Promise<ScriptedBroker> {
    const broker = new ScriptedBroker(cluster ?? { nodes: [], topics: new Map(), coordinatorId: 1 });
    await broker.listen();
    return broker;
  }

  private constructor(cluster: ScriptedBroker['cluster']) {
    this.cluster = cluster;
    this.nodeId = cluster.nodes.push(this);
    this.#server = createServer((socket) => this.#accept(socket));
    this.on(apiKeys.ApiVersions, () => ({ apiKeys: this.#advertised() }));
    this.on(apiKeys.Metadata, (request) => this.#metadata(request));
    this.on(apiKeys.FindCoordinator, (request) => ({
      coordinators: request.coordinatorKeys.map((key) => ({ key, nodeId: cluster.coordinatorId, host: '', port: 0 })),
    }));
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get connectionCount(): number {
    return this.#connectionCount;
  }

  /** Sets what an API answers; versions from 0 to the newest unless given. */
  on<K extends ApiKey>(apiKey: K, handler: Handler<K>, versions?: [min: number, max: number]): void {
    this.#handlers.set(apiKey, handler as AnyHandler);
    const [, max] = requestSchema(apiKey)!.validVersions;
    this.#versions.set(apiKey, versions ?? [0, max]);
  }

  of<K extends ApiKey>(apiKey: K): { version: number; connection: number; message: RequestOf<K> }[] {
    return this.requests.filter((request) => request.apiKey === apiKey) as never;
  }

  setTopic(name: string, topicId: string, leaders: [leaderId: number, leaderEpoch: number][]): void {
    this.cluster.topics.set(name, {
      topicId,
      leaders: leaders.map(([leaderId, leaderEpoch]) => ({ leaderId, leaderEpoch })),
    });
  }

  /** Listens, again on the same port after `stop`. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as { port: number }).port;
  }

  /** Closes the port and all connections at once, as a killed process would. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #accept(socket: Socket): void {
    const connection = ++this.#connectionCount;
    const splitter = new FrameSplitter(64 * 1024 * 1024);
    let previous = Promise.resolve();
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      for (const frame of splitter.push(chunk)) previous = previous.then(() => this.#handle(frame, socket, connection));
    });
  }

  async #handle(frame: Buffer, socket: Socket, connection: number): Promise<void> {
    const { apiKey, apiVersion: version, correlationId, bodyOffset } = decodeRequestHeader(frame);
    const message = decodeMessage(requestSchema(apiKey)!, version, frame, bodyOffset);
    this.requests.push({ apiKey, version, connection, message });
    const handler = this.#handlers.get(apiKey);
    if (!handler) throw new Error(`the scripted broker has no answer for API ${apiKey}`);
    const answer = await handler(message as never, { version, correlationId, socket, connection });
    if (answer === 'stay-silent') return;
    if (answer === 'close') return void socket.destroy();
    if (typeof answer === 'object' && answer !== null && 'bytes' in answer) {
      return void socket.write((answer as { bytes: Buffer }).bytes);
    }
    const chunks = encodeResponseFrame(apiKey, version, correlationId, responseSchema(apiKey)!, answer as object);
    socket.write(Buffer.concat(chunks));
  }

  #advertised(): { apiKey: number; minVersion: number; maxVersion: number }[] {
    return [...this.#versions].map(([apiKey, [minVersion, maxVersion]]) => ({ apiKey, minVersion, maxVersion }));
  }

  #metadata(request: RequestOf<typeof apiKeys.Metadata>): DeepPartial<ResponseOf<typeof apiKeys.Metadata>> {
    const { nodes, topics } = this.cluster;
    const names = request.topics?.map(({ name }) => name ?? '') ?? [...topics.keys()];
    return {
      brokers: nodes.map((node) => ({ nodeId: node.nodeId, host: '127.0.0.1', port: node.#port })),
      clusterId: 'scripted',
      controllerId: 1,
      topics: names.map((name) => {
        const topic = topics.get(name);
        if (!topic) return { name, errorCode: 3 };
        const partitions = topic.leaders.map((leader, partitionIndex) => ({ ...leader, partitionIndex }));
        return { name, topicId: topic.topicId, partitions };
      }),
    };
  }
}
