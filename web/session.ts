import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { SessionAnswer } from '../src/console/answers.ts';

export const SessionContext = createContext<SessionAnswer>({ person: null, csrf: null, hasAccounts: false });

export function useIsOperator(): boolean {
  return useContext(SessionContext).person?.role === 'operator';
}
