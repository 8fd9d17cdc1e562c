import { describe, expect, it } from 'vitest';
import { Accounts } from '../../../../src/console/auth/accounts.ts';
import { type Caller, RequestGuard } from '../../../../src/console/auth/request-guard.ts';

const hash = 'hash of open sesame';
const host = '127.0.0.1:8080';
const ours = { host, origin: `http://${host}` };

function guardOf({ publicOrigin = null as string | null, nowMs = (): number => 0 } = {}) {
  const accounts = new Accounts(
    [
      { name: 'vera', role: 'viewer', hash },
      { name: 'otto', role: 'operator', hash },
    ],
    nowMs,
    async (password, kept) => kept === `hash of ${password}`,
  );
  return new RequestGuard({ accounts, publicOrigin, nowMs });
}

async function logInto(guard: RequestGuard, name: string): Promise<{ caller: Caller; cookie: string; set: string }> {
  const found = await guard.logIn(name, 'open sesame');
  const cookie = found!.cookie.split(';')[0]!;
  return { caller: (await guard.identify({ cookie }))!, cookie, set: found!.cookie };
}

describe('who a request is from', () => {
  it('is told by the cookie that the login gave, until the log-out', async () => {
    const guard = guardOf();
    const { caller, cookie, set } = await logInto(guard, 'vera');
    expect(caller.person).toMatchObject({ name: 'vera', role: 'viewer' });
    expect(set).toMatch(/; HttpOnly; SameSite=Strict; Path=\/; Max-Age=43200$/);
    guard.logOut({ cookie });
    expect(await guard.identify({ cookie })).toBeNull();
  });

  it('is not told by a made-up cookie, an empty one, or none', async () => {
    const guard = guardOf();
    for (const cookie of ['sluice_console=x', 'sluice_console=', 'other=1'])
      expect(await guard.identify({ cookie })).toBeNull();
    expect(await guard.identify({})).toBeNull();
  });

  it('is forgotten after two idle hours, and after twelve hours in any case', async () => {
    let nowMs = 0;
    const guard = guardOf({ nowMs: () => nowMs });
    const idle = await logInto(guard, 'vera');
    nowMs = 2 * 3_600_000 + 1;
    expect(await guard.identify({ cookie: idle.cookie })).toBeNull();
    const busy = await logInto(guard, 'vera');
    for (let hour = 0; hour < 11; hour++) {
      nowMs += 3_600_000;
      expect(await guard.identify({ cookie: busy.cookie })).not.toBeNull();
    }
    nowMs += 3_600_001;
    expect(await guard.identify({ cookie: busy.cookie })).toBeNull();
  });

  it('marks the cookie Secure behind https', async () => {
    const { set } = await logInto(guardOf({ publicOrigin: 'https://console.example.org' }), 'vera');
    expect(set).toMatch(/; Secure$/);
  });
});

describe('what a request may change', () => {
  it('is nothing without the session’s own word', async () => {
    const guard = guardOf();
    const { caller } = await logInto(guard, 'otto');
    expect(guard.checkChange(ours, caller, 'operator')).toMatchObject({ status: 403 });
    expect(guard.checkChange({ ...ours, 'x-sluice-csrf': 'guess' }, caller, 'operator')).toMatchObject({ status: 403 });
    expect(guard.checkChange({ ...ours, 'x-sluice-csrf': caller.session!.csrf }, caller, 'operator')).toBeNull();
  });

  it('is nothing with the word of another session', async () => {
    const guard = guardOf();
    const [one, other] = [await logInto(guard, 'otto'), await logInto(guard, 'otto')];
    expect(
      guard.checkChange({ ...ours, 'x-sluice-csrf': other.caller.session!.csrf }, one.caller, 'viewer'),
    ).not.toBeNull();
  });

  it.each([
    ['another origin', { origin: 'http://evil.example' }],
    ['no origin at all', { origin: undefined }],
    ['an origin without a name', { origin: 'null' }],
    ['our name on another port', { origin: 'http://127.0.0.1:8081' }],
    ['another site, says the browser', { 'sec-fetch-site': 'cross-site' }],
    ['the same site on another origin, says the browser', { 'sec-fetch-site': 'same-site' }],
  ])('is nothing from %s', async (_what, changed) => {
    const guard = guardOf();
    const { caller } = await logInto(guard, 'otto');
    const headers = { ...ours, 'x-sluice-csrf': caller.session!.csrf, ...changed };
    expect(guard.checkChange(headers, caller, 'operator')).toMatchObject({ status: 403 });
  });

  it('is nothing that only an operator may do, for a viewer', async () => {
    const guard = guardOf();
    const { caller } = await logInto(guard, 'vera');
    const headers = { ...ours, 'x-sluice-csrf': caller.session!.csrf };
    expect(guard.checkChange(headers, caller, 'operator')?.error).toContain('only an operator');
    expect(guard.checkChange(headers, caller, 'viewer')).toBeNull();
  });

  it('needs no word from a program with a token, which no page can send', async () => {
    const guard = guardOf();
    const caller = await guard.identify({ authorization: 'Bearer otto:open sesame' });
    expect(guard.checkChange({ host }, caller!, 'operator')).toBeNull();
    expect(await guard.identify({ authorization: 'Bearer otto:wrong word' })).toBeNull();
  });

  it('follows the public origin behind a proxy', async () => {
    const guard = guardOf({ publicOrigin: 'https://console.example.org' });
    const { caller } = await logInto(guard, 'otto');
    const word = { host, 'x-sluice-csrf': caller.session!.csrf };
    expect(guard.checkChange({ ...word, origin: 'https://console.example.org' }, caller, 'operator')).toBeNull();
    expect(guard.checkChange({ ...word, origin: `http://${host}` }, caller, 'operator')).not.toBeNull();
  });
});

describe('a console without accounts', () => {
  const open = new RequestGuard({ accounts: null, publicOrigin: null, nowMs: () => 0 });

  it('answers under the names of this machine only', () => {
    for (const name of ['127.0.0.1:8080', 'localhost', '[::1]:8080']) expect(open.checkHost({ host: name })).toBeNull();
    for (const name of ['evil.example:8080', '10.0.0.1:8080', ''])
      expect(open.checkHost({ host: name })?.status).toBe(403);
  });

  it('still asks for the word and the origin before anything is changed', async () => {
    const caller = (await open.identify({}))!;
    expect(open.checkChange(ours, caller, 'operator')).toMatchObject({ status: 403 });
    expect(open.checkChange({ ...ours, 'x-sluice-csrf': caller.session!.csrf }, caller, 'operator')).toBeNull();
  });
});
