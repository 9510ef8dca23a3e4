// Uploaded pipelines, as the KFP door tells them (/apis/v2beta1), and the graph that a version describes.

import { useState } from "react";

import { moment } from "../data/format";
import { useLive } from "../data/live";
import type { Json, JsonObject } from "../data/types";
import { Graph, type Node } from "../graph/graph";
import { Card, Empty, Facts, Loading, Page, Problem, Raw, Table } from "../parts/parts";
import { links } from "../router";
import { at, object, str } from "./kinds";

interface Pipeline {
  pipeline_id: string;
  name?: string;
  display_name?: string;
  description?: string;
  created_at?: string;
}

interface Version {
  pipeline_version_id: string;
  display_name?: string;
  name?: string;
  created_at?: string;
  pipeline_spec?: JsonObject;
}

const time = (text: string | undefined): number | undefined => (text ? Date.parse(text) : undefined);

export function Pipelines(): React.JSX.Element {
  const { data, error } = useLive<{ pipelines?: Pipeline[] }>(
    "/apis/v2beta1/pipelines?page_size=200&sort_by=created_at%20desc",
    () => false,
  );
  const rows = data?.pipelines ?? [];
  return (
    <Page title="Pipelines">
      {error && <Problem text={error} />}
      {!data && !error && <Loading />}
      {data && rows.length === 0 && (
        <Empty title="No pipelines uploaded yet">
          <p>Runs need no upload. To keep a pipeline here under a name:</p>
          <pre>{`kfp.Client(host="${window.location.origin}").upload_pipeline("pipeline.yaml", "name")`}</pre>
        </Empty>
      )}
      {rows.length > 0 && (
        <Table
          label="Pipelines"
          rows={rows}
          id={(p) => p.pipeline_id}
          columns={[
            { title: "Pipeline", kind: "wide", cell: (p) => <a href={links.pipeline(p.pipeline_id)}>{p.display_name || p.name}</a> },
            { title: "Description", kind: "wide", cell: (p) => p.description || "–" },
            { title: "Created", cell: (p) => moment(time(p.created_at)) },
          ]}
        />
      )}
    </Page>
  );
}

// The tasks of the root DAG and their order, read from the IR.
export function nodesOf(spec: Json | undefined): Node[] {
  const tasks = object(spec, "root", "dag", "tasks");
  return Object.keys(tasks).map((id) => {
    const task = tasks[id];
    const after = new Set<string>();
    const waits = at(task, "dependentTasks");
    if (Array.isArray(waits)) waits.forEach((w) => typeof w === "string" && after.add(w));
    for (const [group, key] of [
      ["parameters", "taskOutputParameter"],
      ["artifacts", "taskOutputArtifact"],
    ] as const) {
      const inputs = object(task, "inputs", group);
      for (const name of Object.keys(inputs)) {
        const producer = str(inputs[name], key, "producerTask");
        if (producer) after.add(producer);
      }
    }
    const component = str(task, "componentRef", "name");
    return {
      id,
      after: [...after],
      title: str(task, "taskInfo", "name") || id,
      state: "",
      note: component.replace(/^comp-/, ""),
      isDag: false,
    };
  });
}

export function PipelinePage({ id, versionId }: { id: string; versionId: string | undefined }): React.JSX.Element {
  const base = `/apis/v2beta1/pipelines/${encodeURIComponent(id)}`;
  const { data: pipeline, error } = useLive<Pipeline>(base, () => false);
  const { data: listed } = useLive<{ pipeline_versions?: Version[] }>(
    `${base}/versions?page_size=200&sort_by=created_at%20desc`,
    () => false,
  );
  const [selected, setSelected] = useState<string>();
  const versions = listed?.pipeline_versions ?? [];
  const version = versions.find((v) => v.pipeline_version_id === versionId) ?? versions[0];
  const spec = version?.pipeline_spec?.["pipeline_spec"] ?? version?.pipeline_spec;
  const inputs = object(spec as Json, "root", "inputDefinitions", "parameters");
  return (
    <Page
      title={pipeline?.display_name || pipeline?.name || "Pipeline"}
      trail={[{ text: "Pipelines", href: "#/pipelines" }]}
      side={
        versions.length > 1 && (
          <label className="pick">
            Version{" "}
            <select
              value={version?.pipeline_version_id}
              onChange={(event) => (window.location.hash = `${links.pipeline(id)}/version/${event.target.value}`)}
            >
              {versions.map((v) => (
                <option key={v.pipeline_version_id} value={v.pipeline_version_id}>
                  {v.display_name || v.name}
                </option>
              ))}
            </select>
          </label>
        )
      }
    >
      {error && <Problem text={error} />}
      {!pipeline && !error && <Loading />}
      {pipeline && (
        <Card>
          <Facts
            items={[
              ["Description", pipeline.description || "–"],
              ["Created", moment(time(pipeline.created_at))],
              ["Version", version?.display_name || version?.name || "–"],
              ["Pipeline id", <code>{id}</code>],
            ]}
          />
        </Card>
      )}
      {spec && (
        <>
          <div className="run-split">
            <div className="run-graph">
              <Graph nodes={nodesOf(spec as Json)} selected={selected} onSelect={setSelected} />
            </div>
          </div>
          <Card title="Parameters">
            {Object.keys(inputs).length === 0 ? (
              <p className="faint">It takes none.</p>
            ) : (
              <Table
                label="Parameters"
                rows={Object.keys(inputs)}
                id={(name) => name}
                columns={[
                  { title: "Parameter", cell: (name) => <code>{name}</code> },
                  { title: "Type", cell: (name) => str(inputs[name], "parameterType") },
                  { title: "Default", cell: (name) => JSON.stringify(at(inputs[name], "defaultValue")) ?? "required" },
                  { title: "Description", kind: "wide", cell: (name) => str(inputs[name], "description") },
                ]}
              />
            )}
          </Card>
          <Raw title="Specification" value={spec as Json} />
        </>
      )}
    </Page>
  );
}
