import { useState } from "react";

import { paths } from "../data/api";
import { awsTime, moment, span } from "../data/format";
import { useLive, useNow } from "../data/live";
import type { JsonObject } from "../data/types";
import { Empty, Loading, Page, Problem, Table, type Column } from "../parts/parts";
import { isUnderWay, State } from "../parts/state";
import { links } from "../router";
import { at, str, type Kind } from "./kinds";

export function ResourceList({ kind }: { kind: Kind }): React.JSX.Element {
  const { data, error } = useLive<{ items: JsonObject[] }>(
    paths.resources(kind.kind),
    (change) => change.topic === "resource" && change.kind === kind.kind,
  );
  const [filter, setFilter] = useState("");
  const items = data?.items ?? [];
  const now = useNow(items.some((item) => kind.status && isUnderWay(str(item, kind.status))));

  const columns: Column<JsonObject>[] = [
    {
      title: "Name",
      kind: "wide",
      cell: (item) => <a href={links.resource(kind.slug, str(item, kind.name))}>{str(item, kind.name)}</a>,
    },
  ];
  if (kind.status) {
    const status = kind.status;
    columns.push({ title: "Status", cell: (item) => <State state={str(item, status)} /> });
  }
  if (kind.kind === "HyperParameterTuningJob") {
    columns.push(
      { title: "Strategy", cell: (item) => str(item, "Strategy") },
      { title: "Completed", kind: "number", cell: (item) => String(at(item, "TrainingJobStatusCounters", "Completed") ?? "–") },
    );
  }
  columns.push({ title: "Created", cell: (item) => moment(awsTime(item["CreationTime"])) });
  if (kind.ended) {
    const ended = kind.ended;
    columns.push({
      title: "Duration",
      kind: "number",
      cell: (item) =>
        awsTime(item[ended]) === undefined && !isUnderWay(str(item, kind.status))
          ? "–"
          : span(awsTime(item["CreationTime"]), awsTime(item[ended]), now),
    });
  }
  if (kind.kind === "Endpoint") {
    columns.push({ title: "Changed", cell: (item) => moment(awsTime(item["LastModifiedTime"])) });
  }
  columns.push({
    title: "ARN",
    kind: "wide",
    cell: (item) => <span className="arn">{str(item, kind.arn)}</span>,
  });

  const shown = items.filter((item) => str(item, kind.name).toLowerCase().includes(filter.toLowerCase()));
  return (
    <Page
      title={kind.plural}
      side={
        items.length > 0 && (
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
      {data && items.length === 0 && (
        <Empty title={`No ${kind.plural.toLowerCase()} yet`}>
          <p>{kind.hint}</p>
          <p>
            <code>millrace lab</code> runs the lab, which makes at least one of each kind.
          </p>
        </Empty>
      )}
      {items.length > 0 && shown.length === 0 && <p className="faint">No name holds “{filter}”.</p>}
      {shown.length > 0 && <Table label={kind.plural} columns={columns} rows={shown} id={(item) => str(item, kind.name)} />}
    </Page>
  );
}
