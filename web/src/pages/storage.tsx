// Buckets and what lies in them, folder by folder.

import { paths } from "../data/api";
import { bytes, moment } from "../data/format";
import { useLive } from "../data/live";
import type { Listing } from "../data/types";
import { Copy, Empty, Loading, Page, Problem, Table } from "../parts/parts";
import { links } from "../router";

export function Buckets(): React.JSX.Element {
  const { data, error } = useLive<Listing>(paths.buckets(), (change) => change.topic === "resource");
  const rows = data?.buckets ?? [];
  return (
    <Page title="Buckets">
      {error && <Problem text={error} />}
      {!data && !error && <Loading />}
      {data && rows.length === 0 && (
        <Empty title="No buckets yet">
          <p>In a shell with the environment of millrace env:</p>
          <pre>aws s3 mb s3://my-bucket</pre>
        </Empty>
      )}
      {rows.length > 0 && (
        <Table
          label="Buckets"
          rows={rows}
          id={(b) => b.name}
          columns={[
            { title: "Bucket", kind: "wide", cell: (b) => <a href={links.bucket(b.name)}>{b.name}</a> },
            { title: "Created", cell: (b) => moment(b.created) },
          ]}
        />
      )}
    </Page>
  );
}

interface Entry {
  key: string;
  folder: boolean;
  size?: number;
  modified?: number;
  etag?: string;
}

export function Bucket({ bucket, prefix }: { bucket: string; prefix: string }): React.JSX.Element {
  const { data, error } = useLive<Listing>(paths.objects(bucket, prefix), (change) => change.topic === "resource");
  const entries: Entry[] = [
    ...(data?.folders ?? []).map((key): Entry => ({ key, folder: true })),
    ...(data?.objects ?? []).map((o): Entry => ({ key: o.key, folder: false, size: o.size, modified: o.modified, etag: o.etag })),
  ];
  const steps = prefix.split("/").filter((s) => s !== "");
  return (
    <Page
      title={steps[steps.length - 1] ?? bucket}
      trail={[
        { text: "Buckets", href: "#/storage" },
        ...(steps.length > 0 ? [{ text: bucket, href: links.bucket(bucket) }] : []),
        ...steps.slice(0, -1).map((step, i) => ({ text: step, href: links.bucket(bucket, `${steps.slice(0, i + 1).join("/")}/`) })),
      ]}
      side={
        <span className="arn">
          s3://{bucket}/{prefix} <Copy value={`s3://${bucket}/${prefix}`} />
        </span>
      }
    >
      {error && <Problem text={error} />}
      {!data && !error && <Loading />}
      {data && entries.length === 0 && (
        <Empty title="Nothing here">
          <pre>{`aws s3 cp FILE s3://${bucket}/${prefix}`}</pre>
        </Empty>
      )}
      {entries.length > 0 && (
        <Table
          label="Objects"
          rows={entries}
          id={(e) => e.key}
          columns={[
            {
              title: "Name",
              kind: "wide",
              cell: (e) =>
                e.folder ? <a href={links.bucket(bucket, e.key)}>{e.key.slice(prefix.length)}</a> : e.key.slice(prefix.length),
            },
            { title: "Size", kind: "number", cell: (e) => (e.size === undefined ? "–" : bytes(e.size)) },
            { title: "Changed", cell: (e) => moment(e.modified) },
            { title: "ETag", cell: (e) => <code>{e.etag?.replace(/"/g, "") ?? ""}</code> },
          ]}
        />
      )}
      {data?.truncated && <p className="faint">There is more than is shown here: aws s3 ls lists all.</p>}
    </Page>
  );
}
