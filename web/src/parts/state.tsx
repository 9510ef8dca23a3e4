// States of tasks, runs, jobs and endpoints: one word, one colour, one icon each, the same on every page.

type Tone = "good" | "busy" | "bad" | "idle" | "still" | "warn";

// KFP's RuntimeState names, then SageMaker's statuses.
const TONES: { [state: string]: Tone } = {
  SUCCEEDED: "good",
  CACHED: "good",
  RUNNING: "busy",
  CANCELING: "warn",
  PENDING: "idle",
  PAUSED: "idle",
  SKIPPED: "still",
  CANCELED: "still",
  FAILED: "bad",
  RUNTIME_STATE_UNSPECIFIED: "idle",
  Completed: "good",
  InService: "good",
  InProgress: "busy",
  Creating: "busy",
  Updating: "busy",
  SystemUpdating: "busy",
  RollingBack: "warn",
  Stopping: "warn",
  Deleting: "warn",
  Stopped: "still",
  OutOfService: "bad",
  Failed: "bad",
};

const WORDS: { [state: string]: string } = {
  RUNTIME_STATE_UNSPECIFIED: "Waiting",
  SUCCEEDED: "Succeeded",
  CACHED: "Cached",
  RUNNING: "Running",
  CANCELING: "Canceling",
  PENDING: "Pending",
  PAUSED: "Paused",
  SKIPPED: "Skipped",
  CANCELED: "Canceled",
  FAILED: "Failed",
  InProgress: "In progress",
  InService: "In service",
  OutOfService: "Out of service",
  SystemUpdating: "Updating",
  RollingBack: "Rolling back",
};

export function tone(state: string): Tone {
  return TONES[state] ?? "idle";
}

export function stateClass(state: string): string {
  return `tone-${tone(state)}`;
}

export function stateWord(state: string): string {
  return WORDS[state] ?? (state || "Waiting");
}

export function isUnderWay(state: string): boolean {
  return tone(state) === "busy" || tone(state) === "warn" || tone(state) === "idle";
}

export function StateIcon({ state }: { state: string }): React.JSX.Element {
  const t = tone(state);
  return (
    <svg className={`icon tone-${t}`} width="18" height="18" viewBox="0 0 18 18" aria-hidden="true">
      {t === "good" && (
        <>
          <circle className="disc" cx="9" cy="9" r="8" />
          <path className="mark" d="M5.2 9.3l2.6 2.6 5-5.4" />
        </>
      )}
      {t === "bad" && (
        <>
          <circle className="disc" cx="9" cy="9" r="8" />
          <path className="mark" d="M6.2 6.2l5.6 5.6M11.8 6.2l-5.6 5.6" />
        </>
      )}
      {(t === "busy" || t === "warn") && (
        <>
          <circle className="track" cx="9" cy="9" r="6.8" />
          <path className="spin" d="M9 2.2a6.8 6.8 0 0 1 6.8 6.8" />
        </>
      )}
      {t === "idle" && <circle className="track dashed" cx="9" cy="9" r="6.8" />}
      {t === "still" && (
        <>
          <circle className="track" cx="9" cy="9" r="6.8" />
          <path className="dash" d="M5.8 9h6.4" />
        </>
      )}
    </svg>
  );
}

export function State({ state }: { state: string }): React.JSX.Element {
  return (
    <span className={`state ${stateClass(state)}`} data-state={state}>
      <StateIcon state={state} />
      {stateWord(state)}
    </span>
  );
}
