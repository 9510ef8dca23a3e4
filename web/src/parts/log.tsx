// Logs that grow while one looks at them: a task's (bytes from an offset), a job's (events after those already here).

import { useEffect, useLayoutEffect, useRef, useState } from "react";

import { get, paths } from "../data/api";
import { moment } from "../data/format";
import type { JobLog, TaskLog } from "../data/types";

const FOLLOW_MS = 700;
const MAX_CHARACTERS = 2_000_000; // of one log in this tab; the older part is dropped

function keepEnd(whole: string): string {
  return whole.length > MAX_CHARACTERS ? whole.slice(whole.length - MAX_CHARACTERS) : whole;
}

function LogText({ text, live }: { text: string; live: boolean }): React.JSX.Element {
  const box = useRef<HTMLPreElement>(null);
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    const element = box.current;
    if (element && atEnd.current) element.scrollTop = element.scrollHeight;
  }, [text]);
  return (
    <pre
      ref={box}
      className="log"
      tabIndex={0}
      role="log"
      aria-label="Log"
      onScroll={(event) => {
        const e = event.currentTarget;
        atEnd.current = e.scrollHeight - e.scrollTop - e.clientHeight < 24;
      }}
    >
      {text || <span className="faint">{live ? "Nothing written yet." : "This log is empty."}</span>}
      {live && text !== "" && <span className="cursor" aria-hidden="true" />}
    </pre>
  );
}

export function TaskLogView({ run, task, state }: { run: string; task: string; state: string }): React.JSX.Element {
  const [log, setLog] = useState({ text: "", complete: false, error: "" });
  const waiting = state === "PENDING" || state === "RUNTIME_STATE_UNSPECIFIED" || state === "";
  useEffect(() => {
    setLog({ text: "", complete: false, error: "" });
    if (waiting) return;
    const abort = new AbortController();
    let offset = 0;
    let timer: number | undefined;
    const follow = async (): Promise<void> => {
      let pause = FOLLOW_MS;
      try {
        const part = await get<TaskLog>(paths.taskLog(run, task, offset), abort.signal);
        const more = part.next_offset > offset;
        offset = part.next_offset;
        setLog((old) => ({ text: keepEnd(old.text + part.text), complete: part.complete, error: "" }));
        if (part.complete && !more) return;
        if (more) pause = 0;
      } catch (error) {
        if (abort.signal.aborted) return;
        setLog((old) => ({ ...old, error: (error as Error).message }));
        pause = 2000;
      }
      timer = window.setTimeout(() => void follow(), pause);
    };
    void follow();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [run, task, waiting]);

  if (waiting) return <p className="faint">The task has not started.</p>;
  return (
    <>
      {log.error && <p className="faint">{log.error}</p>}
      <LogText text={log.text} live={!log.complete} />
    </>
  );
}

export function JobLogView(props: { kind: string; name: string; live: boolean }): React.JSX.Element {
  const { kind, name, live } = props;
  const [stream, setStream] = useState("");
  const [streams, setStreams] = useState<string[]>([]);
  const [lines, setLines] = useState("");
  const [error, setError] = useState("");
  const isLive = useRef(live);
  isLive.current = live;
  useEffect(() => {
    const abort = new AbortController();
    let skip = 0;
    let timer: number | undefined;
    setLines("");
    const follow = async (): Promise<void> => {
      let pause = FOLLOW_MS;
      const wasLive = isLive.current;
      try {
        const part = await get<JobLog>(paths.resourceLog(kind, name, stream, skip), abort.signal);
        setError("");
        setStreams((old) => (old.join("\n") === part.streams.join("\n") ? old : part.streams));
        const more = part.events.length > 0;
        skip = part.next;
        if (more) {
          const added = part.events.map((event) => `${moment(event.at)}  ${event.message.replace(/\n$/, "")}\n`);
          setLines((old) => keepEnd(old + added.join("")));
          pause = 0;
        } else if (!wasLive) return; // asked after the job had ended: nothing will follow
      } catch (problem) {
        if (abort.signal.aborted) return;
        setError((problem as Error).message);
        pause = 2000;
      }
      timer = window.setTimeout(() => void follow(), pause);
    };
    void follow();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [kind, name, stream]);

  return (
    <>
      {streams.length > 1 && (
        <label className="pick">
          Stream{" "}
          <select value={stream || streams[0]} onChange={(event) => setStream(event.target.value)}>
            {streams.map((s) => (
              <option key={s}>{s}</option>
            ))}
          </select>
        </label>
      )}
      {error && <p className="faint">{error}</p>}
      <LogText text={lines} live={live} />
    </>
  );
}
