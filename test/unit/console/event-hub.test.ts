import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { EventHub } from '../../../src/console/live/event-hub.ts';

/** A client that reads, or does not: what is written waits in `pending` until it is taken. */
class FakeResponse extends EventEmitter {
  taken = '';
  pending = '';
  isReading = true;
  isEnded = false;
  isDestroyed = false;

  get writableLength(): number {
    return this.pending.length;
  }

  writeHead(): this {
    return this;
  }

  write(text: string | Buffer): boolean {
    this.pending += text.toString();
    if (this.isReading) this.read();
    return true;
  }

  read(): void {
    this.taken += this.pending;
    this.pending = '';
  }

  end(): void {
    this.isEnded = true;
  }

  destroy(): void {
    this.isDestroyed = true;
    this.emit('close');
  }
}

function open(hub: EventHub, signal = new AbortController().signal) {
  const response = new FakeResponse();
  const ended = hub.open({} as IncomingMessage, response as unknown as ServerResponse, signal);
  return { response, ended };
}

const options = { maxClients: 3, maxPendingBytes: 200, stallMs: 1000, nowMs: () => 0 };

describe('the stream of events', () => {
  it('tells every client', async () => {
    const hub = new EventHub(options);
    const [one, two] = [open(hub), open(hub)];
    hub.broadcast('tick', '{"n":1}');
    for (const { response } of [one, two]) expect(response.taken).toContain('event: tick\ndata: {"n":1}\n\n');
    hub.close();
  });

  it('leaves out events for a client that does not read, and tells it how many', () => {
    const hub = new EventHub(options);
    const [slow, quick] = [open(hub).response, open(hub).response];
    slow.isReading = false;
    for (let n = 0; n < 100; n++) hub.broadcast('tick', `{"n":${n}}`);
    expect(slow.pending.length).toBeLessThanOrEqual(options.maxPendingBytes);
    expect(quick.taken.match(/event: tick/g)).toHaveLength(100);
    slow.isReading = true;
    slow.read();
    hub.broadcast('tick', '{"n":100}');
    const received = slow.taken.match(/event: tick/g)!.length;
    expect(slow.taken).toContain(`event: dropped\ndata: {"count":${101 - received}}`);
    hub.close();
  });

  it('lets a client go that has read nothing for long', async () => {
    let nowMs = 0;
    const hub = new EventHub({ ...options, nowMs: () => nowMs });
    const { response, ended } = open(hub);
    response.isReading = false;
    for (let n = 0; n < 100; n++) hub.broadcast('tick', `{"n":${n}}`);
    expect(response.isDestroyed).toBe(false);
    nowMs = 2000;
    hub.broadcast('tick', '{}');
    expect(response.isDestroyed).toBe(true);
    await ended;
    expect(hub.clientCount).toBe(0);
    hub.close();
  });

  it('refuses more clients than it has room for, and has room again when one goes', async () => {
    const hub = new EventHub(options);
    const scope = new AbortController();
    const first = open(hub, scope.signal);
    open(hub);
    open(hub);
    await expect(open(hub).ended).rejects.toThrow('too many dashboards');
    scope.abort();
    await first.ended;
    open(hub);
    expect(hub.clientCount).toBe(3);
    hub.close();
  });
});
