import type { IncomingMessage, ServerResponse } from 'node:http';
import { BadInputError } from '../shared/index.ts';
import type { Caller } from './auth/request-guard.ts';

/** What a route answers: a value as JSON, or a page of its own. */
export type Answer = { status?: number; json: unknown; headers?: Record<string, string> } | { page: string };

export interface ConsoleRequest {
  /** What the pattern's groups matched, decoded. */
  params: readonly string[];
  query: URLSearchParams;
  /** JSON object of a POST. */
  body: Record<string, unknown>;
  caller: Caller;
  /** Address of the client. */
  from: string;
  /** Aborted when the client goes or the server closes. */
  signal: AbortSignal;
}

interface RouteBase {
  /** Of the whole path; each group is one parameter. */
  pattern: RegExp;
}

/** A question: changes nothing, and may ask much of us, so it can be a POST. `role`: who may ask it; left out: a viewer. */
export interface QuestionRoute extends RouteBase {
  kind: 'question';
  method: 'GET' | 'POST';
  role?: 'operator';
  answer(request: ConsoleRequest): Promise<Answer> | Answer;
}

/** Something that an operator does. */
export interface ActionRoute extends RouteBase {
  kind: 'action';
  method: 'POST';
  answer(request: ConsoleRequest): Promise<Answer> | Answer;
}

/** An answer that goes on: server-sent events. Resolves when it has ended. */
export interface StreamRoute extends RouteBase {
  kind: 'stream';
  method: 'GET';
  open(incoming: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void>;
}

export type ConsoleRoute = QuestionRoute | ActionRoute | StreamRoute;

/** A whole number of the query within [min, max]; `fallback` when it is not there. */
export function numberOf(query: URLSearchParams, name: string, min: number, max: number, fallback: number): number {
  const text = query.get(name);
  if (text === null || text === '') return fallback;
  const value = Number(text);
  if (/^-?\d+$/.test(text) && value >= min && value <= max) return value;
  throw new BadInputError(`expected ${name} to be a whole number from ${min} to ${max}, got "${text}"`);
}

/** A text of the body; throws BadInputError when it is none, or empty. */
export function textOf(body: Record<string, unknown>, name: string, maxLength = 1000): string {
  const value = body[name];
  if (typeof value === 'string' && value.trim() !== '' && value.length <= maxLength) return value;
  throw new BadInputError(`expected "${name}" in the body, a text of 1 to ${maxLength} characters`);
}
