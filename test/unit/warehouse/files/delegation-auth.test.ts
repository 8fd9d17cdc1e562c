import { describe, expect, it } from 'vitest';
import { ManualClock, silentLogger } from '../../../../src/shared/index.ts';
import { WarehouseError } from '../../../../src/warehouse/files/warehouse-error.ts';
import { DelegationAuth } from '../../../../src/warehouse/files/webhdfs/auth/delegation-auth.ts';
import { decodeTokenIdentifier } from '../../../../src/warehouse/files/webhdfs/auth/delegation-token.ts';
import type { NameNodeAnswer, NameNodeCall } from '../../../../src/warehouse/files/webhdfs/name-nodes.ts';
import { simpleAuth } from '../../../../src/warehouse/files/webhdfs/webhdfs-auth.ts';

/** As a NameNode of Hadoop 3.4.3 gave it out. */
const realToken =
  'HgAFYWxpY2UFYWxpY2UAigGh_m6Be4oBof5u9qsBAhS7bk99S1VGzR8dKwubJw7FWBybURJXRUJIREZTIGRlbGVnYXRpb24PMTI3LjAuMC4xOjE4OTAx';
const nameNode = { host: 'nn', port: 9870 };
const startMs = 1_800_000_000_000;

/** Tokens that live `lifeMs` unless renewed, and `maxMs` at the longest. */
class FakeNameNode {
  readonly clock = new ManualClock(startMs);
  readonly asked: string[] = [];
  isAway = false;
  readonly #lifeMs: number;
  readonly #maxMs: number;
  readonly #born = new Map<string, number>();

  constructor(lifeMs: number, maxMs: number) {
    this.#lifeMs = lifeMs;
    this.#maxMs = maxMs;
  }

  login(): DelegationAuth {
    const call = async (request: NameNodeCall) => this.answer(request);
    return new DelegationAuth({ login: simpleAuth('etl'), call, clock: this.clock, logger: silentLogger });
  }

  answer({ op, query }: NameNodeCall): NameNodeAnswer {
    this.asked.push(op);
    if (this.isAway) throw new WarehouseError('unavailable', 'Cannot contact any KDC', { isRetriable: true });
    const nowMs = this.clock.nowMs();
    const rawHeaders = ['Date', new Date(nowMs).toUTCString()];
    const common = { status: 200, headers: {}, rawHeaders, exception: null, wasUncertain: false };
    if (op === 'GETDELEGATIONTOKEN') {
      const urlString = tokenText(nowMs, nowMs + this.#maxMs);
      this.#born.set(urlString, nowMs);
      return { ...common, body: Buffer.from(JSON.stringify({ Token: { urlString } })) };
    }
    const endMs = (this.#born.get(query!['token']!) ?? 0) + this.#maxMs;
    if (op === 'RENEWDELEGATIONTOKEN' && nowMs >= endMs) {
      return { ...common, exception: { name: 'InvalidToken', message: 'it has ended' }, body: Buffer.alloc(0) };
    }
    return { ...common, body: Buffer.from(JSON.stringify({ long: Math.min(nowMs + this.#lifeMs, endMs) })) };
  }
}

describe('a delegation token', () => {
  it('tells its owner, its renewer and how long it can live', () => {
    const issuedMs = Date.parse('2026-11-21T14:06:57.403Z');
    const identifier = decodeTokenIdentifier(realToken)!;
    expect(identifier).toMatchObject({ owner: 'alice', renewer: 'alice' });
    expect(identifier.maxMs - identifier.issuedMs).toBe(30_000);
    expect(Math.abs(identifier.issuedMs - issuedMs)).toBeLessThan(60_000);
    for (const text of ['', 'AAAA', realToken.slice(0, 20)]) expect(decodeTokenIdentifier(text)).toBeNull();
  });

  it('is got once for all who ask at the same time, and shown with every request', async () => {
    const server = new FakeNameNode(86_400_000, 604_800_000);
    const auth = server.login();
    const shown = await Promise.all(Array.from({ length: 5 }, () => auth.credentials(nameNode)));
    expect(new Set(shown.map(({ query }) => query['delegation'])).size).toBe(1);
    expect(server.asked).toEqual(['GETDELEGATIONTOKEN', 'RENEWDELEGATIONTOKEN']);
  });

  it('is renewed before it ends, and exchanged for another when no renewal helps any more', async () => {
    const server = new FakeNameNode(10_000, 30_000);
    const auth = server.login();
    const tokens = new Set<string>();
    for (let second = 0; second < 120; second++) {
      tokens.add((await auth.credentials(nameNode)).query['delegation']!);
      const { token } = await auth.facts();
      expect(token!.expiresMs, `second ${second}`).toBeGreaterThan(server.clock.nowMs());
      await server.clock.advance(1_000);
    }
    expect(tokens.size).toBeGreaterThanOrEqual(4);
    expect(tokens.size).toBeLessThanOrEqual(7);
  });

  it('stays in use while the KDC is away, for as long as it is good, and then makes callers wait', async () => {
    const server = new FakeNameNode(100_000, 1_000_000);
    const auth = server.login();
    const { query } = await auth.credentials(nameNode);
    server.isAway = true;
    await server.clock.advance(95_000);
    for (let n = 0; n < 50; n++) expect((await auth.credentials(nameNode)).query).toEqual(query);
    expect(server.asked.length).toBeLessThan(5); // a failed renewal is not tried again with each request
    await server.clock.advance(10_000);
    await expect(auth.credentials(nameNode)).rejects.toMatchObject({ code: 'unavailable', isRetriable: true });
    server.isAway = false;
    expect((await auth.credentials(nameNode)).query['delegation']).toBeDefined();
  });

  it('is thrown away when a server refuses it, but not for the refusal of one before it', async () => {
    const server = new FakeNameNode(86_400_000, 604_800_000);
    const auth = server.login();
    const first = await auth.credentials(nameNode);
    await server.clock.advance(1);
    expect(auth.refuse(nameNode, first)).toBe(true);
    const second = await auth.credentials(nameNode);
    expect(second).not.toEqual(first);
    auth.refuse(nameNode, first);
    expect(await auth.credentials(nameNode)).toEqual(second);
  });

  it('is cancelled at the end', async () => {
    const server = new FakeNameNode(86_400_000, 604_800_000);
    const auth = server.login();
    await auth.credentials(nameNode);
    await auth.close();
    expect(server.asked.at(-1)).toBe('CANCELDELEGATIONTOKEN');
    await expect(auth.credentials(nameNode)).rejects.toThrow('closed');
  });

  it('does not make a caller wait who has stopped', async () => {
    const server = new FakeNameNode(1_000, 2_000);
    const call = () => new Promise<NameNodeAnswer>(() => {});
    const auth = new DelegationAuth({ login: simpleAuth('etl'), call, clock: server.clock, logger: silentLogger });
    const stop = new AbortController();
    const waiting = auth.credentials(nameNode, stop.signal);
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});

/** `Token` of Hadoop: identifier with owner, renewer, real user, issue and end; then password, kind and service. */
function tokenText(issuedMs: number, maxMs: number): string {
  const text = (value: string) => Buffer.concat([varLong(value.length), Buffer.from(value)]);
  const parts = [
    Buffer.of(0),
    text('etl'),
    text('etl'),
    text(''),
    varLong(issuedMs),
    varLong(maxMs),
    varLong(1),
    varLong(2),
  ];
  const identifier = Buffer.concat(parts);
  const token = [varLong(identifier.length), identifier, text('password'), text('WEBHDFS delegation'), text('nn:8020')];
  return Buffer.concat(token).toString('base64url');
}

function varLong(value: number): Buffer {
  if (value <= 127) return Buffer.of(value);
  const digits = value.toString(16);
  const bytes = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.of((-112 - bytes.length) & 0xff), bytes]);
}
