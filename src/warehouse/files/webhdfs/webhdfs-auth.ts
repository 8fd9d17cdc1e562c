import type { HttpAnswer } from '../http-exchange.ts';
import type { NameNodeAddress } from '../warehouse-url.ts';

/** Query parameters and headers of one request that say who is asking. */
export interface Credentials {
  query: Record<string, string>;
  headers: Record<string, string>;
}

/** What is known of the way we prove who we are; for people. Times in epoch milliseconds of the server's clock. */
export interface AuthFacts {
  method: 'simple' | 'basic' | 'kerberos';
  /** The user named, or the owner of the delegation token; null: the server decides. */
  user: string | null;
  token: TokenFacts | null;
}

export interface TokenFacts {
  owner: string;
  renewer: string;
  issuedMs: number;
  /** When it ends unless it is renewed before. */
  expiresMs: number;
  /** No renewal goes beyond this. */
  maxMs: number;
}

/**
 * Says to a NameNode or gateway who is asking. DataNodes get nothing of it: the address a NameNode redirects to carries what
 * they need. One object serves all requests of a warehouse, side by side.
 */
export interface WebHdfsAuth {
  credentials(server: NameNodeAddress, signal?: AbortSignal): Promise<Credentials>;
  /** Sees every answer: it may carry the cookie of a session. */
  noteAnswer(server: NameNodeAddress, answer: HttpAnswer): void;
  /** A server did not take these. True: others can be had, ask `credentials` again. */
  refuse(server: NameNodeAddress, refused: Credentials): boolean;
  facts(signal?: AbortSignal): Promise<AuthFacts>;
  /** Gives back what has been lent to us. */
  close(): Promise<void>;
}

/** Hadoop's `simple` authentication: the user's word is believed. */
export function simpleAuth(user: string, doAs?: string): WebHdfsAuth {
  const query = { 'user.name': user, ...(doAs === undefined ? {} : { doas: doAs }) };
  return {
    credentials: async () => ({ query, headers: {} }),
    noteAnswer: () => {},
    refuse: () => false,
    facts: async () => ({ method: 'simple', user: doAs ?? user, token: null }),
    close: async () => {},
  };
}

/** A URL or text fit for logs and errors: delegation tokens travel in the URL, and whoever has one is the user. */
export function redactSecrets(text: string): string {
  return text.replace(/\b(delegation|token|signature)=[^&\s"']+/gi, '$1=***');
}
