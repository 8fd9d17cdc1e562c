// Promises: whoever reads the records of a key comes to the same holder; there is never more than one; nothing that a turn wrote is forgotten.
import { describe, expect, it } from 'vitest';
import { encodeKeyRecord, KeyClaims, type KeyRecord } from '../../../../src/ingest/http/key-claims.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

const keepMs = 1000;
const body = { fingerprint: 'f', count: 2 };

function claim(by: string, after: string | null = null): KeyRecord {
  return { kind: 'claim', by, after, ...body };
}

function end(by: string, written: [number, string][], isInDoubt = false): KeyRecord {
  return { kind: 'end', by, written: [0, 1].map((index) => written[index] ?? null), isInDoubt };
}

function read(records: readonly KeyRecord[], claims = new KeyClaims(keepMs)): KeyClaims {
  for (const record of records) claims.take('k', encodeKeyRecord(record), 0, 0);
  return claims;
}

describe('claims of an idempotency key', () => {
  it('the first claim has the turn, and what its end names is known', () => {
    const claims = read([claim('a'), claim('b')]);
    expect(claims.state('k')).toMatchObject({ holder: 'a', written: [], isInDoubt: false });
    read([end('b', [[9, '9']])], claims);
    expect(claims.state('k')).toMatchObject({ holder: 'a', written: [] });
    read([end('a', [[3, '17']])], claims);
    expect(claims.state('k')).toMatchObject({ holder: null, written: [{ partition: 3, offset: 17n }, undefined] });
    read([claim('c'), end('c', [])], claims);
    expect(claims.state('k')).toMatchObject({ written: [{ partition: 3, offset: 17n }, undefined], isInDoubt: false });
  });

  it('a turn is taken away by who names it, and then what it wrote is in doubt until somebody has looked', () => {
    const claims = read([claim('a'), claim('b', 'a'), claim('c', 'a'), end('a', [[0, '1']])]);
    expect(claims.state('k')).toMatchObject({ holder: 'b', isInDoubt: true, written: [] });
    read([end('b', [[0, '1']])], claims);
    expect(claims.state('k')).toMatchObject({ holder: null, isInDoubt: false });
  });

  it('a claim for another body changes nothing', () => {
    const claims = read([claim('a'), end('a', []), { ...claim('b'), fingerprint: 'other' } as KeyRecord]);
    expect(claims.state('k')).toMatchObject({ holder: null, fingerprint: 'f' });
  });

  it('passes over what is no record of it, and forgets a key when its time is over', () => {
    const claims = read([claim('a')]);
    for (const value of [null, Buffer.from('nonsense'), Buffer.from('{"kind":"claim"}')]) {
      expect(claims.take('k', value, 0, 0)).toBeNull();
    }
    expect([claims.state('k')?.holder, claims.eventCount]).toEqual(['a', 2]);
    claims.take('other', encodeKeyRecord(claim('z')), keepMs + 1, 0);
    expect([claims.state('k'), claims.eventCount]).toEqual([undefined, 2]);
  });

  it('servers that claim, die and take over in any order write each request once', () => {
    const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9));
    const random = seededRandom(seed);
    for (let round = 0; round < 300; round++)
      expect({ seed, round, written: play(random) }).toMatchObject({ written: 1 });
  });
});

const places: [number, string][] = [
  [0, '0'],
  [0, '1'],
];

/** Three servers with one request, each at its own place in the log. How often it was written. */
function play(random: () => number): number {
  const log: KeyRecord[] = [];
  const servers = ['a', 'b', 'c'].map((name) => ({ name, claims: new KeyClaims(keepMs), read: 0, tries: 0, by: '' }));
  const dead = new Set<string>();
  let written = 0;
  const isDone = (claims: KeyClaims): boolean => claims.state('k')?.written[0] !== undefined;
  for (let step = 0; step < 2000 && !servers.every(({ claims }) => isDone(claims)); step++) {
    const server = servers[Math.floor(random() * servers.length)]!;
    if (server.read < log.length && random() < 0.7) {
      server.claims.take('k', encodeKeyRecord(log[server.read++]!), 0, 0);
      continue;
    }
    const holder = server.claims.state('k')?.holder ?? null;
    const isAsking = server.by !== '' && !log.slice(0, server.read).some((one) => one.by === server.by);
    if (isDone(server.claims) || isAsking) continue;
    if (holder !== null && holder === server.by) {
      // It dies before it writes, behind it, or it says what it wrote. Who follows a dead one looks into the topic.
      const fate = random();
      const { isInDoubt } = server.claims.state('k')!;
      if (fate > 0.3 && !(isInDoubt && written > 0)) written++;
      if (fate < 0.6) dead.add(holder);
      else log.push(end(holder, places));
      server.by = '';
    } else if (holder === null || dead.has(holder)) {
      server.by = `${server.name}${server.tries++}`;
      log.push(claim(server.by, holder));
    }
  }
  return written;
}
