import type { SessionAnswer } from '../src/console/answers.ts';

export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

let csrf: string | null = null;
const onLost = new Set<() => void>();

/** Calls back when the server does not know us any more. */
export function onSessionLost(callback: () => void): () => void {
  onLost.add(callback);
  return () => void onLost.delete(callback);
}

export async function loadSession(): Promise<SessionAnswer> {
  const session = await get<SessionAnswer>('/api/session');
  csrf = session.csrf;
  return session;
}

export async function logIn(name: string, password: string): Promise<SessionAnswer> {
  const session = await request<SessionAnswer>(
    '/api/login',
    { method: 'POST', body: JSON.stringify({ name, password }) },
    true,
  );
  csrf = session.csrf;
  return session;
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return await request<T>(path, signal ? { signal } : {});
}

export async function post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  return await request<T>(path, { method: 'POST', body: JSON.stringify(body), ...(signal ? { signal } : {}) });
}

async function request<T>(path: string, init: RequestInit, isLogin = false): Promise<T> {
  const headers: Record<string, string> = init.method === 'POST' ? { 'content-type': 'application/json' } : {};
  if (csrf !== null) headers['x-sluice-csrf'] = csrf;
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers, credentials: 'same-origin' });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError(0, 'the server does not answer');
  }
  const answer = (await response.json().catch(() => null)) as { error?: string } | null;
  if (response.ok) return answer as T;
  if (response.status === 401 && !isLogin) for (const callback of onLost) callback();
  throw new ApiError(response.status, answer?.error ?? `the server answered ${response.status}`);
}
