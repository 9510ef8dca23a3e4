import { useState } from "react";

import { moment, span } from "../data/format";
import type { Json, JsonObject, Run, Task } from "../data/types";
import { TaskLogView } from "../parts/log";
import { Copy, Facts, Leaf, Parameters, Problem } from "../parts/parts";
import { State } from "../parts/state";

type Tab = "data" | "log" | "details";

function objectAt(value: JsonObject, key: string): JsonObject {
  const found = value[key];
  return found !== null && typeof found === "object" && !Array.isArray(found) ? found : {};
}

// An artifact comes as KFP writes it, {"artifacts": [{uri, type, metadata}]}, or as one such object.
function artifactsIn(value: Json): JsonObject[] {
  if (value === null || typeof value !== "object") return [];
  const many = Array.isArray(value) ? value : value["artifacts"];
  const found = Array.isArray(many) ? many : [value as Json];
  return found.filter((v): v is JsonObject => v !== null && typeof v === "object" && !Array.isArray(v));
}

function Artifacts({ values }: { values: JsonObject }): React.JSX.Element | null {
  const names = Object.keys(values);
  if (names.length === 0) return null;
  return (
    <dl className="parameters">
      {names.map((name) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            {artifactsIn(values[name] ?? null).map((artifact, i) => (
              <div key={i}>
                <Leaf value={artifact["uri"]} />
                {typeof artifact["type"] === "object" && artifact["type"] !== null && (
                  <span className="faint"> {String((artifact["type"] as JsonObject)["schemaTitle"] ?? "")}</span>
                )}
                {Object.keys(objectAt(artifact, "metadata")).length > 0 && (
                  <pre>{JSON.stringify(artifact["metadata"], null, 2)}</pre>
                )}
              </div>
            ))}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Values({ title, value, running }: { title: string; value: JsonObject; running: boolean }): React.JSX.Element {
  const parameters = objectAt(value, "parameters");
  const artifacts = objectAt(value, "artifacts");
  const none = Object.keys(parameters).length === 0 && Object.keys(artifacts).length === 0;
  return (
    <section>
      <h3>{title}</h3>
      {none && <p className="faint">{running ? "None yet." : "None."}</p>}
      {Object.keys(parameters).length > 0 && <Parameters values={parameters} empty="" />}
      <Artifacts values={artifacts} />
    </section>
  );
}

export function TaskPanel(props: {
  run: Run;
  task: Task;
  now: number;
  inside: Task[] | undefined;
  onOpen: () => void;
  onClose: () => void;
}): React.JSX.Element {
  const { run, task, now, inside, onOpen, onClose } = props;
  const [tab, setTab] = useState<Tab>("data");
  const tabs: [Tab, string][] = [
    ["data", "Input and output"],
    ...(task.is_dag ? [] : ([["log", "Log"]] as [Tab, string][])),
    ["details", "Details"],
  ];
  const ended = task.ended !== undefined;
  return (
    <aside className="panel" aria-label={`Task ${task.display_name || task.name}`}>
      <header>
        <div>
          <h2>{task.display_name || task.name}</h2>
          <p>
            <State state={task.state} />
            <span className="faint"> {span(task.started, task.ended, now)}</span>
          </p>
        </div>
        <button className="close" aria-label="Close" onClick={onClose}>
          ×
        </button>
      </header>
      {task.error && <Problem text={task.error} />}
      {task.is_dag && (
        <button className="action" onClick={onOpen}>
          Show its {inside?.length ?? 0} tasks
        </button>
      )}
      <div className="tabs" role="tablist">
        {tabs.map(([id, label]) => (
          <button key={id} role="tab" aria-selected={tab === id} onClick={() => setTab(id)}>
            {label}
          </button>
        ))}
      </div>
      <div className="panel-body" role="tabpanel">
        {tab === "data" && (
          <>
            <Values title="Outputs" value={task.outputs} running={!ended} />
            <Values title="Inputs" value={task.inputs} running={!ended && task.started === undefined} />
          </>
        )}
        {tab === "log" && <TaskLogView run={run.id} task={task.id} state={task.state} />}
        {tab === "details" && (
          <Facts
            items={[
              ["Task", <code>{task.id}</code>],
              ["Created", moment(task.created)],
              ["Started", moment(task.started)],
              ["Ended", moment(task.ended)],
              ["Duration", span(task.started, task.ended, now)],
              ["Attempt", task.cached ? "none: outputs of an earlier task" : task.attempt ? String(task.attempt) : "none yet"],
              ...(task.image ? [["Image", <Leaf value={task.image} />] as [string, React.ReactNode]] : []),
              ...(task.pod_name
                ? [
                    [
                      "Pod",
                      <span className="arn">
                        {task.pod_name} <Copy value={`kubectl logs -n kubeflow ${task.pod_name}`} />
                      </span>,
                    ] as [string, React.ReactNode],
                  ]
                : []),
            ]}
          />
        )}
      </div>
    </aside>
  );
}
