import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { get } from './api.ts';

export interface QueryState<T> {
  /** The newest answer; stays while the next one is on its way, or fails. */
  data: T | null;
  error: string | null;
  isLoading: boolean;
  reload(): void;
}

/** Asks the server, and again every `everyMs` while somebody can see the page. `path` null: nothing is asked. */
export function useQuery<T>(path: string | null, everyMs: number | null = null): QueryState<T> {
  const [state, setState] = useState<{ path: string | null; data: T | null; error: string | null }>({
    path,
    data: null,
    error: null,
  });
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
        if (!ended.signal.aborted) setState({ path, data, error: null });
      } catch (error) {
        if (ended.signal.aborted) return;
        setState((before) => ({
          path,
          data: before.path === path ? before.data : null,
          error: (error as Error).message,
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
  return { data: isCurrent ? state.data : null, error: isCurrent ? state.error : null, isLoading, reload };
}
