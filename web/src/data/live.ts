// The event stream: one for the page. The server says what changed, never how; whoever shows it fetches it again.

import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";

import { get } from "./api";

export type Change = { topic: "run"; id: string } | { topic: "resource"; kind: string; name: string } | { topic: "all" };
export type Link = "connecting" | "open" | "lost";

type ChangeListener = (change: Change) => void;
const changeListeners = new Set<ChangeListener>();
const linkListeners = new Set<() => void>();
let link: Link = "connecting";

function setLink(next: Link): void {
  if (link === next) return;
  link = next;
  linkListeners.forEach((listener) => listener());
}

function tell(change: Change): void {
  changeListeners.forEach((listener) => listener(change));
}

export function connect(): void {
  const source = new EventSource("/console/api/events");
  source.addEventListener("hello", () => {
    setLink("open");
    tell({ topic: "all" }); // what happened while no stream was open is unknown
  });
  source.addEventListener("resync", () => tell({ topic: "all" }));
  source.addEventListener("run", (event) => tell({ topic: "run", id: (JSON.parse(event.data) as { id: string }).id }));
  source.addEventListener("resource", (event) => {
    const { kind, name } = JSON.parse(event.data) as { kind: string; name: string };
    tell({ topic: "resource", kind, name });
  });
  source.onerror = () => {
    setLink("lost");
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 2000); // an HTTP error: the browser gave up
  };
}

export function useLink(): Link {
  return useSyncExternalStore(
    (listener) => {
      linkListeners.add(listener);
      return () => linkListeners.delete(listener);
    },
    () => link,
  );
}

export function useChanges(listener: ChangeListener): void {
  const latest = useRef(listener);
  latest.current = listener;
  useEffect(() => {
    const stable: ChangeListener = (change) => latest.current(change);
    changeListeners.add(stable);
    return () => {
      changeListeners.delete(stable);
    };
  }, []);
}

export interface Loaded<T> {
  data: T | undefined;
  error: string | undefined;
  reload: () => void;
}

const QUIET_MS = 150; // many changes within this time lead to one request

// Fetches `path`, and again whenever `concerns` says that a change touches it. One request at a time; the old data
// stays until the new arrives.
export function useLive<T>(path: string | null, concerns: (change: Change) => boolean): Loaded<T> {
  const [state, setState] = useState<{ path: string | null; data?: T; error?: string }>({ path });
  const control = useRef<{ load: () => void; wanted: () => void }>({ load: () => {}, wanted: () => {} });

  useEffect(() => {
    if (path === null) return;
    const abort = new AbortController();
    let busy = false;
    let again = false;
    let timer: number | undefined;
    const load = (): void => {
      if (busy) {
        again = true;
        return;
      }
      busy = true;
      again = false;
      get<T>(path, abort.signal)
        .then(
          (data) => setState({ path, data }),
          (error: Error) => {
            if (!abort.signal.aborted) {
              setState((old) =>
                old.path === path && old.data !== undefined
                  ? { path, data: old.data, error: error.message }
                  : { path, error: error.message },
              );
            }
          },
        )
        .finally(() => {
          busy = false;
          if (again && !abort.signal.aborted) wanted();
        });
    };
    const wanted = (): void => {
      if (timer === undefined) {
        timer = window.setTimeout(() => {
          timer = undefined;
          load();
        }, QUIET_MS);
      }
    };
    control.current = { load, wanted };
    load();
    return () => {
      abort.abort();
      clearTimeout(timer);
      control.current = { load: () => {}, wanted: () => {} };
    };
  }, [path]);

  useChanges((change) => {
    if (change.topic === "all" || concerns(change)) control.current.wanted();
  });
  const reload = useCallback(() => control.current.load(), []);
  const current = state.path === path;
  return { data: current ? state.data : undefined, error: current ? state.error : undefined, reload };
}

// The present time, renewed every second while `running`.
export function useNow(running: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}
