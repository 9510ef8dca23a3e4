import { Component, useEffect, type ReactNode } from "react";

import { useLink } from "./data/live";
import { Empty, Page, Problem } from "./parts/parts";
import { ExperimentPage, Experiments } from "./pages/experiments";
import { allKinds, kindBySlug } from "./pages/kinds";
import { Overview } from "./pages/overview";
import { PipelinePage, Pipelines } from "./pages/pipelines";
import { Resource } from "./pages/resource";
import { ResourceList } from "./pages/resource_list";
import { RunPage } from "./pages/run";
import { Runs } from "./pages/runs";
import { Bucket, Buckets } from "./pages/storage";
import { useRoute, type Route } from "./router";

const menu = (): { title: string; entries: { text: string; href: string }[] }[] => [
  { title: "", entries: [{ text: "Overview", href: "#/" }] },
  {
    title: "Pipelines",
    entries: [
      { text: "Runs", href: "#/runs" },
      { text: "Experiments", href: "#/experiments" },
      { text: "Pipelines", href: "#/pipelines" },
    ],
  },
  { title: "SageMaker", entries: allKinds().map((k) => ({ text: k.plural, href: `#/sagemaker/${k.slug}` })) },
  { title: "S3", entries: [{ text: "Buckets", href: "#/storage" }] },
];

function pageOf({ parts, query }: Route): ReactNode {
  const [first, second, third, fourth, fifth] = parts;
  switch (first) {
    case undefined:
    case "overview":
    case "start":
      return <Overview />;
    case "runs":
      if (second === undefined) return <Runs />;
      if (second === "details" && third) return <RunPage key={third} id={third} taskId={query.get("task") ?? undefined} />;
      break;
    case "experiments":
      if (second === undefined) return <Experiments />;
      if (second === "details" && third) return <ExperimentPage key={third} id={third} />;
      break;
    case "pipelines":
      if (second === undefined) return <Pipelines />;
      if (second === "details" && third) {
        return <PipelinePage key={third} id={third} versionId={fourth === "version" ? fifth : undefined} />;
      }
      break;
    case "sagemaker": {
      const kind = kindBySlug(second ?? "");
      if (kind && third === undefined) return <ResourceList key={kind.kind} kind={kind} />;
      if (kind && third) return <Resource key={`${kind.kind} ${third}`} kind={kind} name={third} />;
      break;
    }
    case "storage":
      if (second === undefined) return <Buckets />;
      return <Bucket key={second} bucket={second} prefix={query.get("prefix") ?? ""} />;
  }
  return (
    <Page title="No such page">
      <Empty title="This address leads nowhere">
        <p>
          <a href="#/">To the overview</a>
        </p>
      </Empty>
    </Page>
  );
}

class Guard extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };
  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }
  override render(): ReactNode {
    if (!this.state.error) return this.props.children;
    return (
      <Page title="This page failed">
        <Problem text={this.state.error.message} />
        <p>
          <button className="action" onClick={() => this.setState({ error: null })}>
            Show it again
          </button>
        </p>
      </Page>
    );
  }
}

function Link(): React.JSX.Element {
  const link = useLink();
  const words = { connecting: "connecting", open: "live", lost: "no connection, trying again" };
  return (
    <div className={`link-state ${link}`} role="status">
      <i aria-hidden="true" />
      {words[link]}
    </div>
  );
}

export function App(): React.JSX.Element {
  const route = useRoute();
  const here = `#/${route.parts.join("/")}`;
  const groups = menu();
  const current = groups.flatMap((group) => group.entries)
    .filter((entry) => here === entry.href || (entry.href !== "#/" && here.startsWith(`${entry.href}/`)))
    .pop();
  const address = route.parts.join("/");
  useEffect(() => {
    window.scrollTo(0, 0);
    const name = document.querySelector("h1")?.textContent;
    document.title = name ? `${name} · Millrace` : "Millrace";
  }, [address]);
  return (
    <div className="shell">
      <a className="skip" href="#main" onClick={(event) => {
        event.preventDefault();
        document.getElementById("main")?.focus();
      }}>
        To the content
      </a>
      <div className="sidebar">
        <a className="brand" href="#/">
          <img src="/assets/favicon.svg" alt="" width="26" height="26" />
          Millrace
        </a>
        <nav aria-label="Main">
          {groups.map((group) => (
            <div key={group.title} className="menu-group">
              {group.title && <h2>{group.title}</h2>}
              {group.entries.map((entry) => (
                <a key={entry.href} href={entry.href} aria-current={entry === current ? "page" : undefined}>
                  {entry.text}
                </a>
              ))}
            </div>
          ))}
        </nav>
        <Link />
      </div>
      <Guard key={address}>{pageOf(route)}</Guard>
    </div>
  );
}
