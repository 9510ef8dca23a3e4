// One run: its graph with live states, and beside it the task that is selected.

import { useEffect, useState } from "react";

import { paths } from "../data/api";
import { moment, span } from "../data/format";
import { useLive, useNow } from "../data/live";
import type { Run, Task } from "../data/types";
import { Graph, type Node } from "../graph/graph";
import { Facts, Loading, Page, Problem } from "../parts/parts";
import { isUnderWay, State, stateWord } from "../parts/state";
import { links } from "../router";
import { TaskPanel } from "./task_panel";

const ROOT = "";

// The level a task is drawn on: its parent's id where that is a task that itself is drawn, else the top.
export function levels(tasks: Task[]): Map<string, Task[]> {
  const drawn = new Set(tasks.filter((t) => t.is_dag && t.id !== "root").map((t) => t.id));
  const out = new Map<string, Task[]>();
  for (const task of tasks) {
    if (task.id === "root") continue;
    const parent = drawn.has(task.parent_id) ? task.parent_id : ROOT;
    const level = out.get(parent);
    if (level) level.push(task);
    else out.set(parent, [task]);
  }
  return out;
}

function noteOf(task: Task, inside: Task[] | undefined, now: number): string {
  if (task.is_dag && inside) {
    const done = inside.filter((t) => !isUnderWay(t.state)).length;
    return `${done} of ${inside.length} tasks done`;
  }
  if (task.started !== undefined) return `${stateWord(task.state)} · ${span(task.started, task.ended, now)}`;
  return stateWord(task.state);
}

export function RunPage({ id, taskId }: { id: string; taskId: string | undefined }): React.JSX.Element {
  const { data: run, error } = useLive<Run>(paths.run(id), (change) => change.topic === "run" && change.id === id);
  const busy = run !== undefined && isUnderWay(run.state);
  const now = useNow(busy);
  const [selected, setSelected] = useState(taskId);
  const [level, setLevel] = useState(ROOT);
  useEffect(() => setSelected(taskId), [taskId]);
  useEffect(() => setLevel(ROOT), [id]);

  const tasks = run?.tasks ?? [];
  const byLevel = levels(tasks);
  const byId = new Map(tasks.map((t) => [t.id, t]));
  const here = byLevel.get(level) ?? [];
  const nodes: Node[] = here.map((task) => ({
    id: task.id,
    after: task.depends_on,
    title: task.display_name || task.name,
    state: task.state,
    note: noteOf(task, byLevel.get(task.id), now),
    isDag: task.is_dag,
  }));
  const task = selected === undefined ? undefined : byId.get(selected);
  const select = (next: string | undefined): void => {
    setSelected(next);
    window.history.replaceState(null, "", links.run(id, next)); // a link to what is seen, without a step in the history
  };
  const open = (dag: string): void => {
    setLevel(dag);
    select(undefined);
  };

  const path: Task[] = [];
  for (let t = byId.get(level); t; t = byId.get(t.parent_id)) if (t.id !== "root") path.unshift(t);
  const done = tasks.filter((t) => !t.is_dag && !isUnderWay(t.state)).length;
  const leaves = tasks.filter((t) => !t.is_dag).length;

  return (
    <Page
      title={run?.display_name || "Run"}
      trail={[
        { text: "Runs", href: "#/runs" },
        ...(run?.experiment_id ? [{ text: "Experiment", href: links.experiment(run.experiment_id) }] : []),
      ]}
      side={run && <State state={run.state} />}
    >
      {error && <Problem text={error} />}
      {!run && !error && <Loading />}
      {run && (
        <>
          {run.error && <Problem text={run.error} />}
          <Facts
            items={[
              ["Pipeline", run.pipeline_name || "–"],
              ["Started", moment(run.created)],
              ["Duration", span(run.created, run.finished, now)],
              ["Tasks done", `${done} of ${leaves}`],
              ["Run id", <code>{run.id}</code>],
            ]}
          />
          <div className={`run-split${task ? " with-panel" : ""}`}>
            <div className="run-graph">
              {level !== ROOT && (
                <nav className="trail" aria-label="Level of the graph">
                  <button className="link" onClick={() => open(ROOT)}>
                    {run.pipeline_name || "Pipeline"}
                  </button>
                  {path.map((t) => (
                    <span key={t.id}>
                      {" / "}
                      <button className="link" onClick={() => open(t.id)}>
                        {t.display_name || t.name}
                      </button>
                    </span>
                  ))}
                </nav>
              )}
              {nodes.length === 0 ? (
                <p className="faint pad">
                  {level !== ROOT || !busy ? "There are no tasks here." : "The first tasks are about to start."}
                </p>
              ) : (
                <Graph nodes={nodes} selected={selected} onSelect={select} onOpen={open} />
              )}
            </div>
            {task && (
              <TaskPanel
                key={task.id}
                run={run}
                task={task}
                now={now}
                inside={byLevel.get(task.id)}
                onOpen={() => open(task.id)}
                onClose={() => select(undefined)}
              />
            )}
          </div>
        </>
      )}
    </Page>
  );
}
