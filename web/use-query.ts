import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, get } from './api.ts';

export interface QueryState<T> {
  /** The newest answer; stays while the next one is on its way, or fails. */
  data: T | null;
  error: string | null;
  /** Of the HTTP answer that was an error; 0: there was none. */
  status: number;
  isLoading: boolean;
  reload(): void;
}

interface Answered<T> {
  path: string | null;
  data: T | null;
  error: string | null;
  status: number;
}

/** Asks the server, and again every `everyMs` while somebody can see the page. `path` null: nothing is asked. */
export function useQuery<T>(path: string | null, everyMs: number | null = null): QueryState<T> {
  const [state, setState] = useState<Answered<T>>({ path, data: null, error: null, status: 0 });
  const [isLoading, setLoading] = useState(path !== null);
  const [turn, setTurn] = useState(0);
  const reload = useCallback(() => setTurn((value) => value + 1), []);
  const isFirst = useRef(true);

  useEffect(() => {
    if (path === null) return;
    const ended = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      if (document.hidden && !isFirst.current) return again();
      isFirst.current = false;
      try {
        const data = await get<T>(path, ended.signal);
        if (!ended.signal.aborted) setState({ path, data, error: null, status: 0 });
      } catch (error) {
        if (ended.signal.aborted) return;
        setState((before) => ({
          path,
          data: before.path === path ? before.data : null,
          error: (error as Error).message,
          status: error instanceof ApiError ? error.status : 0,
        }));
      }
      setLoading(false);
      again();
    };
    const again = (): void => {
      if (everyMs !== null && !ended.signal.aborted) timer = setTimeout(() => void ask(), everyMs);
    };
    setLoading(true);
    void ask();
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [path, everyMs, turn]);

  const isCurrent = state.path === path;
  const { data, error, status } = isCurrent ? state : { data: null, error: null, status: 0 };
  return { data, error, status, isLoading, reload };
}
