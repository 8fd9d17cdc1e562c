import type { NameNodeAddress } from '../warehouse-url.ts';

/**
 * Says to a NameNode who is asking. DataNodes get nothing of it: the address a NameNode redirects to carries what they need.
 */
export interface WebHdfsAuth {
  /** Query parameters and headers of one request. */
  credentials(
    nameNode: NameNodeAddress,
    signal?: AbortSignal,
  ): Promise<{ query: Record<string, string>; headers: Record<string, string> }>;
}

/** Hadoop's `simple` authentication: the user's word is believed. */
export function simpleAuth(user: string): WebHdfsAuth {
  return { credentials: async () => ({ query: { 'user.name': user }, headers: {} }) };
}

/** A URL or text fit for logs and errors: delegation tokens travel in the URL, and whoever has one is the user. */
export function redactSecrets(text: string): string {
  return text.replace(/\b(delegation|token|signature)=[^&\s"']+/gi, '$1=***');
}
