import { useState } from "react";

import { paths } from "../data/api";
import { moment, span } from "../data/format";
import { useLive, useNow } from "../data/live";
import type { Run } from "../data/types";
import { Empty, Loading, Page, Problem, Table } from "../parts/parts";
import { isUnderWay, State } from "../parts/state";
import { links } from "../router";

export function RunTable({ runs, now }: { runs: Run[]; now: number }): React.JSX.Element {
  return (
    <Table
      label="Runs"
      rows={runs}
      id={(run) => run.id}
      columns={[
        { title: "Run", kind: "wide", cell: (run) => <a href={links.run(run.id)}>{run.display_name || run.id}</a> },
        { title: "State", cell: (run) => <State state={run.state} /> },
        { title: "Pipeline", kind: "wide", cell: (run) => run.pipeline_name || "–" },
        { title: "Started", cell: (run) => moment(run.created) },
        { title: "Duration", kind: "number", cell: (run) => span(run.created, run.finished, now) },
      ]}
    />
  );
}

export function HowToRun(): React.JSX.Element {
  return (
    <>
      <p>
        <code>millrace lab</code> runs the lab from raw data to an answering endpoint. Or start a run of your own with the{" "}
        <code>kfp</code> SDK:
      </p>
      <pre>{`import kfp
client = kfp.Client(host="${window.location.origin}")
client.create_run_from_pipeline_package("pipeline.yaml", arguments={})`}</pre>
    </>
  );
}

export function Runs(): React.JSX.Element {
  const { data, error } = useLive<{ runs: Run[] }>(paths.runs(), (change) => change.topic === "run");
  const [filter, setFilter] = useState("");
  const runs = data?.runs ?? [];
  const now = useNow(runs.some((run) => isUnderWay(run.state)));
  const shown = runs.filter((run) => `${run.display_name} ${run.pipeline_name}`.toLowerCase().includes(filter.toLowerCase()));
  return (
    <Page
      title="Runs"
      side={
        runs.length > 0 && (
          <input
            type="search"
            placeholder="Filter by name"
            aria-label="Filter by name"
            value={filter}
            onChange={(event) => setFilter(event.target.value)}
          />
        )
      }
    >
      {error && <Problem text={error} />}
      {!data && !error && <Loading />}
      {data && runs.length === 0 && (
        <Empty title="No runs yet">
          <HowToRun />
        </Empty>
      )}
      {runs.length > 0 && shown.length === 0 && <p className="faint">No run's name holds “{filter}”.</p>}
      {shown.length > 0 && <RunTable runs={shown} now={now} />}
    </Page>
  );
}
