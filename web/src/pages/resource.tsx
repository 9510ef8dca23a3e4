// One SageMaker resource: what AWS's console shows of it, from Describe.

import type { ReactNode } from "react";

import { paths } from "../data/api";
import { awsTime, moment, number, span, text } from "../data/format";
import { useLive, useNow } from "../data/live";
import type { Json, JsonObject } from "../data/types";
import { JobLogView } from "../parts/log";
import { Card, Copy, Facts, Leaf, Loading, Page, Parameters, Problem, Raw, Table } from "../parts/parts";
import { isUnderWay, State } from "../parts/state";
import { links } from "../router";
import { at, kindByName, list, object, str, type Kind } from "./kinds";
import { TuningJobs } from "./tuning";

type Fact = [string, ReactNode];

function to(kind: string, name: string): ReactNode {
  const slug = kindByName(kind)?.slug;
  if (!name) return "–";
  return slug ? <a className={name.length > 30 ? "long" : ""} href={links.resource(slug, name)}>{name}</a> : name;
}

function nameInArn(arn: string): string {
  return arn.slice(arn.lastIndexOf("/") + 1);
}

function present(facts: [string, Json | undefined][]): Fact[] {
  return facts.filter(([, value]) => value !== undefined && value !== null).map(([name, value]) => [name, <Leaf value={value} />]);
}

function machines(cluster: JsonObject): string {
  const count = text(cluster["InstanceCount"]);
  const type = text(cluster["InstanceType"]);
  const volume = text(cluster["VolumeSizeInGB"]);
  return type ? `${count || "1"} × ${type}${volume ? `, ${volume} GB each` : ""}` : "–";
}

function training(d: JsonObject): ReactNode {
  const metrics = list(d, "FinalMetricDataList");
  return (
    <>
      <div className="columns">
        <Card title="Algorithm and machines">
          <Facts
            items={[
              ...present([
                ["Image", at(d, "AlgorithmSpecification", "TrainingImage")],
                ["Algorithm", at(d, "AlgorithmSpecification", "AlgorithmName")],
                ["Input mode", at(d, "AlgorithmSpecification", "TrainingInputMode")],
              ]),
              ["Machines", machines(object(d, "ResourceConfig"))],
              ["Longest run", `${text(at(d, "StoppingCondition", "MaxRuntimeInSeconds")) || "–"} s`],
              ["Role", <Leaf value={d["RoleArn"]} />],
              ...(str(d, "TuningJobArn")
                ? [["Tuning job", to("HyperParameterTuningJob", nameInArn(str(d, "TuningJobArn")))] as Fact]
                : []),
            ]}
          />
        </Card>
        <Card title="Hyperparameters">
          <Parameters values={object(d, "HyperParameters")} empty="None." />
        </Card>
      </div>
      <Card title="Metrics">
        {metrics.length === 0 ? (
          <p className="faint">{isUnderWay(str(d, "TrainingJobStatus")) ? "None yet." : "The job reported none."}</p>
        ) : (
          <div className="tiles">
            {metrics.map((m) => (
              <div className="tile" key={str(m, "MetricName")}>
                <b>{typeof m["Value"] === "number" ? number(m["Value"]) : "–"}</b>
                <span>{str(m, "MetricName")}</span>
              </div>
            ))}
          </div>
        )}
      </Card>
      <Card title="Input channels">
        <Table
          label="Input channels"
          rows={list(d, "InputDataConfig")}
          id={(c) => str(c, "ChannelName")}
          columns={[
            { title: "Channel", cell: (c) => str(c, "ChannelName") },
            { title: "S3 data", kind: "wide", cell: (c) => <Leaf value={at(c, "DataSource", "S3DataSource", "S3Uri")} /> },
            { title: "Distribution", cell: (c) => str(c, "DataSource", "S3DataSource", "S3DataDistributionType") || "–" },
            { title: "Content type", cell: (c) => str(c, "ContentType") || "–" },
            { title: "Compression", cell: (c) => str(c, "CompressionType") || "None" },
          ]}
        />
      </Card>
      <Card title="Output">
        <Facts
          items={present([
            ["Model artifacts", at(d, "ModelArtifacts", "S3ModelArtifacts")],
            ["Output path", at(d, "OutputDataConfig", "S3OutputPath")],
          ])}
        />
      </Card>
      <Steps steps={list(d, "SecondaryStatusTransitions")} />
    </>
  );
}

function Steps({ steps }: { steps: JsonObject[] }): React.JSX.Element | null {
  if (steps.length === 0) return null;
  return (
    <Card title="Status history">
      <Table
        label="Status history"
        rows={steps}
        id={(s) => `${str(s, "Status")}${text(s["StartTime"])}`}
        columns={[
          { title: "Status", cell: (s) => <State state={str(s, "Status")} /> },
          { title: "From", cell: (s) => moment(awsTime(s["StartTime"])) },
          { title: "Message", kind: "wide", cell: (s) => str(s, "StatusMessage") },
        ]}
      />
    </Card>
  );
}

function processing(d: JsonObject): ReactNode {
  return (
    <>
      <div className="columns">
        <Card title="Container and machines">
          <Facts
            items={[
              ...present([["Image", at(d, "AppSpecification", "ImageUri")]]),
              ["Entry point", <code>{(at(d, "AppSpecification", "ContainerEntrypoint") as Json[] | undefined)?.join(" ") ?? "–"}</code>],
              ["Arguments", <code>{(at(d, "AppSpecification", "ContainerArguments") as Json[] | undefined)?.join(" ") || "–"}</code>],
              ["Machines", machines(object(d, "ProcessingResources", "ClusterConfig"))],
              ["Role", <Leaf value={d["RoleArn"]} />],
              ...present([["Exit message", d["ExitMessage"]]]),
            ]}
          />
        </Card>
        <Card title="Environment">
          <Parameters values={object(d, "Environment")} empty="No variables." />
        </Card>
      </div>
      <Card title="Inputs">
        <Table
          label="Inputs"
          rows={list(d, "ProcessingInputs")}
          id={(i) => str(i, "InputName")}
          columns={[
            { title: "Input", cell: (i) => str(i, "InputName") },
            { title: "S3 data", kind: "wide", cell: (i) => <Leaf value={at(i, "S3Input", "S3Uri")} /> },
            { title: "Folder", cell: (i) => <code>{str(i, "S3Input", "LocalPath")}</code> },
          ]}
        />
      </Card>
      <Card title="Outputs">
        <Table
          label="Outputs"
          rows={list(d, "ProcessingOutputConfig", "Outputs")}
          id={(o) => str(o, "OutputName")}
          columns={[
            { title: "Output", cell: (o) => str(o, "OutputName") },
            { title: "S3 data", kind: "wide", cell: (o) => <Leaf value={at(o, "S3Output", "S3Uri")} /> },
            { title: "Folder", cell: (o) => <code>{str(o, "S3Output", "LocalPath")}</code> },
          ]}
        />
      </Card>
    </>
  );
}

function transform(d: JsonObject): ReactNode {
  return (
    <div className="columns">
      <Card title="Input">
        <Facts
          items={[
            ["Model", to("Model", str(d, "ModelName"))],
            ...present([
              ["S3 data", at(d, "TransformInput", "DataSource", "S3DataSource", "S3Uri")],
              ["Content type", at(d, "TransformInput", "ContentType")],
              ["Split", at(d, "TransformInput", "SplitType")],
              ["Batch strategy", d["BatchStrategy"]],
              ["Largest request, MB", d["MaxPayloadInMB"]],
            ]),
          ]}
        />
      </Card>
      <Card title="Output">
        <Facts
          items={[
            ...present([
              ["S3 data", at(d, "TransformOutput", "S3OutputPath")],
              ["Accept", at(d, "TransformOutput", "Accept")],
              ["Assembled", at(d, "TransformOutput", "AssembleWith")],
            ]),
            ["Machines", machines(object(d, "TransformResources"))],
          ]}
        />
      </Card>
    </div>
  );
}

function model(d: JsonObject): ReactNode {
  const containers = d["PrimaryContainer"] ? [object(d, "PrimaryContainer")] : list(d, "Containers");
  return (
    <>
      {containers.map((c, i) => (
        <Card key={i} title={containers.length > 1 ? `Container ${i + 1}` : "Container"}>
          <Facts
            items={present([
              ["Image", c["Image"]],
              ["Model artifacts", c["ModelDataUrl"]],
              ["Host name", c["ContainerHostname"]],
              ["Model package", c["ModelPackageName"]],
            ])}
          />
          {Object.keys(object(c, "Environment")).length > 0 && <Parameters values={object(c, "Environment")} empty="" />}
        </Card>
      ))}
      <Card title="Rights and network">
        <Facts
          items={present([
            ["Role", d["ExecutionRoleArn"]],
            ["Network isolation", d["EnableNetworkIsolation"]],
          ])}
        />
      </Card>
    </>
  );
}

function Variants({ rows }: { rows: JsonObject[] }): React.JSX.Element {
  return (
    <Table
      label="Production variants"
      rows={rows}
      id={(v) => str(v, "VariantName")}
      columns={[
        { title: "Variant", cell: (v) => str(v, "VariantName") },
        { title: "Model", kind: "wide", cell: (v) => to("Model", str(v, "ModelName")) },
        { title: "Machines", cell: (v) => text(v["InstanceType"]) || "–" },
        { title: "Count", kind: "number", cell: (v) => text(v["InitialInstanceCount"]) || "–" },
        { title: "Weight", kind: "number", cell: (v) => text(v["InitialVariantWeight"]) || "–" },
      ]}
    />
  );
}

function endpointConfig(d: JsonObject): ReactNode {
  return (
    <Card title="Production variants">
      <Variants rows={list(d, "ProductionVariants")} />
    </Card>
  );
}

function Endpoint({ d }: { d: JsonObject }): React.JSX.Element {
  const config = str(d, "EndpointConfigName");
  const { data } = useLive<JsonObject>(config ? paths.resource("EndpointConfig", config) : null, () => false);
  const name = str(d, "EndpointName");
  return (
    <>
      <Card title="Production variants now">
        <Table
          label="Production variants now"
          rows={list(d, "ProductionVariants")}
          id={(v) => str(v, "VariantName")}
          columns={[
            { title: "Variant", cell: (v) => str(v, "VariantName") },
            {
              title: "Image",
              kind: "wide",
              cell: (v) => list(v, "DeployedImages").map((image) => str(image, "SpecifiedImage")).join(", ") || "–",
            },
            { title: "Weight", kind: "number", cell: (v) => text(v["CurrentWeight"]) || "–" },
            { title: "Instances", kind: "number", cell: (v) => text(v["CurrentInstanceCount"]) || "–" },
          ]}
        />
      </Card>
      <Card title="Configuration">
        <Facts items={[["Name", to("EndpointConfig", config)]]} />
        {data && <Variants rows={list(data, "ProductionVariants")} />}
      </Card>
      <Card title="Ask it">
        <p className="faint">In a shell with the environment of millrace env; body.csv holds one record a line:</p>
        <pre>{`aws sagemaker-runtime invoke-endpoint --endpoint-name ${name} \\
  --content-type text/csv --body fileb://body.csv answer.json`}</pre>
      </Card>
    </>
  );
}

function body(kind: Kind, d: JsonObject): ReactNode {
  switch (kind.kind) {
    case "TrainingJob":
      return training(d);
    case "ProcessingJob":
      return processing(d);
    case "TransformJob":
      return transform(d);
    case "HyperParameterTuningJob":
      return <TuningJobs d={d} />;
    case "Model":
      return model(d);
    case "EndpointConfig":
      return endpointConfig(d);
    case "Endpoint":
      return <Endpoint d={d} />;
    default:
      return null; // a kind without a part of its own: its facts and members say it all
  }
}

export function Resource({ kind, name }: { kind: Kind; name: string }): React.JSX.Element {
  const { data: d, error } = useLive<JsonObject>(
    paths.resource(kind.kind, name),
    (change) => change.topic === "resource" && change.kind === kind.kind && change.name === name,
  );
  const status = d && kind.status ? str(d, kind.status) : "";
  const busy = status !== "" && isUnderWay(status);
  const now = useNow(busy);
  const created = awsTime(d?.["CreationTime"]);
  const started = kind.started ? awsTime(d?.[kind.started]) : undefined;
  const ended = kind.ended ? awsTime(d?.[kind.ended]) : undefined;
  const arn = d ? str(d, kind.arn) : "";
  return (
    <Page
      title={name}
      trail={[{ text: kind.plural, href: links.resources(kind.slug) }]}
      side={status && <State state={status} />}
    >
      {error && <Problem text={error} />}
      {!d && !error && <Loading />}
      {d && (
        <>
          {str(d, "FailureReason") && <Problem text={str(d, "FailureReason")} />}
          <Card>
            <Facts
              items={[
                [
                  "ARN",
                  <span className="arn">
                    {arn} <Copy value={arn} />
                  </span>,
                ],
                ["Created", moment(created)],
                ...(str(d, "SecondaryStatus") ? [["Now", str(d, "SecondaryStatus")] as Fact] : []),
                ...(kind.started && kind.started !== "CreationTime" ? [["Started", moment(started)] as Fact] : []),
                ...(kind.ended ? [["Ended", moment(ended)] as Fact, ["Duration", ended === undefined && !busy ? "–" : span(created, ended, now)] as Fact] : []),
                ...(kind.kind === "Endpoint" ? [["Changed", moment(awsTime(d["LastModifiedTime"]))] as Fact] : []),
              ]}
            />
          </Card>
          {body(kind, d)}
          {kind.has_log && (
            <Card title="Log">
              <JobLogView kind={kind.kind} name={name} live={busy || status === "InService"} />
            </Card>
          )}
          <Raw title={`All members, as Describe${kind.kind} answers`} value={d} />
        </>
      )}
    </Page>
  );
}
