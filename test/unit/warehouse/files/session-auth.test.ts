import { describe, expect, it } from 'vitest';
import type { HttpAnswer } from '../../../../src/warehouse/files/http-exchange.ts';
import { SessionAuth } from '../../../../src/warehouse/files/webhdfs/auth/session-auth.ts';

const nn1 = { host: 'nn1', port: 9870 };
const nn2 = { host: 'nn2', port: 9870 };

function answer(...cookies: string[]): HttpAnswer {
  return { status: 200, headers: { 'set-cookie': cookies }, rawHeaders: [], body: Buffer.alloc(0) };
}

function session(isFreshEachTime: boolean) {
  let count = 0;
  const authorization = async () => `proof ${++count}`;
  const proof = { method: 'kerberos', user: 'etl', isFreshEachTime, authorization, close: async () => {} } as const;
  return new SessionAuth(proof, 'bob');
}

describe('the session with a server', () => {
  it('begins with a proof, goes on with the signed cookie as it came, and is that of this server alone', async () => {
    const auth = session(true);
    expect(await auth.credentials(nn1)).toEqual({ query: { doas: 'bob' }, headers: { Authorization: 'proof 1' } });
    auth.noteAnswer(nn1, answer('hadoop.auth="u=etl&t=kerberos&e=1&s=a+b/c="; Path=/; HttpOnly', 'other=1'));
    const Cookie = 'hadoop.auth="u=etl&t=kerberos&e=1&s=a+b/c="; other=1';
    expect((await auth.credentials(nn1)).headers).toEqual({ Cookie });
    expect((await auth.credentials(nn2)).headers).toEqual({ Authorization: 'proof 2' });
  });

  it('begins anew when the cookie is refused, or taken back by an empty one', async () => {
    const auth = session(false);
    auth.noteAnswer(nn1, answer('hadoop.auth=abc; Path=/'));
    const shown = await auth.credentials(nn1);
    expect(auth.refuse(nn1, shown)).toBe(true);
    expect((await auth.credentials(nn1)).headers).toEqual({ Authorization: 'proof 1' });
    auth.noteAnswer(nn1, answer('hadoop.auth=def; Path=/'));
    auth.noteAnswer(nn1, answer('hadoop.auth=; Path=/; HttpOnly'));
    expect((await auth.credentials(nn1)).headers).toEqual({ Authorization: 'proof 2' });
  });

  it('forgets no newer cookie for the refusal of an older one', async () => {
    const auth = session(true);
    auth.noteAnswer(nn1, answer('hadoop.auth=old'));
    const shown = await auth.credentials(nn1);
    auth.noteAnswer(nn1, answer('hadoop.auth=new'));
    auth.refuse(nn1, shown);
    expect((await auth.credentials(nn1)).headers).toEqual({ Cookie: 'hadoop.auth=new' });
  });

  it('knows when there is nothing else to show: a password that is refused', async () => {
    const password = session(false);
    expect(password.refuse(nn1, await password.credentials(nn1))).toBe(false);
    const ticket = session(true);
    expect(ticket.refuse(nn1, await ticket.credentials(nn1))).toBe(true);
  });
});
