// Experiments, as the KFP door tells them (/apis/v2beta1).

import { paths } from "../data/api";
import { moment } from "../data/format";
import { useLive, useNow } from "../data/live";
import type { Run } from "../data/types";
import { Card, Empty, Facts, Loading, Page, Problem, Table } from "../parts/parts";
import { isUnderWay } from "../parts/state";
import { links } from "../router";
import { RunTable } from "./runs";

interface Experiment {
  experiment_id: string;
  display_name: string;
  description?: string;
  created_at?: string;
  storage_state?: string;
}

const time = (text: string | undefined): number | undefined => (text ? Date.parse(text) : undefined);

export function Experiments(): React.JSX.Element {
  const { data, error } = useLive<{ experiments?: Experiment[] }>(
    "/apis/v2beta1/experiments?page_size=200&sort_by=created_at%20desc",
    (change) => change.topic === "run",
  );
  const rows = data?.experiments ?? [];
  return (
    <Page title="Experiments">
      {error && <Problem text={error} />}
      {!data && !error && <Loading />}
      {data && rows.length === 0 && (
        <Empty title="No experiments yet">
          <p>
            An experiment gathers runs. <code>client.create_experiment("name")</code> makes one.
          </p>
        </Empty>
      )}
      {rows.length > 0 && (
        <Table
          label="Experiments"
          rows={rows}
          id={(e) => e.experiment_id}
          columns={[
            { title: "Experiment", kind: "wide", cell: (e) => <a href={links.experiment(e.experiment_id)}>{e.display_name}</a> },
            { title: "Description", kind: "wide", cell: (e) => e.description || "–" },
            { title: "Created", cell: (e) => moment(time(e.created_at)) },
          ]}
        />
      )}
    </Page>
  );
}

export function ExperimentPage({ id }: { id: string }): React.JSX.Element {
  const { data, error } = useLive<Experiment>(`/apis/v2beta1/experiments/${encodeURIComponent(id)}`, () => false);
  const { data: all } = useLive<{ runs: Run[] }>(paths.runs(), (change) => change.topic === "run");
  const runs = (all?.runs ?? []).filter((run) => run.experiment_id === id);
  const now = useNow(runs.some((run) => isUnderWay(run.state)));
  return (
    <Page title={data?.display_name ?? "Experiment"} trail={[{ text: "Experiments", href: "#/experiments" }]}>
      {error && <Problem text={error} />}
      {data && (
        <Card>
          <Facts
            items={[
              ["Description", data.description || "–"],
              ["Created", moment(time(data.created_at))],
              ["Experiment id", <code>{id}</code>],
            ]}
          />
        </Card>
      )}
      <Card title="Runs">
        {all && runs.length === 0 ? (
          <p className="faint">
            No runs yet. Pass <code>experiment_name="{data?.display_name ?? ""}"</code> when you create one.
          </p>
        ) : (
          <RunTable runs={runs} now={now} />
        )}
      </Card>
    </Page>
  );
}
