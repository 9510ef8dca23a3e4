// A tuning job's own part: its search, its training jobs, and how the objective went.

import { paths } from "../data/api";
import { awsTime, number, span, text } from "../data/format";
import { useLive, useNow } from "../data/live";
import type { Json, JsonObject } from "../data/types";
import { ObjectiveChart } from "../parts/chart";
import { Card, Facts, Leaf, Loading, Parameters, Problem, Table, type Column } from "../parts/parts";
import { isUnderWay, State } from "../parts/state";
import { links } from "../router";
import { at, list, object, str } from "./kinds";

function objective(job: JsonObject, metric: string): number | undefined {
  const given = at(job, "FinalHyperParameterTuningJobObjectiveMetric", "Value");
  if (typeof given === "number") return given;
  const found = list(job, "FinalMetricDataList").find((m) => str(m, "MetricName") === metric);
  return typeof found?.["Value"] === "number" ? found["Value"] : undefined;
}

interface Range {
  name: string;
  kind: string;
  from: string;
}

function rangesOf(config: Json | undefined): Range[] {
  const between = (kind: string, key: string): Range[] =>
    list(config, "ParameterRanges", key).map((r) => ({
      name: str(r, "Name"),
      kind,
      from: `${text(r["MinValue"])} to ${text(r["MaxValue"])}`,
    }));
  return [
    ...between("Integer", "IntegerParameterRanges"),
    ...between("Continuous", "ContinuousParameterRanges"),
    ...list(config, "ParameterRanges", "CategoricalParameterRanges").map((r) => ({
      name: str(r, "Name"),
      kind: "Categorical",
      from: ((r["Values"] as Json[] | undefined) ?? []).join(", "),
    })),
  ];
}

export function TuningJobs({ d }: { d: JsonObject }): React.JSX.Element {
  const name = str(d, "HyperParameterTuningJobName");
  const config = d["HyperParameterTuningJobConfig"];
  const metric = str(config, "HyperParameterTuningJobObjective", "MetricName");
  const minimise = str(config, "HyperParameterTuningJobObjective", "Type") !== "Maximize";
  const { data, error } = useLive<{ items: JsonObject[] }>(
    paths.tuningJobs(name),
    (change) => change.topic === "resource" && change.kind === "TrainingJob" && change.name.startsWith(name),
  );
  const jobs = [...(data?.items ?? [])].sort((a, b) => (awsTime(a["CreationTime"]) ?? 0) - (awsTime(b["CreationTime"]) ?? 0));
  const now = useNow(jobs.some((job) => isUnderWay(str(job, "TrainingJobStatus"))));
  const best = str(d, "BestTrainingJob", "TrainingJobName");
  const ranges = rangesOf(config);

  const columns: Column<JsonObject>[] = [
    {
      title: "Training job",
      kind: "wide",
      cell: (job) => (
        <>
          <a href={links.resource("training-jobs", str(job, "TrainingJobName"))}>{str(job, "TrainingJobName")}</a>
          {str(job, "TrainingJobName") === best && <span className="badge">best</span>}
        </>
      ),
    },
    { title: "Status", cell: (job) => <State state={str(job, "TrainingJobStatus")} /> },
    {
      title: metric || "Objective",
      kind: "number",
      cell: (job) => {
        const value = objective(job, metric);
        return value === undefined ? "–" : number(value);
      },
    },
    ...ranges.map(
      (r): Column<JsonObject> => ({ title: r.name, kind: "number", cell: (job) => text(at(job, "HyperParameters", r.name)) || "–" }),
    ),
    {
      title: "Duration",
      kind: "number",
      cell: (job) => span(awsTime(job["CreationTime"]), awsTime(job["TrainingEndTime"]), now),
    },
  ];

  const points = jobs.flatMap((job) => {
    const value = objective(job, metric);
    const jobName = str(job, "TrainingJobName");
    return value === undefined ? [] : [{ name: jobName, value, href: links.resource("training-jobs", jobName) }];
  });
  const counters = object(d, "TrainingJobStatusCounters");
  return (
    <>
      <Card title="Objective">
        {points.length > 0 ? (
          <ObjectiveChart points={points} metric={metric} minimise={minimise} />
        ) : (
          <p className="faint">No training job has reported {metric || "the objective"} yet.</p>
        )}
      </Card>
      <Card title="Training jobs">
        {error && <Problem text={error} />}
        {!data && !error && <Loading />}
        {data && jobs.length === 0 && <p className="faint">None has started yet.</p>}
        {jobs.length > 0 && <Table label="Training jobs" columns={columns} rows={jobs} id={(job) => str(job, "TrainingJobName")} />}
      </Card>
      <div className="columns">
        <Card title="Search">
          <Facts
            items={[
              ["Strategy", str(config, "Strategy") || "–"],
              ["Objective", `${minimise ? "smallest" : "largest"} ${metric}`],
              [
                "Training jobs",
                `${text(at(config, "ResourceLimits", "MaxNumberOfTrainingJobs"))} in all, ` +
                  `${text(at(config, "ResourceLimits", "MaxParallelTrainingJobs"))} at a time`,
              ],
              ["So far", Object.entries(counters).filter(([, n]) => n !== 0).map(([k, n]) => `${text(n)} ${k}`).join(", ") || "–"],
              ["Image", <Leaf value={at(d, "TrainingJobDefinition", "AlgorithmSpecification", "TrainingImage")} />],
              ["Output", <Leaf value={at(d, "TrainingJobDefinition", "OutputDataConfig", "S3OutputPath")} />],
            ]}
          />
        </Card>
        <Card title="Ranges and fixed values">
          <Table
            label="Ranges"
            rows={ranges}
            id={(r) => r.name}
            columns={[
              { title: "Hyperparameter", cell: (r) => <code>{r.name}</code> },
              { title: "Kind", cell: (r) => r.kind },
              { title: "Values", kind: "wide", cell: (r) => r.from },
            ]}
          />
          <Parameters values={object(d, "TrainingJobDefinition", "StaticHyperParameters")} empty="Nothing is fixed." />
        </Card>
      </div>
    </>
  );
}
